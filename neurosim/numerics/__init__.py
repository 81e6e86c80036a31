"""Integrators, fixed points and lock-in: arrays and functions, without volts and without networks."""
