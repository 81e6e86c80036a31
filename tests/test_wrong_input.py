"""What happens to wrong input: one clear message, the right exit code, nothing written, nothing evaluated."""

import ast
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
from command import neurosim

PACKAGE = Path(__file__).parents[1] / "neurosim"
SMALL = """
[data]
train_limit = 64
test_limit = 32
[network]
layers = [64, 8, 10]
[train]
epochs = 1
batch = 32
probe_batch = 8
"""


@dataclass(frozen=True)
class Case:
    """An experiment file, and what of it the one message must name."""

    text: str
    says: tuple[str, ...]


def wrong(text, *says):
    return Case(text, says)


DEVICE = '[device]\nmodel = "soft_bounds"\n'
CONV = "[network]\nlayers = [64, 10]\nconvolutions = "

FILES = {
    # names and keys
    "unknown key": wrong("[learning]\nbetta = 0.1", "'betta' in [learning]", "did you mean 'beta'", "estimator, beta"),
    "key of another table": wrong("[learning]\nepochs = 3", "'epochs' in [learning]", "belongs to [train]"),
    "unknown table": wrong("[lerning]\nbeta = 0.1", "[lerning]", "did you mean [learning]"),
    "key before any table": wrong("seed = 3", "'seed'", "below [train]"),
    "value for a table": wrong("learning = 0.1", "[learning] = 0.1", "expected a table"),
    "list of tables": wrong("[[train]]\nseed = 1", "[train] = [{seed = 1}]", "expected a table"),
    "unknown estimator": wrong('[learning]\nestimator = "symetric"', "'symetric'", "did you mean 'symmetric'", "'rbp'"),
    "unknown activation": wrong('[network]\nactivation = "relu"', "activation = 'relu'", "'unit_clip'"),
    "unknown integrator": wrong('[settle]\nintegrator = "rk5"', "integrator = 'rk5'", "did you mean 'rk4'", "'heun'"),
    "unknown device": wrong('[device]\nmodel = "softbounds"', "'softbounds'", "did you mean 'soft_bounds'"),
    "unknown data set": wrong('[data]\nname = "cifar"', "name = 'cifar'", "'digits', 'iris', 'mnist', 'fashion_mnist'"),
    "unknown mapping": wrong('[crossbar]\nmapping = "ballanced"', "did you mean 'balanced'"),
    "unknown harmonics": wrong("[learning]\nharmonics = 2", "harmonics = 2", "1 or 3 or 5"),
    # types
    "text for a number": wrong('[learning]\nbeta = "0.1"', "beta = '0.1'", "a number > 0", "without quotes"),
    "true for a number": wrong("[learning]\nbeta = true", "beta = true", "a number > 0"),
    "fraction for a count": wrong("[train]\nbatch = 1.5", "batch = 1.5", "an integer >= 1"),
    "negative epochs": wrong("[train]\nepochs = -1", "epochs = -1", "an integer >= 0"),
    "number for a switch": wrong("[network]\nbias = 1", "bias = 1", "true or false"),
    "number for text": wrong("[data]\nfolder = 3", "folder = 3", "text"),
    "text in a list of sizes": wrong('[network]\nlayers = [64, "32", 10]', "layers, entry 2 = '32'", "integer >= 1"),
    "date": wrong("[train]\nlr = 2024-01-01", "lr = ", "a number >= 0"),
    # numbers
    "nan": wrong("[learning]\nbeta = nan", "beta = nan", "a number > 0"),
    "infinity": wrong("[train]\nweight_decay = inf", "weight_decay = inf", "a number >= 0"),
    "negative beta": wrong("[learning]\nbeta = -0.5", "beta = -0.5", "> 0", "the estimator sets its sign"),
    "one point": wrong("[learning]\npoints = 1", "points = 1", "integer >= 2"),
    "negative time step": wrong("[settle]\ndt = -1.0", "dt = -1.0", "> 0", "tau"),
    "negative noise": wrong("[settle]\nstate_noise = -0.1", "state_noise = -0.1", ">= 0"),
    "negative tau spread": wrong("[network]\ntau_spread = -0.1", "tau_spread = -0.1", ">= 0"),
    "negative gain spread": wrong("[network]\ngain_spread = -0.1", "gain_spread = -0.1", ">= 0"),
    "half a bit": wrong("[crossbar.adc]\nbits = 7.5", "[crossbar.adc] bits = 7.5", "an integer"),
    "amplifier in amperes": wrong('[network.amplifier]\nu_max = "1 A"', "u_max = '1 A'", "unit V"),
    "empty layer": wrong("[network]\nlayers = [64, 0, 10]", "layers, entry 2 = 0", ">= 1"),
    "momentum of one": wrong("[train]\nmomentum = 1.0", "momentum = 1.0", ">= 0 and < 1"),
    "negative seed": wrong("[train]\nseed = -1", "seed = -1", ">= 0"),
    "seed beyond 64 bits": wrong("[train]\nseed = 9223372036854775808", "seed = 9223372036854775808", "<="),
    "no learning": wrong("[train]\nlr = 0.0", "lr = 0.0", "> 0"),
    # quantities
    "wrong unit": wrong('[device]\ng_min = "1 uV"', "g_min = '1 uV'", "unit 'uV' is not S"),
    "unknown prefix": wrong('[crossbar]\nv_ref = "2 xV"', "v_ref = '2 xV'", "unit 'xV' is not V"),
    "not a quantity": wrong('[crossbar]\nc_node = "about 1 pF"', "c_node = 'about 1 pF'", "unit F"),
    "negative capacitance": wrong('[crossbar]\nc_node = "-1 pF"', "c_node = '-1 pF'", "> 0", "F"),
    "forgotten unit": wrong("[device]\ng_max = 51", "g_max = 51", "bare number is in siemens", "'51 uS'"),
    "conductances exchanged": wrong('[device]\ng_min = "60 uS"', "g_min = 60 uS", "below g_max = 51 uS"),
    "step beyond the range": wrong('[device]\nstep = "60 uS"', "step = 60 uS", "range g_max - g_min = 50 uS"),
    "step below the precision": wrong('[device]\nstep = "1 fS"', "step = 1 fS", "float32", "float64"),
    # device models
    "key of another model": wrong("[device]\nc2c = 0.3", "'ideal' has no key 'c2c'", "soft_bounds"),
    "unknown key of a model": wrong(DEVICE + "asymetry = 0.3", "'asymetry'", "did you mean 'asymmetry'"),
    "asymmetry of two": wrong(DEVICE + "asymmetry = 2", "asymmetry = 2", "(-1, 1)"),
    "stuck more than all": wrong(DEVICE + "stuck_fraction = 1.5", "stuck_fraction = 1.5", "[0, 1)"),
    "true for a spread": wrong(DEVICE + "c2c = true", "c2c = true", "[0, 100]"),
    "preset for a model": wrong('[device]\nmodel = "reram_es"', "model = 'reram_es'", "write preset = 'reram_es'"),
    "unknown preset": wrong('[device]\npreset = "reram_ess"', "'reram_ess'", "did you mean 'reram_es'", "capacitor"),
    "number for a preset": wrong("[device]\npreset = 3", "preset = 3", "in quotes"),
    "preset of another model": wrong(
        '[device]\npreset = "ecram"\nmodel = "ideal"', "model = 'ideal'", "is of model 'linear_step'", "leave out"
    ),
    "preset that is no file": wrong('[device]\npreset = "my.toml"', "my.toml: No such file", "neurosim devices fit"),
    "key of another model beside a preset": wrong(
        '[device]\npreset = "ecram"\nvolts_up = 0.5', "'linear_step' has no key 'volts_up'", "vteam, yakopcic"
    ),
    "wrong key beside a preset": wrong('[device]\npreset = "ecram"\nc2c = -1.0', "c2c = -1.0", "[0, 100]"),
    "bad preset on an axis": wrong(
        '[device]\npreset = "ecram"\n[sweep.axes]\ndevice.preset = ["ecram", "pmc"]', "value 'pmc'", "mean 'pcm'"
    ),
    "bad key on an axis beside presets": wrong(
        '[device]\npreset = "ecram"\n[sweep.axes]\ndevice.preset = ["ecram", "pcm"]\ndevice.c2c = [-1.0]',
        "axis device.c2c, value -1.0", "[0, 100]",
    ),
    "list too short": wrong(
        '[device]\nmodel = "piecewise_step"\ntable_up = [1.0]', "table_up = [1.0]", "a list of 2 to 64 numbers"
    ),
    "table that stands still": wrong(
        '[device]\nmodel = "piecewise_step"\ntable_up = [1.0, 0.0, 1.0]', "table_up = [1.0, 0.0, 1.0]", "mid-range"
    ),
    "voltage below the threshold": wrong(
        '[device]\nmodel = "vteam"\nvolts_up = "100 mV"', "volts_up = '100 mV'", "below the threshold", "above 0.2 V"
    ),
    "default below the threshold": wrong('[device]\nmodel = "vteam"\nv_on = 0.5', "volts_up = 0.3", "above 0.5 V"),
    "volts in amperes": wrong('[device]\nmodel = "vteam"\nvolts_up = "1 A"', "volts_up = '1 A'", "unit 'A' is not V"),
    "one width": wrong('[device]\nmodel = "vteam"\nwidth_up = "1 ns"', "width_down = 0.0", "give both widths"),
    "step beside widths": wrong(
        '[device]\npreset = "vteam_technion"\nstep = "1 uS"', "step = ", "follows from the widths", "leave out step"
    ),
    "model that stands still": wrong(
        '[device]\nmodel = "exp_step"\namplitude_up = 50.0', "amplitude_up = 50.0", "allowed below"
    ),
    # images
    "flip of features": wrong("[data]\nname = 'iris'\nflip = true\n[network]\nlayers = [4, 6, 3]", "[data] flip = true",
        "'iris' has no images", "'cifar10'"),
    "crop of features": wrong("[data]\nname = 'iris'\ncrop_padding = 1\n[network]\nlayers = [4, 6, 3]",
        "crop_padding = 1", "'iris' has no images"),
    "normalised features": wrong(
        "[data]\nname = 'iris'\nnormalise = {mean = [0.1], std = [1.0]}\n[network]\nlayers = [4, 6, 3]",
        "[data.normalise] mean = [0.1]", "[data.normalise] std = [1.0]", "has no images"),
    "crop beyond the image": wrong("[data]\ncrop_padding = 8", "crop_padding = 8", "8 x 8", "integer < 8"),
    "channels that are not there": wrong("[data.normalise]\nmean = [0.1, 0.2, 0.3]\nstd = [1.0]",
        "mean = [0.1, 0.2, 0.3]", "1 number, one per channel", "'digits'"),
    "mean without a deviation": wrong("[data.normalise]\nmean = [0.1]", "[data.normalise] std = []", "1 number"),
    "deviation of zero": wrong("[data.normalise]\nmean = [0.1]\nstd = [0.0]", "std, entry 1 = 0.0", "> 0"),
    "factor of nothing": wrong("[data.normalise]\nfactor = 3.0", "factor = 3", "no std to multiply"),
    "number for a flip": wrong("[data]\nflip = 0.5", "flip = 0.5", "true or false"),
    # settings that contradict each other
    "decay of no biases": wrong("[network]\nbias = false\n[train]\nweight_decay = 1e-3\ndecay_biases = true",
        "decay_biases = true", "has no biases"),
    "biases that do not decay": wrong("[train]\ndecay_biases = true", "decay_biases = true", "weight_decay > 0"),
    "start of no biases": wrong("[network]\nbias = false\ninit_bias_gain = 1.0", "init_bias_gain = 1", "no biases"),
    "no conductances every epoch": wrong("[trace]\nweights = false\nweights_every = 1", "weights_every = 1",
        "stores none"),
    "wrong input size": wrong("[network]\nlayers = [784, 32, 10]", "first must be 64", "'digits'"),
    "wrong number of classes": wrong("[network]\nlayers = [64, 32, 2]", "last must be 10"),
    "no layers": wrong("[network]\nlayers = []", "layers = []", "at least 2"),
    "readout without a hidden layer": wrong(
        '[network]\nlayers = [64, 10]\noutput = "softmax"', "at least 3", "softmax"
    ),
    "target out of reach": wrong("[network]\ntarget_high = 1.5", "target_high = 1.5", "between 0 and 1"),
    "targets exchanged": wrong("[network]\ntarget_low = 0.9\ntarget_high = 0.1", "below target_high = 0.1"),
    "reference column pushed and pulled": wrong(
        '[crossbar]\nmapping = "reference"', "scheme = 'push_pull'", "'reference'", "set scheme = 'single'"
    ),
    "momentum in situ": wrong(
        '[learning]\nupdate = "in_situ"\n[train]\nmomentum = 0.9', "momentum = 0.9", "digital gradient", "in_situ"
    ),
    "weight decay by pulse trains": wrong(
        '[learning]\nprogrammer = "stochastic"\n[train]\nweight_decay = 0.1', "weight_decay = 0.1", "stochastic"
    ),
    "order of pulses that are not trains": wrong(
        '[learning]\nprogrammer = "rounded"\npulse_order = "samples"', "no effect on programmer = 'rounded'"
    ),
    "aggregated pulses of a curved step": wrong(
        '[learning]\nprogrammer = "stochastic"\npulse_order = "aggregated"\n[device]\nmodel = "exp_step"',
        "straight line", "'soft_bounds'", "'samples'",
    ),
    "samples and a limited life": wrong(
        '[learning]\nprogrammer = "stochastic"\npulse_order = "samples"\n[crossbar.wear]\npulses = 1e5',
        "within a batch", "'aggregated'",
    ),
    "clip at complex beta": wrong(
        '[learning]\nestimator = "holomorphic"\n[network]\nactivation = "half_clip"',
        "activation = 'half_clip'", "not holomorphic", "'steep_logistic', 'tanh', 'dsilu'", "points = 2",
    ),
    "clip under rotation": wrong(
        '[learning]\nestimator = "oscillating"\n[network]\nactivation = "unit_clip"',
        "activation = 'unit_clip'", "waveform = 'cosine'",
    ),
    "noise that must settle": wrong("[settle]\nstate_noise = 0.1", "state_noise = 0.1", "on_unsettled = 'accept'"),
    "noise with error control": wrong(
        '[settle]\nstate_noise = 0.1\nintegrator = "tsit5_adaptive"\non_unsettled = "accept"',
        "state_noise = 0.1", "adaptive", "'heun'",
    ),
    "noise at an operating point": wrong(
        '[settle]\nmethod = "operating_point"\n[crossbar]\nread_noise = 0.1\nread_noise_scope = "step"',
        "read_noise_scope = 'step'", "no operating point",
    ),
    "oscillation at an operating point": wrong(
        '[settle]\nmethod = "operating_point"\n[learning]\nestimator = "oscillating"',
        "method = 'operating_point'", "continuous time", "method = 'transient'",
    ),
    "oscillation with error control": wrong(
        '[settle]\nintegrator = "tsit5_adaptive"\n[learning]\nestimator = "oscillating"', "fixed steps", "'euler'"
    ),
    "harmonics that alias": wrong(
        '[learning]\nestimator = "oscillating"\nwaveform = "cosine"\nharmonics = 3\npoints = 6',
        "points = 6", "harmonic 3", "integer >= 8",
    ),
    "exact gradient in situ": wrong('[learning]\nestimator = "rbp"\nupdate = "in_situ"', "'in_situ'", "no two phases"),
    "unstable step": wrong("[settle]\ndt = 2.5", "dt = 2.5", "unstable", "'euler'", "1.5"),
    "tolerance below the precision": wrong("[settle]\ntolerance = 1e-9", "tolerance = 1e-09", "float32", "'float64'"),
    "more images than there are": wrong(
        '[data]\nname = "mnist"\ntrain_limit = 70000\n[network]\nlayers = [784, 10]', "train_limit = 70000", "60000"
    ),
    "batch larger than the data": wrong("[data]\ntrain_limit = 20", "batch = 32", "20"),
    "nothing to train on": wrong("[data]\ntest_fraction = 0.9999", "batch = 32", "1 training images"),
    "digits from a folder": wrong('[data]\nfolder = "here"', "folder = 'here'", "leave the folder out"),
    "rates for too few layers": wrong("[train]\nlr = [0.1]", "lr = [0.1]", "expected 2 rates"),
    "rate of an unknown array": wrong("[train]\nlr = {W1 = 0.1, W3 = 0.1}", "'W3'", "W1, b1, W2, b2"),
    "negative rate": wrong("[train]\nlr = {W1 = -0.1}", "entry W1", ">= 0"),
    # convolutions
    "convolution that is a number": wrong(CONV + "3", "convolutions = 3", "a list, each entry a table"),
    "convolution without a kernel": wrong(CONV + "[{channels = 4}]", "entry 1", "no 'kernel'", "side of the kernel"),
    "unknown key of a convolution": wrong(
        CONV + "[{channels = 4, kernel = 3, stroke = 2}]", "convolutions, entry 1", "'stroke'", "did you mean 'stride'"
    ),
    "kernel of nothing": wrong(CONV + "[{channels = 4, kernel = 0}]", "entry 1, kernel = 0", "an integer >= 1"),
    "unknown pool": wrong(
        CONV + '[{channels = 4, kernel = 3, pool = "mean"}]', "entry 1, pool = 'mean'", "'average', 'softmax'"
    ),
    "kernel larger than the maps": wrong(
        CONV + '[{channels = 4, kernel = 5, pool = "max"}, {channels = 4, kernel = 3}]',
        "entry 2: kernel = 3 on maps of 2 x 2 with padding = 0",
    ),
    "window larger than the map": wrong(
        CONV + '[{channels = 4, kernel = 3, pool = "max", pool_size = 8}]', "pool_size = 8 on a map of 6 x 6"
    ),
    "padding wider than the kernel": wrong(
        CONV + "[{channels = 4, kernel = 3, padding = 3}]", "padding = 3: expected less than kernel = 3"
    ),
    "temperature of a mean": wrong(
        CONV + '[{channels = 4, kernel = 3, pool = "average", temperature = 2.0}]',
        "entry 1: temperature = 2", "only by 'softmax'", "leave it out",
    ),
    "convolution of a table": wrong(
        CONV + '[{channels = 4, kernel = 3}]\n[data]\nname = "iris"', "'iris' has no images", "'digits', 'mnist'"
    ),
    "maximum at complex beta": wrong(
        CONV + '[{channels = 4, kernel = 3}, {channels = 4, kernel = 3, pool = "max"}]\n'
        '[learning]\nestimator = "holomorphic"',
        "entry 2: pool = 'max': not holomorphic", "'softmax', 'average', 'none'", "points = 2",
    ),
    "kernel read with fresh noise": wrong(
        CONV + '[{channels = 4, kernel = 3}]\n[crossbar]\nread_noise = 0.1\nread_noise_scope = "step"\n'
        '[settle]\non_unsettled = "accept"',
        "read_noise_scope = 'step'", "not modelled for kernels", "'frozen' or 'phase'",
    ),
    "rates for too few convolutions": wrong(
        CONV + "[{channels = 4, kernel = 3}]\n[train]\nlr = [0.1]", "expected 2 rates"
    ),
    # untied arrays
    "exact limit in situ": wrong(
        '[learning]\nestimator = "true_response"\nupdate = "in_situ"', "'in_situ'", "'true_response' is computed"
    ),
    "angle of a tied array": wrong("[network]\nfeedback_angle = 90.0", "feedback_angle = 90.0", "set tied = false"),
    "angle beyond the half turn": wrong(
        "[network]\ntied = false\nfeedback_angle = 200.0", "feedback_angle = 200.0", ">= 0 and <= 180"
    ),
    "unknown learning of feedback": wrong(
        '[learning]\nfeedback = "kolen"', "'kolen'", "allowed: 'vector_field', 'kolen_pollack'"
    ),
    "shared update of a tied array": wrong(
        '[learning]\nfeedback = "kolen_pollack"', "feedback = 'kolen_pollack'", "tied = false", "'vector_field'"
    ),
    "shared update of two exact gradients": wrong(
        '[network]\ntied = false\n[learning]\nfeedback = "kolen_pollack"\nestimator = "rbp"',
        "'rbp' gives every array its own", "'true_response'",
    ),
    "shared update at two rates": wrong(
        '[network]\ntied = false\n[learning]\nfeedback = "kolen_pollack"\n[train]\nlr = {W1 = 0.1, W2 = 0.1, B2 = 0.2}',
        "B2 and W2 must learn at one rate", "leave B2 out",
    ),
    "homeostasis of tied arrays": wrong("[learning]\nhomeostasis = 1.0", "homeostasis = 1.0", "tied = false"),
    "homeostasis in situ": wrong(
        '[network]\ntied = false\n[learning]\nhomeostasis = 1.0\nupdate = "in_situ"',
        "homeostasis = 1.0", "update = 'differenced'",
    ),
    "negative homeostasis": wrong("[learning]\nhomeostasis = -1.0", "homeostasis = -1.0", ">= 0"),
    "homeostasis under fresh noise": wrong(
        '[network]\ntied = false\n[learning]\nhomeostasis = 1.0\n[settle]\non_unsettled = "accept"\n'
        '[crossbar]\nread_noise = 0.1\nread_noise_scope = "step"',
        "homeostasis = 1.0", "read_noise_scope = 'frozen'",
    ),
    # optimiser and schedule
    "unknown optimiser": wrong('[train]\noptimiser = "adam"', "optimiser = 'adam'", "did you mean 'adamw'", "'sgd'"),
    "unknown schedule": wrong('[train]\nschedule = "cosin"', "did you mean 'cosine'", "'constant'"),
    "adamw in situ": wrong(
        '[learning]\nupdate = "in_situ"\n[train]\noptimiser = "adamw"', "optimiser = 'adamw'", "set optimiser = 'sgd'"
    ),
    "adamw by pulse trains": wrong(
        '[learning]\nprogrammer = "stochastic"\n[train]\noptimiser = "adamw"', "digital gradient", "stochastic"
    ),
    "momentum of adamw": wrong('[train]\noptimiser = "adamw"\nmomentum = 0.9', "momentum = 0.9", "has beta1 instead"),
    "key of adamw alone": wrong("[train]\nbeta2 = 0.9", "beta2 = 0.9", "no effect on optimiser = 'sgd'", "'adamw'"),
    "beta1 of one": wrong('[train]\noptimiser = "adamw"\nbeta1 = 1.0', "beta1 = 1.0", ">= 0 and < 1"),
    "no decay to decouple": wrong("[train]\ndecoupled = true", "decoupled = true", "set weight_decay > 0"),
    "lowest rate without a schedule": wrong("[train]\nlr_min = 1e-5", "lr_min = 1e-05", "no effect", "'cosine'"),
    "pace without a schedule": wrong('[train]\nschedule_per = "step"', "schedule_per = 'step'", "'cosine'"),
    "pace of nothing": wrong('[train]\nschedule_per = "day"', "schedule_per = 'day'", "'epoch', 'step'"),
    "schedule of no epochs": wrong('[train]\nschedule = "cosine"\nschedule_epochs = 0', "schedule_epochs = 0", ">= 1"),
    "rates that would rise": wrong(
        '[train]\nschedule = "cosine"\nlr_min = 0.2\nlr = {W1 = 0.3, W2 = 0.1}', "lr_min = 0.2", "initial rate 0.1"
    ),
    # dropout
    "dropout of all": wrong("[network]\ndropout = 1.0", "dropout = 1.0", ">= 0 and < 1"),
    "dropout of text": wrong('[network]\ndropout = ["a"]', "entry 1", ">= 0 and < 1"),
    "dropout for too many layers": wrong(
        "[network]\ndropout = [0.1, 0.2]", "dropout = [0.1, 0.2]", "expected 1 probabilities", "first layer first"
    ),
    "dropout of nothing in too many layers": wrong("[network]\ndropout = [0.0, 0.0]", "expected 1 probabilities"),
    "dropout without a hidden layer": wrong("[network]\nlayers = [64, 10]\ndropout = 0.1", "no hidden layer"),
    # back-propagation through time
    "through steps that are not Euler's": wrong(
        '[learning]\nestimator = "bptt"\n[settle]\nintegrator = "rk4"', "integrator = 'rk4'", "set integrator = 'euler'"
    ),
    "through more steps than there are": wrong(
        '[learning]\nestimator = "bptt"\n[settle]\nfree_steps = 10\nnudged_steps = 20',
        "nudged_steps = 20", "free_steps = 10", "<= 10",
    ),
    # sweeps
    "empty axis": wrong("[sweep.axes]\nlearning.beta = []", "axis learning.beta = []", "at least one value"),
    "axis over an unknown key": wrong("[sweep.axes]\nlearning.betta = [1]", "'betta'", "did you mean 'beta'"),
    "axis over a table": wrong("[sweep.axes]\nlearning = [1]", "whole table"),
    "axis without its table": wrong("[sweep.axes]\nbeta = [1]", "did you mean 'learning.beta'"),
    "axis over seeds": wrong("[sweep.axes]\ntrain.seed = [1, 2]", "axis train.seed", "[sweep] seeds"),
    "axis that is a number": wrong("[sweep.axes]\nlearning.beta = 0.1", "axis learning.beta = 0.1", "expected a list"),
    "bad value on an axis": wrong("[sweep.axes]\nlearning.beta = [0.1, -1]", "axis learning.beta, value -1", "> 0"),
    "bad unit on an axis": wrong('[sweep.axes]\ndevice.g_min = ["1 V"]', "axis device.g_min, value '1 V'", "not S"),
    "value twice on an axis": wrong("[sweep.axes]\nlearning.beta = [0.1, 0.1]", "0.1 is listed twice"),
    "point twice in a zip": wrong(
        '[sweep]\nmode = "zip"\n[sweep.axes]\nlearning.beta = [0.1, 0.2, 0.1]\ntrain.epochs = [1, 1, 1]',
        "axis learning.beta, train.epochs", "[0.1, 1] is listed twice",
    ),
    "zip of unequal axes": wrong(
        '[sweep]\nmode = "zip"\n[sweep.axes]\nlearning.beta = [0.1]\ntrain.epochs = [1, 2]',
        "mode = 'zip'", "learning.beta has 1, train.epochs has 2",
    ),
    "no seeds": wrong("[sweep]\nseeds = 0", "seeds = 0", ">= 1"),
    "misspelt range": wrong("[sweep.axes]\nlearning.beta = {from = 1, too = 2, num = 3}", "'too'", "did you mean 'to'"),
    "range without a count": wrong("[sweep.axes]\nlearning.beta = {from = 0.1, to = 1.0}", "no 'num'"),
    "logarithm of zero": wrong(
        '[sweep.axes]\nlearning.beta = {from = 0, to = 1, num = 3, scale = "log"}', "from = 0", "> 0"
    ),
    "unknown scale": wrong(
        '[sweep.axes]\nlearning.beta = {from = 0.1, to = 1, num = 3, scale = "lin"}', "'lin'", "did you mean 'linear'"
    ),
    "range of one": wrong("[sweep.axes]\nlearning.beta = {from = 0.1, to = 1, num = 1}", "num = 1", ">= 2"),
    "range over whole numbers": wrong(
        "[sweep.axes]\ntrain.epochs = {from = 1, to = 2, num = 3}", "axis train.epochs, value 1.5", "an integer"
    ),
    # syntax
    "decimal comma": wrong("[learning]\nbeta = 0,5", "line 2, column", "decimal point"),
    "quantity without quotes": wrong("[device]\ng_min = 1 uS", "line 2, column", "need quotes"),
    "word without quotes": wrong("[device]\nmodel = soft_bounds", "line 2, column 9", "need quotes"),
    "key twice": wrong("[learning]\nbeta = 1\nbeta = 2", "line 3", "not valid TOML"),
    "unclosed list": wrong("[network]\nlayers = [64, 10", "line 2, column", "not valid TOML"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return an empty working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NEUROSIM_DATA", raising=False)
    return tmp_path


def contents(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("case", FILES.values(), ids=FILES.keys())
def test_a_wrong_file_is_refused_in_one_message_before_anything_is_computed_or_written(folder, case):
    (folder / "wrong.toml").write_text(case.text)
    result = neurosim("sweep" if "[sweep" in case.text else "run", "wrong.toml")
    assert (result.code, result.out) == (2, "")
    assert all(line.startswith(("wrong.toml: ", "    ")) for line in result.err.splitlines())
    assert [word for word in case.says if word not in result.err] == []
    assert [word for word in ("Traceback", "pydantic", "Input should", "validation") if word in result.err] == []
    assert contents(folder) == {"wrong.toml"}


def test_the_table_is_as_long_as_it_promises():
    assert len(FILES) >= 90


OVERRIDES = {
    "no equals sign": ("learning.beta", "expected key=value"),
    "no value": ("learning.beta=", "expected key=value"),
    "unknown key": ("learning.betta=1", "did you mean 'beta'"),
    "no table": ("beta=0.1", "did you mean 'learning.beta'"),
    "broken list": ("network.layers=[64,", "not valid TOML"),
    "second key smuggled in": ("learning.beta=0.1\nother=2", "expected one value"),
    "code": ("learning.beta=__import__('os').abort()", "expected a number > 0"),
    "wrong value": ("learning.beta=-1", "beta = -1"),
    "below a single value": ("learning.beta.x=1", "learning.beta holds a single value"),
}


@pytest.mark.parametrize(("text", "says"), OVERRIDES.values(), ids=OVERRIDES.keys())
def test_a_wrong_override_is_refused_and_never_evaluated(folder, text, says):
    (folder / "good.toml").write_text(SMALL)
    result = neurosim("run", "good.toml", "--set", text)
    assert (result.code, result.out) == (2, "")
    assert says in result.err
    assert f"--set {text}" in result.err
    assert contents(folder) == {"good.toml"}


def a_folder(folder):
    (folder / "exp.toml").mkdir()


def a_picture(folder):
    (folder / "exp.toml").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff\xfe")


def a_near_name(folder):
    (folder / "exp1.toml").write_text(SMALL)


def a_file(folder):
    (folder / "exp.toml").write_text(SMALL)


def a_finished_trace(folder, *, schema_version=1, name="exp.h5"):
    from neurosim.traces import TraceWriter

    a_file(folder)
    with TraceWriter.create(folder / name, config_text="{}", seed=0):
        pass
    if schema_version != 1:
        with h5py.File(folder / name, "r+") as file:
            file.attrs["schema_version"] = np.int64(schema_version)


def a_newer_trace(folder):
    a_finished_trace(folder, schema_version=99)


def a_damaged_trace(folder):
    a_finished_trace(folder)
    data = (folder / "exp.h5").read_bytes()
    (folder / "exp.h5").write_bytes(data[: len(data) // 2])


def a_text_named_h5(folder):
    a_file(folder)
    (folder / "exp.h5").write_text("not HDF5")


def a_checkpoint(folder):
    a_file(folder)
    (folder / "exp.h5.checkpoint.npz").write_bytes(b"PK damaged")


def results(folder):
    a_file(folder)
    (folder / "out" / "exp").mkdir(parents=True)
    (folder / "out" / "exp" / "summary.csv").write_text("precious")


def a_parent_that_is_a_file(folder):
    a_file(folder)
    (folder / "plain").write_text("")


USES = {
    "no such file": (a_near_name, "run exp.toml", "exp.toml: no such file (did you mean 'exp1.toml'?)"),
    "folder for a file": (a_folder, "run exp.toml", "exp.toml: cannot be read: Is a directory"),
    "picture for a file": (a_picture, "run exp.toml", "exp.toml: not a text file"),
    "no file": (a_file, "run", "Missing argument"),
    "unknown command": (a_file, "runn exp.toml", "Did you mean 'run'"),
    "unknown option": (a_file, "run exp.toml --epochs 3", "--epochs"),
    "run file exists": (a_finished_trace, "run exp.toml", "exp.h5: exists; give another --out"),
    "nothing to resume": (a_finished_trace, "run exp.toml --resume", "nothing to resume"),
    "resume and force": (a_file, "run exp.toml --resume --force", "contradict"),
    "newer schema": (a_newer_trace, "run exp.toml --resume", "schema version 99 is newer"),
    "damaged HDF5": (a_damaged_trace, "run exp.toml --resume", "exp.h5: truncated or damaged"),
    "not HDF5": (a_text_named_h5, "run exp.toml --resume", "exp.h5: not an HDF5 file"),
    "interrupted run": (a_checkpoint, "run exp.toml", "was interrupted; go on with --resume"),
    "damaged checkpoint": (a_checkpoint, "run exp.toml --resume", "exp.h5.checkpoint.npz: not a checkpoint"),
    "out is no run file": (a_file, "run exp.toml --out exp.toml", "--out exp.toml: expected the name of a run file"),
    "parent is a file": (a_parent_that_is_a_file, "run exp.toml --out plain/x.h5", "plain/x.h5"),
    "results exist": (results, "sweep exp.toml", "is not empty; go on with --resume, or give another --out"),
    "results under a file": (a_parent_that_is_a_file, "sweep exp.toml --out plain/x", "plain/x"),
    "results in a file": (a_parent_that_is_a_file, "sweep exp.toml --out plain", "plain: is a file"),
    "no workers": (a_file, "sweep exp.toml --workers 0", "--workers 0: expected an integer >= 1"),
    "workers as text": (a_file, "sweep exp.toml --workers all", "--workers all: expected an integer >= 1"),
    "workers and scheduler": (a_file, "sweep exp.toml --workers 2 --scheduler tcp://h:1", "give one of the two"),
    "gradcheck in single precision": (a_file, "gradcheck exp.toml", "float64"),
    "gradcheck into a file": (a_parent_that_is_a_file, "gradcheck exp.toml --out plain", "plain: is a file"),
    "unknown data set": (a_file, "data mnits", "did you mean 'mnist'"),
    "unknown device": (a_file, "devices soft_bound", "did you mean 'soft_bounds'"),
    "unknown preset": (a_file, "devices reram_ess", "did you mean 'reram_es'"),
    "preset file that is missing": (a_file, "devices mine.toml", "mine.toml: No such file"),
    "experiment for a preset": (a_file, "devices exp.toml", "exp.toml: unknown key 'data'"),
    "fit of nothing": (a_file, "devices fit", "of which pulses"),
    "fit of a missing file": (a_file, "devices fit pulses.csv", "pulses.csv: No such file"),
    "fit of an experiment": (a_file, "devices fit exp.toml", "exp.toml: line 2: unknown column '[data]'"),
    "fit into no preset": (a_file, "devices fit exp.toml --out x.csv", "--out x.csv: expected a file name"),
    "pulses without a fit": (a_file, "devices ideal pulses.csv", "PULSES.csv: belongs to a fit"),
    "model without a fit": (a_file, "devices --model ideal", "--model: belongs to a fit"),
    "comparison without a fit": (a_file, "devices ideal --compare", "--compare: belongs to a fit"),
    "bound in volts": (a_file, "devices fit exp.toml --g-min 1V", "--g-min = '1V': unit 'V' is not S"),
    "plot of unknown kind": (a_file, "devices ideal --plot x.docx", "x.docx"),
    "plot into no folder": (a_file, "devices ideal --plot missing/x.png", "missing/x.png: No such file"),
}  # fmt: skip


@pytest.mark.parametrize(("prepare", "line", "says"), USES.values(), ids=USES.keys())
def test_a_wrong_use_is_refused_and_writes_nothing(folder, prepare, line, says):
    prepare(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    result = neurosim(*line.split())
    assert result.code == 2
    assert says in result.err
    assert "Traceback" not in result.err
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


# --- as a user meets it: a process of its own


def process(folder, *arguments, limit=None):
    import resource

    def limited():
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "neurosim.cli", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False, preexec_fn=limited,
    )  # fmt: skip


def test_as_a_process_a_wrong_key_ends_with_code_2_and_one_line(folder):
    (folder / "wrong.toml").write_text("[learning]\nbetta = 0.1")
    result = process(folder, "run", "wrong.toml")
    assert (result.returncode, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    assert contents(folder) == {"wrong.toml"}


def test_a_full_disk_ends_in_a_message_and_leaves_no_run_file(folder):
    a_file(folder)
    result = process(folder, "run", "exp.toml", limit=16_384)
    assert result.returncode in (1, 2)
    assert "exp.h5" in result.stderr
    assert "Traceback" not in result.stderr
    assert "exp.h5" not in contents(folder)


def test_a_network_that_does_not_settle_ends_with_code_1_and_a_trace_marked_failed(folder):
    from neurosim.traces import read_trace

    (folder / "exp.toml").write_text(SMALL + "[settle]\nfree_steps = 1\ntolerance = 1e-6")
    result = neurosim("run", "exp.toml")
    assert result.code == 1
    assert "did not settle" in result.err
    assert "settle.free_steps" in result.err
    assert "Traceback" not in result.err
    with read_trace(folder / "exp.h5") as trace:
        assert trace.status == "failed"
        assert "did not settle" in trace.reason


def test_a_sweep_whose_runs_fail_says_so_and_ends_with_code_1(folder):
    text = "[settle]\nfree_steps = 1\n[sweep.axes]\nsettle.tolerance = [1e-6, 1e-5]"
    (folder / "exp.toml").write_text(SMALL + text)
    result = neurosim("sweep", "exp.toml", "--workers", "1")
    assert result.code == 1
    assert result.err.count("did not settle") >= 2
    assert "2 failed" in result.out
    assert "Traceback" not in result.err


def test_a_point_that_contradicts_itself_is_refused_before_the_first_run(folder):
    text = '[sweep.axes]\nnetwork.activation = ["tanh", "unit_clip"]\nlearning.estimator = ["symmetric", "holomorphic"]'
    (folder / "exp.toml").write_text(SMALL + text)
    result = neurosim("sweep", "exp.toml")
    assert (result.code, result.out) == (2, "")
    assert [w for w in ("exp.toml: ", "unit_clip", "'holomorphic'", "not holomorphic") if w not in result.err] == []
    assert contents(folder) == {"exp.toml"}


def test_a_folder_without_the_data_says_what_belongs_there(folder):
    (folder / "exp.toml").write_text('[data]\nname = "mnist"\nfolder = "nowhere"\n[network]\nlayers = [784, 10]')
    result = neurosim("run", "exp.toml")
    assert result.code == 2
    assert "data.folder = 'nowhere'" in result.err
    assert "train-images-idx3-ubyte" in result.err
    assert contents(folder) == {"exp.toml"}


def test_a_data_set_that_is_nowhere_names_every_way_to_get_it(folder, monkeypatch):
    empty = folder.parent / "empty"
    empty.mkdir()
    monkeypatch.setenv("NEUROSIM_DATA", str(empty))
    monkeypatch.setenv("NEUROSIM_DATA_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder.parent / "cache"))
    result = neurosim("data", "mnist")
    assert (result.code, result.out) == (2, "")
    ways = (f"$NEUROSIM_DATA: {empty}", "http://127.0.0.1:9", "data.folder", "$NEUROSIM_DATA_URL")
    assert [way for way in ways if way not in result.err] == []
    assert contents(folder) == set()


def test_a_data_folder_that_is_not_there_is_named(folder, monkeypatch):
    monkeypatch.setenv("NEUROSIM_DATA", "nowhere")
    result = neurosim("data", "mnist")
    assert (result.code, result.out) == (2, "")
    assert "$NEUROSIM_DATA = 'nowhere': not a folder" in result.err


def test_a_gpu_that_is_not_there_is_said_with_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)  # importing it then fails as if it were not installed
    a_file(folder)
    result = neurosim("run", "exp.toml", "--set", "settle.backend=cupy")
    assert result.code == 2
    assert "neurosim-analog[gpu12]" in result.err
    assert contents(folder) == {"exp.toml"}


# --- nothing that a user gives is ever executed

FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml"}


def violations(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
            yield from (f"imports {name}" for name in names if name.partition(".")[0] in FORBIDDEN_MODULES)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
            yield f"calls {node.func.id}"
        if isinstance(node, ast.keyword) and node.arg in ("allow_pickle", "shell"):
            constant = isinstance(node.value, ast.Constant) and node.value.value is False
            if not constant:
                yield f"passes {node.arg}"


def test_no_module_evaluates_code_or_unpickles():
    modules = sorted(PACKAGE.rglob("*.py"))
    assert len(modules) > 50
    found = {str(m.relative_to(PACKAGE)): list(violations(ast.parse(m.read_text()))) for m in modules}
    assert {name: what for name, what in found.items() if what} == {}


def test_the_search_for_evaluation_finds_it():
    bad = "import pickle\nfrom yaml import load\neval('1')\nnp.load(f, allow_pickle=True)\nrun(c, shell=True)"
    assert len(list(violations(ast.parse(bad)))) == 5
    assert list(violations(ast.parse("np.load(f, allow_pickle=False)\nmodel.eval()"))) == []
