"""./run bench: every ratio is taken in this one process; exit 1 if one exceeds its limit.

./run bench oscillation prints the tables of the always-on oscillation instead.
"""

import sys
from pathlib import Path

from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parent.parent))
sys.path.insert(2, str(Path(__file__).parent.parent / "learning"))

import convolution
import line_resistance
import oscillation
import programming
import pulses
import settling
import spice_engines
import training_step


def ratios():
    failed = False
    for title, cases in (
        ("time of a training step / bare numpy loop", training_step.run()),
        ("time of a convolutional training step / bare numpy loop", convolution.run()),
        ("matrix-product work to a gradient of cosine >= 0.999 / synchronous iteration", settling.run()),
        ("time of pulse trains with numba / without", pulses.run()),
        ("time of a noisy read, or of the pulses of a batch / bare products and normals", programming.run()),
        ("time of a read with line resistance / assembling and spsolve", line_resistance.run()),
        ("time of an effective conductance / sparse factor and back-substitutions", line_resistance.effective()),
        ("time of settling with wires, G_eff being there / without", line_resistance.settling()),
        ("time to a settled state / ngspice", spice_engines.run()),
    ):
        sys.stdout.write(f"{title}\n")
        for name, ratio, limit in cases:
            verdict = "" if limit is None else f"limit {limit:.2g}: {'ok' if ratio <= limit else 'FAILED'}"
            failed = failed or (limit is not None and ratio > limit)
            sys.stdout.write(f"  {name:<82} {ratio:7.2g}   {verdict}\n")
    return int(failed)


def tables():
    oscillation.dwell_table()
    oscillation.lag_table()
    return 0


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["oscillation"]):
        sys.exit(f"benchmarks: {' '.join(sys.argv[1:])!r}: expected nothing, or oscillation")
    with threadpool_limits(limits=1):
        sys.exit(tables() if sys.argv[1:] else ratios())
