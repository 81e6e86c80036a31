"""./run bench: every ratio is taken in this one process; exit 1 if one exceeds its limit."""

import sys
from pathlib import Path

from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parent))

import settling
import training_step


def main():
    failed = False
    with threadpool_limits(limits=1):
        for title, cases in (
            ("time of a training step / bare numpy loop", training_step.run()),
            ("matrix-product work to a gradient of cosine >= 0.999 / synchronous iteration", settling.run()),
        ):
            sys.stdout.write(f"{title}\n")
            for name, ratio, limit in cases:
                verdict = "" if limit is None else f"limit {limit:g}: {'ok' if ratio <= limit else 'FAILED'}"
                failed = failed or (limit is not None and ratio > limit)
                sys.stdout.write(f"  {name:<48} {ratio:6.2f}   {verdict}\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
