"""Carry the records of an interrupted trace over into the one that goes on with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurosim.traces.reader import read_trace

if TYPE_CHECKING:
    from pathlib import Path

    from neurosim.traces.writer import TraceWriter


def copy_records(path: Path, writer: TraceWriter, step: int, measured: int) -> None:
    """Copy pulses up to update `step`, conductances and metrics up to update `measured`, one record at a time.

    Records of later updates, made after the checkpoint, are left behind: they will be made again.
    """
    with read_trace(path) as old:
        for synapse in old.synapses:
            for k in range(old.records(f"weights/{synapse}")):
                one = old.weights(synapse, slice(k, k + 1))
                if one.step[0] <= measured:
                    writer.weights(synapse, int(one.step[0]), one.g_plus[0], one.g_minus[0])
        for synapse in old.pulsed:
            for k in range(old.records(f"pulses/{synapse}")):
                events = old.pulses(synapse, slice(k, k + 1))
                if events.step[0] <= step:
                    writer.pulses(synapse, int(events.step[0]), events.count[0])
        metrics = old.metrics()
        for k, at in enumerate(metrics.get("step", ())):
            if at <= measured:
                writer.metrics(int(at), {name: float(v[k]) for name, v in metrics.items() if name != "step"})
