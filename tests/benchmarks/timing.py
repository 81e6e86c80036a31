"""Time alternatives round-robin in one process and compare their medians."""

import time


def compare(functions, repeats=15, warmup=2):
    """Return {name: median seconds}, every function called once per round, so that load falls on all alike."""
    seconds = {name: [] for name in functions}
    for k in range(repeats + warmup):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            if k >= warmup:
                seconds[name].append(time.perf_counter() - start)
    return {name: sorted(values)[len(values) // 2] for name, values in seconds.items()}
