"""Cross-validation: the same circuit here and in a circuit simulator."""

from neurosim.crosscheck.check import Report, check_circuit, write

__all__ = ["Report", "check_circuit", "write"]
