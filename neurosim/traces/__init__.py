"""Traces: what a run records, in HDF5 that every reader opens."""

from neurosim.traces.reader import read_trace
from neurosim.traces.trace import Trace
from neurosim.traces.writer import TraceWriter

__all__ = ["Trace", "TraceWriter", "read_trace"]
