"""The floor: a minimal numpy loop of the same matrix products and activations as one symmetric EP step."""

import numpy as np


class BareStep:
    """784-512-10, steep logistic, T free steps, K steps of +beta and -beta stacked on the batch axis."""

    def __init__(self, sizes=(784, 512, 10), batch=64, free=50, nudged=20, beta=0.5, lr=0.05, seed=0):
        rng = np.random.default_rng(seed)
        n0, n1, n2 = sizes
        self.w1 = (rng.standard_normal((n0, n1)) / np.sqrt(n0)).astype(np.float32)
        self.w2 = (rng.standard_normal((n1, n2)) / np.sqrt(n1)).astype(np.float32)
        self.b1, self.b2 = np.zeros(n1, np.float32), np.zeros(n2, np.float32)
        self.free, self.nudged, self.beta, self.lr, self.batch = free, nudged, beta, lr, batch

    @staticmethod
    def sigma(z):
        z *= -4
        z += 2
        np.exp(z, out=z)
        z += 1
        np.reciprocal(z, out=z)
        return z

    def settle(self, drive, s1, s2, steps, beta=None, y=None):
        for _ in range(steps):
            z1 = s2 @ self.w2.T
            z1 += drive
            z2 = s1 @ self.w2
            z2 += self.b2
            if beta is not None:
                z2 -= beta * (s2 - y)
            s1, s2 = self.sigma(z1), self.sigma(z2)
        return s1, s2

    def __call__(self, x, y):
        n = self.batch
        drive = x @ self.w1 + self.b1
        half = np.float32(0.5)
        s1 = np.full((n, self.w1.shape[1]), half)
        s2 = np.full((n, self.w2.shape[1]), half)
        s1, s2 = self.settle(drive, s1, s2, self.free)
        beta = np.repeat(np.array([self.beta, -self.beta], np.float32), n)[:, None]
        two = (2, 1)
        p1, p2 = self.settle(
            np.tile(drive, two), np.tile(s1, two), np.tile(s2, two), self.nudged, beta, np.tile(y, two)
        )
        scale = self.lr / (2 * self.beta * n)
        self.w1 += scale * (x.T @ (p1[:n] - p1[n:]))
        self.w2 += scale * (p1[:n].T @ p2[:n] - p1[n:].T @ p2[n:])
        self.b1 += scale * (p1[:n] - p1[n:]).sum(axis=0)
        self.b2 += scale * (p2[:n] - p2[n:]).sum(axis=0)
