"""Pooled convolutions spelled out: one loop per index, written from the equations alone.

Maps are nested as ``s[c][y][x]`` of one sample. Nothing here knows of patches, matrix products or flat states.
"""

import cmath

import numpy as np


def convolved(s, w, b, k, stride, padding):
    """Return ``z_oyx = b_o + sum_cij W_(cij)o s_cvh``, ``v = stride y + i - padding``, h likewise."""
    channels, height, width = s.shape
    rows, cols = (height + 2 * padding - k) // stride + 1, (width + 2 * padding - k) // stride + 1
    z = np.zeros((w.shape[1], rows, cols), dtype=s.dtype)
    for o, y, x in np.ndindex(z.shape):
        z[o, y, x] = b[o]
        for c, i, j in np.ndindex(channels, k, k):
            v, u = stride * y + i - padding, stride * x + j - padding
            if 0 <= v < height and 0 <= u < width:
                z[o, y, x] += w[(c * k + i) * k + j, o] * s[c, v, u]
    return z


def window(z, o, y, x, size):
    """Return the places and values of one window, row by row."""
    places = [(o, size * y + i, size * x + j) for i in range(size) for j in range(size)]
    return places, [z[place] for place in places]


def pool_of(values, pool, temperature):
    """Return the pooled value of one window and its derivative with respect to each member."""
    if pool == "average":
        return sum(values) / len(values), [1 / len(values)] * len(values)
    if pool == "max":
        first = max(range(len(values)), key=lambda n: values[n])
        return values[first], [float(n == first) for n in range(len(values))]
    e = [cmath.exp(v / temperature) for v in values]
    w = [one / sum(e) for one in e]
    p = sum(a * v for a, v in zip(w, values, strict=True))
    return p, [a * (1 + (v - p) / temperature) for a, v in zip(w, values, strict=True)]


def pooled(z, pool, size, temperature):
    """Return the pooled map, and for each pooled place the list of (place, derivative)."""
    if pool == "none":
        return z, {place: [(place, 1.0)] for place in np.ndindex(z.shape)}
    out = np.zeros((z.shape[0], z.shape[1] // size, z.shape[2] // size), dtype=z.dtype)
    slopes = {}
    for o, y, x in np.ndindex(out.shape):
        places, values = window(z, o, y, x, size)
        value, derivatives = pool_of(values, pool, temperature)
        out[o, y, x] = value if z.dtype.kind == "c" else complex(value).real
        if z.dtype.kind != "c":
            derivatives = [complex(d).real for d in derivatives]
        slopes[o, y, x] = list(zip(places, derivatives, strict=True))
    return out, slopes


def unpooled(s, slopes, shape):
    """Return the map that pooled activities `s` are spread onto."""
    z = np.zeros(shape, dtype=np.result_type(s.dtype, type(next(iter(slopes.values()))[0][1])))
    for place, members in slopes.items():
        for member, slope in members:
            z[member] += s[place] * slope
    return z


def read_back(u, w, k, stride, padding, shape):
    """Return the derivative of ``sum(u * convolved(s))`` with respect to s, of `shape`."""
    out = np.zeros(shape, dtype=u.dtype)
    for o, y, x in np.ndindex(u.shape):
        for c, i, j in np.ndindex(shape[0], k, k):
            v, h = stride * y + i - padding, stride * x + j - padding
            if 0 <= v < shape[1] and 0 <= h < shape[2]:
                out[c, v, h] += w[(c * k + i) * k + j, o] * u[o, y, x]
    return out


def kernel_gradient(s, u, k, stride, padding):
    """Return the derivative of ``sum(u * convolved(s))`` with respect to W."""
    w = np.zeros((s.shape[0] * k * k, u.shape[0]), dtype=np.result_type(s.dtype, u.dtype))
    for o, y, x in np.ndindex(u.shape):
        for c, i, j in np.ndindex(s.shape[0], k, k):
            v, h = stride * y + i - padding, stride * x + j - padding
            if 0 <= v < s.shape[1] and 0 <= h < s.shape[2]:
                w[(c * k + i) * k + j, o] += s[c, v, h] * u[o, y, x]
    return w


class Loops:
    """The drive and the observables of a network of `convolutional`, sample by sample."""

    def __init__(self, top, weights, x):
        self.top, self.weights = top, weights
        self.x = [one.reshape(top.by_name["input"].shape) for one in x]

    def activity(self, name, a, n):
        """Return the activity of one layer of one sample, as maps where it is a layer of maps."""
        layer = self.top.by_name[name]
        if name == "input":
            return self.x[n]
        flat = a[n, self.top.slices[name]]
        return flat if layer.shape is None else flat.reshape(layer.shape)

    def state(self, synapse, a, n):
        """Return map, pooled map and slopes of a kernel at the activity of sample n."""
        forward = next(s for s in self.top.synapses if s.name == (synapse.forward or synapse.name))
        bias = self.weights.get("b" + forward.name[1:], np.zeros((1, forward.kernel.channels)))[0]
        spec, w = forward.kernel, self.weights[forward.name]
        z = convolved(self.activity(forward.pre, a, n), w, bias, spec.kernel, spec.stride, spec.padding)
        return z, *pooled(z, spec.pool, spec.pool_size, spec.temperature)

    def drive(self, a, beta, y):
        """Return the drive of all neurons for a squared error."""
        out = np.zeros_like(a)
        for n in range(len(a)):
            for synapse in self.top.synapses:
                self._add(synapse, a, n, out)
            part = self.top.slices[self.top.output]
            out[n, part] -= beta * (a[n, part] - y[n])
        return out

    def _add(self, synapse, a, n, out):
        w = self.weights[synapse.name]
        end = self.top.slices[synapse.post]
        if synapse.kernel is not None:
            _, p, slopes = state = self.state(synapse, a, n)
            if synapse.forward is None:
                out[n, end] += p.ravel()
            if synapse.reciprocal or synapse.forward is not None:
                ahead, behind = (synapse.post, synapse.pre) if synapse.forward is None else (synapse.pre, synapse.post)
                u = unpooled(self.activity(ahead, a, n), slopes, state[0].shape)
                spec, shape = synapse.kernel, self.top.by_name[behind].shape
                back = read_back(u, w, spec.kernel, spec.stride, spec.padding, shape)
                out[n, self.top.slices[behind]] += back.ravel()
        elif synapse.pre == "bias":
            if self.top.by_name[synapse.post].shape is None:  # else it is inside the pool
                out[n, end] += w[0]
        else:
            for i, one in enumerate(self.activity(synapse.pre, a, n).ravel()):
                for j in range(w.shape[1]):
                    out[n, end.start + j] += one * w[i, j]
                    if synapse.reciprocal:
                        out[n, self.top.slices[synapse.pre].start + i] += a[n, end.start + j] * w[i, j]

    def observable(self, synapse, a, n):
        """Return dPhi/dW of one sample for a tied network, Phi being the sum of ``a_post . P(conv(a_pre) + b)``."""
        if synapse.kernel is not None:
            z, _, slopes = self.state(synapse, a, n)
            u = unpooled(self.activity(synapse.post, a, n), slopes, z.shape)
            spec = synapse.kernel
            return kernel_gradient(self.activity(synapse.pre, a, n), u, spec.kernel, spec.stride, spec.padding)
        post = self.activity(synapse.post, a, n)
        if synapse.pre == "bias" and post.ndim == 3:
            forward = next(s for s in self.top.synapses if s.name == "W" + synapse.name[1:])
            z, _, slopes = self.state(forward, a, n)
            return unpooled(post, slopes, z.shape).sum(axis=(1, 2))[None]
        pre = np.ones(1) if synapse.pre == "bias" else self.activity(synapse.pre, a, n).ravel()
        return np.outer(pre, post.ravel())
