"""A controller on a small network of chosen devices, its state, and batches for it."""

from dataclasses import replace

import numpy as np

from neurosim.backend import NUMPY
from neurosim.crossbar import Crossbar
from neurosim.devices import DEVICES
from neurosim.learning.controller import Controller, TrainState
from neurosim.learning.estimators import SymmetricEP
from neurosim.learning.optimiser import SGD
from neurosim.learning.programmers import IdealProgrammer
from neurosim.networks.activations import ACTIVATIONS
from neurosim.networks.rate import RateNetwork
from neurosim.networks.topology import layered
from neurosim.rng import Streams
from neurosim.settle import SettleOptions

EULER = SettleOptions(free_steps=30, nudged_steps=10)
EXACT = SettleOptions(method="operating_point", tolerance=1e-13, max_sweeps=5000)
SYMMETRIC, EXACT_WRITE = SymmetricEP(0.2), IdealProgrammer()
G_RANGE = {"g_min": 1e-6, "g_max": 51e-6, "step": 2e-8}
G_REF = 50e-6 / 8  # weights within +-8


def device_of(model="ideal", **fields):
    return DEVICES[model](**{**G_RANGE, **fields})


def controller_of(
    sizes=(6, 5, 4),
    *,
    estimator=SYMMETRIC,
    device=None,
    lr=0.1,
    momentum=0.0,
    weight_decay=0.0,
    optimiser=None,
    programmer=EXACT_WRITE,
    options=EULER,
    read_noise=0.0,
    gain=1.0,
    seed=3,
    backend=NUMPY,
    topology=None,
    **fields,
):
    """Return a controller and its state; unsettled samples are accepted unless `fields` say otherwise."""
    top = layered(sizes, **(topology or {}))
    streams = Streams(seed, backend)
    device = device or device_of()
    crossbars = {
        s.name: Crossbar.build(
            s.name,
            top.shape(s),
            device=device,
            mapping="balanced",
            scheme="push_pull",
            g_ref=G_REF,
            read_noise=read_noise,
            streams=streams,
            dtype="float64",
        )
        for s in top.arrays
    }
    controller = Controller(
        RateNetwork(top, ACTIVATIONS["steep_logistic"]),
        crossbars,
        estimator,
        programmer,
        optimiser or SGD(dict.fromkeys(crossbars, lr), momentum, weight_decay),
        options,
        streams,
        **{"on_unsettled": "accept", **fields},
    )
    rng = np.random.default_rng(11)
    pairs = {}
    for name, crossbar in crossbars.items():
        weights = rng.uniform(-gain, gain, crossbar.shape) / np.sqrt(crossbar.shape[0])
        if name.startswith("b"):
            weights = 0.4 + 0.2 * weights  # activities around 1/2, where neurons respond
        pairs[name] = crossbar.encode(backend.asarray(weights), streams.generator(f"encode/{name}"))
    return controller, TrainState(pairs)


def batch_of(controller, batch=7, seed=5, backend=NUMPY):
    rng = np.random.default_rng(seed)
    top = controller.network.topology
    x = rng.random((batch, top.by_name["input"].size))
    classes = top.classes
    y = np.eye(classes)[rng.integers(0, classes, batch)]
    return backend.asarray(x), backend.asarray(y)


def free_outputs(controller, state, x):
    """Return the outputs of the noise-free network: as targets they leave no error."""
    bench = controller.bench(state, x, np.zeros((len(x), controller.network.topology.classes)))
    weights = controller.weights(state)
    quiet = replace(bench, weights=lambda _: weights).exact(1e-13)
    return quiet.output(quiet.free().a)


def moved(controller, before, after):
    """Return the change of every weight by a step."""
    old, new = controller.weights(before), controller.weights(after)
    return {name: new[name] - old[name] for name in old}
