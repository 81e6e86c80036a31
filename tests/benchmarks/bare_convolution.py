"""The floor of a convolutional step: a minimal numpy loop of the same patches, products, maxima and activations."""

import numpy as np


def windows(z):
    """Return the four members of all 2 x 2 windows of maps (channels, height, width, batch)."""
    return [z[:, i::2, j::2] for i in range(2) for j in range(2)]


class Kernel:
    """One kernel on maps (channels, height, width, batch): im2col, one product, max pool; and the way back."""

    def __init__(self, rng, cin, cout, k, side):
        self.w = (rng.standard_normal((cin * k * k, cout)) / np.sqrt(cin * k * k)).astype(np.float32)
        self.cin, self.k, self.side, self.made = cin, k, side, side - k + 1

    def columns(self, s):
        v = np.lib.stride_tricks.sliding_window_view(s, (self.k, self.k), axis=(1, 2))
        return np.ascontiguousarray(v.transpose(0, 4, 5, 1, 2, 3)).reshape(len(self.w), -1)

    def ahead(self, s):
        """Return the pooled convolution and where the maxima are."""
        z = (self.w.T @ self.columns(s)).reshape(-1, self.made, self.made, s.shape[3])
        members = windows(z)
        best = members[0].copy()
        where = np.zeros(best.shape, np.int8)
        for n in (1, 2, 3):
            larger = members[n] > best
            np.copyto(where, n, where=larger)
            np.maximum(best, members[n], out=best)
        return best, where

    def unpool(self, s, where):
        u = np.empty((len(s), self.made, self.made, s.shape[3]), np.float32)
        for n, member in enumerate(windows(u)):
            np.multiply(s, where == n, out=member)
        return u.reshape(len(s), -1)

    def back(self, s, where):
        d = (self.w @ self.unpool(s, where)).reshape(self.cin, self.k, self.k, self.made, self.made, -1)
        out = np.zeros((self.cin, self.side, self.side, d.shape[-1]), np.float32)
        for i in range(self.k):
            for j in range(self.k):
                out[:, i : i + self.made, j : j + self.made] += d[:, i, j]
        return out


class BareConvolution:
    """1x28x28 -> 32 k5 max 2 -> 64 k5 max 2 -> 10, unit clip, T free steps, K steps of +beta and -beta stacked.

    The batch is the last axis all the way, so that nothing is ever transposed.
    """

    def __init__(self, batch=32, free=30, nudged=10, beta=0.5, lr=0.05, seed=0):
        rng = np.random.default_rng(seed)
        self.k1, self.k2 = Kernel(rng, 1, 32, 5, 28), Kernel(rng, 32, 64, 5, 12)
        self.w3 = (rng.standard_normal((1024, 10)) / 32).astype(np.float32)
        self.b = [np.zeros((n, 1), np.float32) for n in (32, 64, 10)]
        self.free, self.nudged, self.beta, self.lr, self.batch = free, nudged, beta, lr, batch

    def settle(self, drive, s1, s2, s3, steps, beta=None, y=None):
        b2 = self.b[1][:, :, None, None]
        for _ in range(steps):
            z2, where = self.k2.ahead(s1)
            z2 += b2
            z2 += (self.w3 @ s3).reshape(z2.shape)
            z1 = self.k2.back(s2, where)
            z1 += drive
            z3 = self.w3.T @ s2.reshape(1024, -1)
            z3 += self.b[2]
            if beta is not None:
                z3 -= beta * (s3 - y)
            s1, s2, s3 = (np.clip(z, 0, 1, out=z) for z in (z1, z2, z3))
        return s1, s2, s3

    def __call__(self, x, y):
        n = self.batch
        pixels, y = np.ascontiguousarray(x.T).reshape(1, 28, 28, n), y.T
        drive, where1 = self.k1.ahead(pixels)
        drive += self.b[0][:, :, None, None]
        zeros = [np.zeros(shape, np.float32) for shape in ((32, 12, 12, n), (64, 4, 4, n), (10, n))]
        free = self.settle(drive, *zeros, self.free)
        two = [np.concatenate((s, s), axis=-1) for s in (drive, *free, y)]
        beta = np.repeat(np.array([self.beta, -self.beta], np.float32), n)
        s1, s2, s3 = self.settle(*two[:4], self.nudged, beta, two[4])
        sign = np.sign(beta) * np.float32(self.lr / (2 * self.beta * n))
        _, where2 = self.k2.ahead(s1)
        d1, d2, d3 = s1 * sign, s2 * sign, s3 * sign
        self.k1.w += self.k1.columns(pixels) @ self.k1.unpool(d1[..., :n] + d1[..., n:], where1).T
        self.k2.w += self.k2.columns(s1) @ self.k2.unpool(d2, where2).T
        self.w3 += s2.reshape(1024, -1) @ d3.T
        for b, d in zip(self.b, (d1, d2, d3), strict=True):
            b += d.reshape(len(b), -1).sum(axis=1, keepdims=True)
