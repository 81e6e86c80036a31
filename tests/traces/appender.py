"""Child process of test_kill.py: append records for ever, and tell each one on standard output once it is safe."""

import os
import sys

import numpy as np

from neurosim.traces import TraceWriter


def tell(what, k):
    os.write(1, f"{what} {k}\n".encode())


writer = TraceWriter.create(sys.argv[1], config_text="title = 'killed'", seed=1)
g = np.random.default_rng(0).random((24, 16), dtype=np.float32)
k = 0
while True:
    k += 1
    g[0, 0] = k
    writer.weights("W1", k, g, g + 1)
    tell("weights", k)
    writer.metrics(k, {"epoch": k, "test_loss": k / 7, "pulses": k * k})
    tell("metrics", k)
    if k % 5 == 0:
        writer.pulses(f"W{k % 4}", k, np.full((3, 2), k))
        tell(f"W{k % 4}", k)
    writer.settling_record(k * 1e-7, {"h1": (g, g + 1)}, k)
    if k % 11 == 0:
        writer.flush()
        tell("states", k)
