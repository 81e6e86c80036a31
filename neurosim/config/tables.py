"""The tables of an experiment file, key by key, with defaults. Checks across keys are in `checks`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from neurosim.config.convolution import Convolutions
from neurosim.config.faults import FaultTable, WriteVerify
from neurosim.config.fields import (
    BelowOne,
    Count,
    Degrees,
    Dropouts,
    Farads,
    Kelvin,
    NonNegative,
    Positive,
    Rates,
    Seconds,
    Seed,
    Share,
    Sizes,
    Skips,
    Table,
    Volts,
    Whole,
    named,
)
from neurosim.config.images import Normalise
from neurosim.config.noise import Noise
from neurosim.config.periphery import AmplifierTable, ConverterTable, TilesTable
from neurosim.config.time import Drift, Refresh, Retention, Times, Wear
from neurosim.config.wires import LineResistance
from neurosim.crossbar import WRITE_ERRORS
from neurosim.learning.conversion import CONVERSIONS
from neurosim.learning.optimiser import OPTIMISERS
from neurosim.learning.schedule import SCHEDULES
from neurosim.networks.activations import ACTIVATIONS
from neurosim.numerics.integrators import INTEGRATORS
from neurosim.settle import ADAPTIVE


class Data(Table):
    """[data]: what is learned."""

    name: Literal["digits", "iris", "mnist", "fashion_mnist", "cifar10"] = Field(
        default="digits", description="data set"
    )
    folder: str | None = Field(default=None, description="folder with the data files, in quotes")
    train_limit: Count | None = Field(default=None, description="use only so many training images")
    test_limit: Count | None = Field(default=None, description="use only so many test images")
    test_fraction: Share = Field(default=0.2, description="share of a bundled set held out as the test set")
    normalise: Normalise = Field(default=Normalise(), description="mean and deviation of each channel")
    flip: bool = Field(default=False, description="mirror training images at random, without quotes")
    crop_padding: Whole = Field(default=0, description="pixels by which training images are moved at most")


class Network(Table):
    """[network]: layers, activation and output."""

    layers: Sizes = Field(default=(64, 32, 10), description="neurons per layer, the input first")
    convolutions: Convolutions = Field(default=(), description="layers of maps between the input and the next layer")
    activation: Annotated[str, named(ACTIVATIONS)] = Field(default="steep_logistic", description="activation")
    output: Literal["squared_error", "softmax"] = Field(default="squared_error", description="loss and output layer")
    bias: bool = Field(default=True, description="bias arrays, without quotes")
    tied: bool = Field(default=True, description="one array read both ways, without quotes")
    architecture: Literal["layered", "recurrent", "loop", "predictive_coding"] = Field(
        default="layered", description="which layers are joined besides neighbours"
    )
    skips: Skips = Field(default=(), description="further arrays between layers, such as ['h1', 'out']")
    feedback_angle: Degrees | None = Field(
        default=None, description="initial angle between feedback and forward arrays"
    )
    init_gain: Positive = Field(default=1.0, description="weights start within init_gain / sqrt(inputs)")
    init_bias_gain: NonNegative = Field(
        default=0.0, description="biases start within init_bias_gain / sqrt(inputs of their layer)"
    )
    dropout: Dropouts = Field(
        default=0.0, description="share of silent neurons in training, per hidden layer or for all"
    )
    tau_spread: NonNegative = Field(default=0.0, description="relative spread of the node time constants")
    gain_spread: NonNegative = Field(default=0.0, description="relative spread of the neurons' gains")
    threshold_spread: NonNegative = Field(default=0.0, description="spread of the neurons' thresholds, in v_ref")
    amplifier: AmplifierTable = Field(default=AmplifierTable(), description="summing amplifiers")
    target_low: float = Field(default=0.0, description="target activity of a wrong class")
    target_high: float = Field(default=1.0, description="target activity of the right class")


class Crossbar(Table):
    """[crossbar]: how weights lie on conductance pairs, and how they are read."""

    mapping: Literal["one_sided", "balanced", "reference"] = Field(default="balanced", description="mapping")
    scheme: Literal["push_pull", "single", "potentiate"] = Field(
        default="push_pull", description="which devices of a pair are pulsed"
    )
    w_max: Positive = Field(default=2.0, description="largest weight; g_ref = (g_max - g_min) / w_max")
    read_noise: BelowOne = Field(default=0.0, description="standard deviation of a conductance, relative, at each read")
    read_noise_scope: Literal["frozen", "phase", "step"] = Field(
        default="frozen", description="which reads share one draw of the read noise"
    )
    wires: LineResistance = Field(default=LineResistance(), description="resistances of the lines of every array")
    noise: Noise = Field(default=Noise(), description="noise of the conductances in time")
    write_error: Annotated[str, named({"none": None, **WRITE_ERRORS})] = Field(
        default="none", description="how far from its target an exact write ends"
    )
    faults: FaultTable = Field(default=FaultTable(), description="faults of devices and lines")
    phases: Literal["shared", "separate"] = Field(
        default="shared", description="one set of arrays for all phases, or two that take the phases in turn"
    )
    conversion: Annotated[str, named(dict.fromkeys(CONVERSIONS))] = Field(
        default="readout", description="where converters stand"
    )
    dac: ConverterTable = Field(default=ConverterTable(), description="digital-to-analog converters")
    adc: ConverterTable = Field(default=ConverterTable(), description="analog-to-digital converters")
    tiles: TilesTable = Field(default=TilesTable(), description="size of the arrays")
    v_ref: Volts = Field(default=0.2, description="voltage of activity 1")
    c_node: Farads = Field(default=1e-12, description="capacitance of a node; tau = c_node / g_ref")
    v_pulse: Volts = Field(default=1.0, description="voltage of a programming pulse, for its energy")
    t_pulse: Seconds = Field(default=1e-7, description="width of a programming pulse, for its energy")
    maps: str | None = Field(default=None, description="file or folder of measured conductances, in quotes")
    drift: Drift = Field(default=Drift(), description="drift of the conductances")
    retention: Retention = Field(default=Retention(), description="retention loss and diffusion")
    times: Times = Field(default=Times(), description="how long operations take")
    refresh: Refresh = Field(default=Refresh(), description="when arrays are refreshed")
    wear: Wear = Field(default=Wear(), description="endurance of the devices")


class Settle(Table):
    """[settle]: how the network reaches its steady state."""

    method: Literal["transient", "operating_point"] = Field(default="transient", description="method")
    integrator: Annotated[str, named({**INTEGRATORS, ADAPTIVE: None})] = Field(
        default="euler", description="integrator"
    )
    dt: Positive = Field(default=1.0, description="time step in units of tau")
    free_steps: Count = Field(default=50, description="time steps of the free phase")
    nudged_steps: Count = Field(default=20, description="time steps of each nudged phase")
    tolerance: Positive = Field(default=1e-2, description="largest residual of a settled state")
    max_sweeps: Count = Field(default=500, description="limit of the operating-point solver")
    solver: Literal["alternating", "synchronous", "anderson", "damped"] = Field(
        default="alternating", description="solver"
    )
    on_unsettled: Literal["raise", "mask", "accept"] = Field(
        default="raise", description="what to do with samples that did not settle"
    )
    state_noise: NonNegative = Field(default=0.0, description="stationary standard deviation of the state")
    temperature: Kelvin = Field(default=0.0, description="temperature of the thermal noise of all conductances")
    backend: Literal["numpy", "cupy"] = Field(default="numpy", description="array backend")
    dtype: Literal["float32", "float64"] = Field(default="float32", description="precision")
    rtol: Positive = Field(default=1e-6, description="relative tolerance of the adaptive integrator")
    atol: Positive = Field(default=1e-8, description="absolute tolerance of the adaptive integrator")


class Learning(Table):
    """[learning]: gradient estimator and the way an update reaches the devices."""

    estimator: Literal[
        "one_sided", "random_sign", "symmetric", "holomorphic", "oscillating", "rbp", "bptt", "true_response"
    ] = Field(default="symmetric", description="gradient estimator")
    beta: Positive = Field(default=0.5, description="amplitude of the nudge; the estimator sets its sign")
    points: Annotated[int, Field(ge=2)] = Field(default=4, description="points on the circle, or per period")
    waveform: Literal["rotation", "cosine"] = Field(default="rotation", description="waveform")
    harmonics: Literal[1, 3, 5] = Field(default=1, description="highest harmonic that is read")
    dwell: Count = Field(default=20, description="time steps per point")
    periods: Count = Field(default=1, description="periods averaged")
    discard_periods: Whole = Field(default=0, description="periods before the average")
    update: Literal["differenced", "in_situ", "continual"] = Field(default="differenced", description="update")
    update_every: Count = Field(default=1, description="nudged steps between two updates of update = 'continual'")
    programmer: Literal["ideal", "rounded", "stochastic", "write_verify"] = Field(
        default="ideal", description="programmer"
    )
    rounding: Literal["nearest", "stochastic"] = Field(default="nearest", description="rounding of pulse counts")
    train_length: Count = Field(default=31, description="pulses of a stochastic train")
    pulse_order: Literal["net", "aggregated", "samples"] = Field(
        default="net", description="how the coincidences of stochastic trains reach a device"
    )
    write_verify: WriteVerify = Field(default=WriteVerify(), description="loop of pulses and reads")
    feedback: Literal["vector_field", "kolen_pollack"] = Field(
        default="vector_field", description="how untied feedback arrays learn"
    )
    homeostasis: NonNegative = Field(default=0.0, description="weight of the homeostatic loss")
    homeostasis_draws: Count = Field(default=5, description="noise draws per image")


class Train(Table):
    """[train]: epochs, learning rates and seed."""

    epochs: Whole = Field(default=10, description="passes over the training set; 0 measures the arrays as they are")
    batch: Count = Field(default=32, description="images per update")
    lr: Rates = Field(default=0.1, description="learning rate")
    momentum: BelowOne = Field(default=0.0, description="momentum, kept digitally")
    weight_decay: NonNegative = Field(default=0.0, description="weight decay, kept digitally")
    optimiser: Annotated[str, named(OPTIMISERS)] = Field(default="sgd", description="optimiser")
    decay_biases: bool = Field(default=False, description="weight decay of biases, too, without quotes")
    decoupled: bool = Field(default=False, description="weight decay beside the gradient of sgd, without quotes")
    beta1: BelowOne = Field(default=0.9, description="what adamw keeps of the mean gradient")
    beta2: BelowOne = Field(default=0.999, description="what adamw keeps of the mean square")
    epsilon: Positive = Field(default=1e-8, description="what adamw adds to the root mean square")
    schedule: Annotated[str, named(SCHEDULES)] = Field(default="constant", description="learning rate over time")
    schedule_per: Literal["epoch", "step"] = Field(default="epoch", description="how often the rate changes")
    schedule_epochs: Count | None = Field(default=None, description="epochs down to lr_min; all when left out")
    lr_min: NonNegative = Field(default=0.0, description="learning rate at the end of the schedule")
    seed: Seed = Field(default=0, description="root of all random streams")
    probe_batch: Count = Field(default=64, description="images on which gradients are compared")
    checkpoint_every: Whole = Field(default=0, description="epochs; 0 for only on a stop signal")


class Trace(Table):
    """[trace]: what is stored in the run file besides the metrics."""

    weights: bool = Field(default=True, description="store conductances, without quotes")
    weights_every: Whole = Field(default=0, description="epochs; 0 for the first and the last only")
    pulses: bool = Field(default=False, description="store pulse counts, without quotes")
    settling: bool = Field(default=True, description="store one settling trace at the end, without quotes")
    samples: Count = Field(default=4, description="images in the settling trace and in the account of energy")
    energy: bool = Field(default=True, description="account for energy and latency at both ends, without quotes")
