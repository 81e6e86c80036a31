"""Small circuits for tests, and an engine that gets a netlist with an error planted in it."""

import re
from dataclasses import dataclass
from pathlib import Path

from neurosim.spice.engines import Engine

ROOT = Path(__file__).parents[2]

HOPFIELD = """
title = "test network 2-3-2"
seed = 4
[network]
layers = [2, 3, 2]
activation = "tanh"
init_gain = 1.6
target_low = -0.5
target_high = 0.5
[crossbar]
w_max = 4.0
[drive]
x = [[0.6, -0.4], [-0.8, 0.5]]
y = [[0.5, -0.5], [-0.5, 0.5]]
[check]
gradients = false
"""

DIODES = """
title = "test network of resistors and diodes"
seed = 3
[resistive]
layers = [2, 3, 1]
inputs = "pairs"
gain = 2.0
leak = "10 uS"
[device]
g_min = "1 uS"
g_max = "2 mS"
step = "1 uS"
[crossbar]
w_max = 2.0
v_ref = "1 V"
c_node = "1 nF"
[drive]
x = [[1.0, -0.7], [0.3, 0.4]]
y = [[0.15], [-0.1]]
[check]
beta = 1e-3
gradients = false
"""

ARRAY = """
title = "test array 6 x 4"
[array]
rows = 6
cols = 4
[wires]
r_row = "20 ohm"
r_col = "50 ohm"
"""


@dataclass(frozen=True)
class Planted:
    """The engine, with every text changed by `change`."""

    engine: Engine
    change: object

    @property
    def name(self):
        return self.engine.name

    @property
    def how_to_install(self):
        return self.engine.how_to_install

    @property
    def parallel(self):
        return self.engine.parallel

    def available(self):
        return self.engine.available()

    def run(self, text, *, vectors=(), timeout=120.0):
        changed = self.change(text)
        assert changed != text
        return self.engine.run(changed, vectors=vectors, timeout=timeout)


def value_changed(name, factor):
    """Return the change of one element's value by `factor`."""

    def change(text):
        return re.sub(rf"^({name} \S+ \S+) (\S+)", lambda m: f"{m[1]} {factor * float(m[2]):.17g}", text, flags=re.M)

    return change


def exchanged(first, second):
    """Return the change that exchanges the row nodes of two families of elements (a swapped row)."""

    def change(text):
        lines = []
        for line in text.splitlines():
            words = line.split()
            if words and words[0].startswith("r_") and len(words) == 4:
                words[1] = {first: second, second: first}.get(words[1], words[1])
            lines.append(" ".join(words))
        return "\n".join(lines) + "\n"

    return change


def without(pattern):
    """Return the change that drops the lines of elements whose name matches `pattern`."""

    def change(text):
        return "".join(line for line in text.splitlines(keepends=True) if not re.match(rf"{pattern}\S* ", line))

    return change
