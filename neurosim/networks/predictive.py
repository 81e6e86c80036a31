"""Predictive coding: layers of value neurons, each predicted from the one below, and of linear error neurons.

With activities ``a_l = sigma(u_l)`` of the values (``a_0 = x``) and states ``e_l`` of the errors,

    tau de_l/dt = -e_l + a_l - a_{l-1} W_l - b_l ,        tau du_l/dt = -u_l - e_l + e_{l+1} B_{l+1}  (- beta dL/da)

(the last layer has no error above it). Tied, ``B_l = W_l^T`` is the same array read back; a value and its error are
joined by fixed wires. These are the error units of Whittington and Bogacz 2017, doi:10.1162/NECO_a_00949, and 2019,
doi:10.1016/j.tics.2018.12.005, with predictions of activities by activities, and with the leak of the values, which is
their prior (Rao and Ballard 1999, doi:10.1038/4580). The tied network rests where

    E = sum_l ( G(a_l) + |a_l - a_{l-1} W_l - b_l|^2 / 2 ) ,        dG/da = sigma^-1(a)

is stationary in the values. As a function of both it is a saddle, ``F = sum_l ( G(a_l) - |e_l|^2 / 2
+ e_l.(a_l - a_{l-1} W_l - b_l) )``, which values lower and errors raise.
So the Jacobian is not symmetric even with tied weights, it becomes so when the signs of the errors' drives are turned
(`Layer.inverted`); the observable pre x post of a tied array stays the exact one, since F is stationary.

A value and its error turn around each other: the eigenvalues of the dynamics are complex, the network rings as it
settles. Explicit Euler needs ``dt < 2 / (1 + w^2)`` in units of tau, w being the largest frequency: at dt = tau it
diverges for w > 1, and so do sweeps from block to block. Operating points are found by damped sweeps.
"""

from __future__ import annotations

from collections.abc import Sequence

from neurosim.networks.identity import Identity
from neurosim.networks.topology import Layer, Synapse, Topology, Wire, layered


def predictive_coding(
    sizes: Sequence[int], *, bias: bool = True, tied: bool = True, softmax_readout: bool = False
) -> Topology:
    """Return the topology of a predictive coding network.

    Parameters
    ----------
    sizes
        Neurons per layer, as in `layered`; every free layer gets an error layer of its size.
    bias
        Give every error layer a bias array: an offset of the prediction.
    tied
        One array per prediction, read back by the errors; otherwise a second array ``B<l>`` carries them back.
    softmax_readout
        As in `layered`: the logits are read from the last value layer.

    Notes
    -----
    Value layers are called as in `layered`, error layers ``e1``, ``e2``, ... Arrays have the names of `layered`:
    ``W<l>`` and ``b<l>`` end on ``e<l>``, ``B<l>`` leads from there to the value layer below.
    """
    chain = layered(sizes, bias=bias, tied=tied, softmax_readout=softmax_readout)
    error = {layer.name: f"e{i}" for i, layer in enumerate(chain.free, start=1)}
    layers = [layer for layer in chain.layers if layer.clamped]
    for layer in chain.free:
        layers += [Layer(error[layer.name], layer.size, activation=Identity(), inverted=True), layer]
    synapses = tuple(
        Synapse(s.name, error[s.pre], s.post)
        if s.name.startswith("B")
        else Synapse(s.name, s.pre, error[s.post], reciprocal=s.reciprocal)
        for s in chain.synapses
    )
    wires = tuple(Wire(error[layer.name], layer.name, gain=-1.0) for layer in chain.free)
    return Topology(tuple(layers), synapses, chain.output, chain.readout, chain.classes, wires)
