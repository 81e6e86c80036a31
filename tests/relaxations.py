"""Relaxation fields with known solutions, for the tests of the numerics."""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm

from neurosim.backend import namespace


class Rest:
    """Target 0: y' = -rate y, so y = y0 exp(-rate t)."""

    def __init__(self, rate=1.0):
        self.rate = rate

    def target(self, t, y, out):
        out[...] = 0.0
        return out

    def exact(self, t, y0):
        return y0 * np.exp(-np.asarray(self.rate) * t)


class Coupled:
    """Target y W: y' = rate (y W - y), solved by the matrix exponential."""

    def __init__(self, weights, rate=1.0):
        self.weights, self.rate = weights, rate

    def target(self, t, y, out):
        return namespace(y).matmul(y, self.weights, out=out)

    def exact(self, t, y0):
        nodes = self.weights.shape[0]
        return y0 @ expm(t * (self.weights - np.eye(nodes)) * np.broadcast_to(self.rate, nodes))


class Logistic:
    """y' = growth y (1 - y)."""

    rate = 1.0

    def __init__(self, growth=1.0):
        self.growth = growth

    def target(self, t, y, out):
        out[...] = y + self.growth * y * (1.0 - y)
        return out

    def exact(self, t, y0):
        return y0 / (y0 + (1 - y0) * np.exp(-self.growth * t))


class Driven:
    """Target cos(omega t), at its own rate for each node: y' = r (cos(omega t) - y)."""

    def __init__(self, rate=1.0, omega=1.3):
        self.rate, self.omega = rate, omega

    def target(self, t, y, out):
        out[...] = float(np.cos(self.omega * t))
        return out

    def exact(self, t, y0):
        r, w = np.asarray(self.rate), self.omega
        forced = lambda s: r * (r * np.cos(w * s) + w * np.sin(w * s)) / (r**2 + w**2)  # noqa: E731
        return forced(t) + (y0 - forced(0.0)) * np.exp(-r * t)


class Spinning:
    """y' = (i omega - damping) y, complex."""

    rate = 1.0

    def __init__(self, omega=2.0, damping=0.3):
        self.eigenvalue = 1j * omega - damping

    def target(self, t, y, out):
        out[...] = y * (1.0 + self.eigenvalue)
        return out

    def exact(self, t, y0):
        return y0 * np.exp(self.eigenvalue * t)


class Bistable:
    """A small network y' = -y + tanh(y W) + x: smooth, coupled, nonlinear. No closed solution."""

    def __init__(self, nodes=6, seed=4, rate=1.0, weights=None, drive=None):
        rng = np.random.Generator(np.random.SFC64(seed))
        self.rate = rate
        self.weights = rng.standard_normal((nodes, nodes)) / nodes**0.5 if weights is None else weights
        self.drive = rng.standard_normal(nodes) if drive is None else drive

    def target(self, t, y, out):
        xp = namespace(y)
        xp.matmul(y, self.weights, out=out)
        xp.tanh(out, out=out)
        out += self.drive
        return out


def slope(steps, errors):
    """Return the log-log slope of the errors over the steps."""
    return np.polyfit(np.log(np.asarray(steps, dtype=float)), np.log(np.asarray(errors)), 1)[0]
