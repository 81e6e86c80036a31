"""Networks that are not just layered: from the TOML file to a trained run, a picture, and clear refusals."""

import pytest
from command import neurosim

from neurosim.config import parse_experiment, topology
from neurosim.traces import read_trace

BASE = """
title = "a test"
[data]
train_limit = 600
test_limit = 300
[network]
layers = {layers}
{network}
[settle]
{settle}
free_steps = 40
nudged_steps = 15
on_unsettled = "accept"
[learning]
beta = 0.3
[train]
epochs = 4
batch = 20
lr = {rate}
probe_batch = 32
"""
PREDICTIVE = 'architecture = "predictive_coding"'
KINDS = {
    "recurrent": ([64, 24, 10], 'architecture = "recurrent"'),
    "skips": ([64, 24, 16, 10], 'skips = [["input", "h2"], ["h1", "out"]]'),
    "loop": ([64, 24, 16, 10], 'architecture = "loop"\ntied = false'),
    "predictive_coding": ([64, 24, 10], f'{PREDICTIVE}\noutput = "softmax"'),
}
SETTLE, RATE = {"predictive_coding": "solver = 'damped'\ndt = 0.25"}, {"predictive_coding": 1.0}


@pytest.fixture(params=KINDS)
def kind(request, tmp_path, monkeypatch):
    layers, network = KINDS[request.param]
    settle, rate = SETTLE.get(request.param, ""), RATE.get(request.param, 0.1)
    (tmp_path / "exp.toml").write_text(BASE.format(layers=layers, network=network, settle=settle, rate=rate))
    monkeypatch.chdir(tmp_path)
    return request.param


def test_a_network_of_every_kind_is_trained_and_drawn(kind, tmp_path):
    drawn = neurosim("run", "exp.toml", "--draw", "net.png")
    assert (drawn.code, drawn.out) == (0, "net.png: the network\n")
    assert (tmp_path / "net.png").stat().st_size > 5000
    assert not (tmp_path / "exp.h5").exists()
    run = neurosim("run", "exp.toml")
    assert run.code == 0
    with read_trace("exp.h5") as trace:
        accuracy, alignment = trace.run()["best_test_accuracy"], trace.metrics()["alignment_total"][0]
    if kind == "loop":  # nothing is reciprocal: EP follows another vector than the gradient
        assert accuracy > 0.12
        assert alignment < 0.9
    else:
        assert accuracy > 0.5
        assert alignment > 0.95


def test_arrays_of_every_kind():
    def names(**network):
        return [s.name for s in topology(parse_experiment({"network": network})).arrays]

    assert names(layers=[64, 5, 10], architecture="recurrent")[-2:] == ["R_h1", "R_out"]
    assert names(layers=[64, 5, 4, 10], skips=[["h1", "out"]])[-1] == "S_h1_out"
    assert names(layers=[64, 5, 10], architecture="loop", tied=False)[-1] == "B_out_h1"
    settle = {"solver": "damped"}
    document = {"network": {"layers": [64, 5, 10], "architecture": "predictive_coding"}, "settle": settle}
    tied = [s.name for s in topology(parse_experiment(document)).arrays]
    assert tied == ["W1", "b1", "W2", "b2"]
    document["network"]["tied"] = False
    document["train"] = {"lr": [0.1, 0.2]}  # one rate per layer, that of its arrays
    assert [s.name for s in topology(parse_experiment(document)).arrays] == ["W1", "b1", "W2", "B2", "b2"]


@pytest.mark.parametrize(
    ("network", "train", "message"),
    [
        ('architecture = "ring"', "lr = 0.1", "architecture = 'ring': unknown"),
        ('architecture = "loop"', "lr = 0.1", "in a loop no array is read both ways; set tied = false"),
        ('architecture = "recurrent"\ntied = false', "lr = 0.1", "by one array read both ways; set tied = true"),
        ('architecture = "loop"\ntied = false\nlayers = [64, 10]', "lr = 0.1", "a loop needs at least two layers"),
        ('skips = [["h1", "out"]]', "lr = 0.1", "the two layers are joined already"),
        ('skips = [["h7", "out"]]', "lr = 0.1", "layer: unknown 'h7'"),
        ('skips = ["h1"]', "lr = 0.1", "expected a list of pairs of layers"),
        ('architecture = "recurrent"', "lr = [0.1, 0.1]", "this network has further arrays: give a number or a table"),
        (PREDICTIVE, "lr = 0.1", "such sweeps grow; set solver = 'damped' (or 'anderson')"),
        (f'{PREDICTIVE}\nskips = [["h1", "out"]]', "lr = 0.1", "a value is predicted from the layer below it only"),
        (f"{PREDICTIVE}\nlayers = [64, 24, 10]", "lr = [0.1]", "expected 2 rates, one per layer of weights"),
        (f"{PREDICTIVE}\nconvolutions = [{{ channels = 2, kernel = 3 }}]", "lr = 0.1", "with convolutions leave it"),
        (f"{PREDICTIVE}\nlayers = [64, 10]\ndropout = 0.5", "lr = 0.1", "no hidden layer whose neurons"),
        ('architecture = "recurrent"', "lr = { R_h9 = 0.1 }", "unknown array 'R_h9' (did you mean 'R_h1'?)"),
    ],
)
def test_a_wrong_architecture_is_refused(network, train, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.toml").write_text(f"[network]\n{network}\n[train]\n{train}\n")
    run = neurosim("run", "wrong.toml")
    assert (run.code, run.out) == (2, "")
    assert message in run.err


def test_a_picture_needs_a_name_that_says_its_kind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exp.toml").write_text("")
    run = neurosim("run", "exp.toml", "--draw", "net.txt")
    assert run.code == 2
    assert "--draw net.txt: expected a file name that ends in .png, .svg, .pdf" in run.err
