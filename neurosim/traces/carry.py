"""Carry the records of an interrupted trace over into the one that goes on with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurosim.traces.reader import read_trace

if TYPE_CHECKING:
    from pathlib import Path

    from neurosim.traces.writer import TraceWriter


def copy_records(path: Path, writer: TraceWriter, step: int) -> int:
    """Copy conductances, pulses and metrics recorded up to update `step` from `path`, one record at a time.

    Records of later updates, made after the checkpoint, are left behind: they will be made again.

    Returns
    -------
    int
        The update count of the last metrics that were copied, -1 if there were none.
    """
    with read_trace(path) as old:
        for synapse in old.synapses:
            for k in range(old.records(f"weights/{synapse}")):
                one = old.weights(synapse, slice(k, k + 1))
                if one.step[0] <= step:
                    writer.weights(synapse, int(one.step[0]), one.g_plus[0], one.g_minus[0])
        for synapse in old.pulsed:
            for k in range(old.records(f"pulses/{synapse}")):
                events = old.pulses(synapse, slice(k, k + 1))
                if events.step[0] <= step:
                    writer.pulses(synapse, int(events.step[0]), events.count[0])
        metrics = old.metrics()
        last = -1
        for k, at in enumerate(metrics.get("step", ())):
            if at <= step:
                last = int(at)
                writer.metrics(last, {name: float(v[k]) for name, v in metrics.items() if name != "step"})
    return last
