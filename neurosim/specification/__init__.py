"""Specifications: how large an imperfection may be before accuracy is lost, and which one costs how much."""

from neurosim.specification.find import Findings, Found, Share, find

__all__ = ["Findings", "Found", "Share", "find"]
