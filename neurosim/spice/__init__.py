"""Circuits as SPICE netlists, and the simulators that run them."""
