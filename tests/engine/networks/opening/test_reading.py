import argparse
import pathlib

import numpy as np
import pytest
import torch

from engine.networks.opening.formats import WeightsError
from engine.networks.opening.reading import read_file

STATE = {"fc.weight": torch.ones(2, 3), "fc.bias": torch.zeros(2)}
BOTH = pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}])


class Config:
    def __init__(self):
        self.rate = 0.1


class Trap:
    """Pickles to an instruction that creates a file."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (open, (str(self.marker), "w"))


@BOTH
def test_that_options_paths_and_numpy_numbers_beside_the_weights_are_read(options, tmp_path):
    content = {
        "model": STATE,
        "args": argparse.Namespace(lr=0.1, folder=pathlib.Path("runs")),
        "accuracy": np.float64(0.5),
        "best": np.float32(0.25),
        "epoch": np.int64(3),
        "done": np.bool_(True),
        "mean": np.array([0.5, 0.25]),
    }
    torch.save(content, tmp_path / "w.pt", **options)
    found = read_file(tmp_path / "w.pt").value
    assert torch.equal(found["model"]["fc.weight"], STATE["fc.weight"])
    assert (found["accuracy"], found["best"], found["epoch"]) == (0.5, 0.25, 3)
    assert found["args"].lr == 0.1
    assert str(found["args"].folder) == "runs"
    assert found["mean"].tolist() == [0.5, 0.25]


def test_that_numbers_of_the_old_numpy_are_read(tmp_path):
    path = tmp_path / "w.pt"
    content = {"model": STATE, "accuracy": np.float64(0.5)}
    torch.save(content, path, _use_new_zipfile_serialization=False)
    old = path.read_bytes().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    path.write_bytes(old)
    assert read_file(path).value["accuracy"] == 0.5


@BOTH
def test_that_a_whole_network_is_refused_by_its_class(options, tmp_path):
    torch.save(torch.nn.Sequential(torch.nn.Linear(2, 2)), tmp_path / "w.pt", **options)
    with pytest.raises(WeightsError) as raised:
        read_file(tmp_path / "w.pt")
    message = str(raised.value)
    assert message.startswith("w.pt holds more than weights, which could run code: ")
    assert "torch.nn.modules.container.Sequential" in message
    assert "state = model.state_dict(); torch.save(state, 'weights.pt')" in message


@BOTH
def test_that_a_foreign_object_beside_the_weights_is_refused_by_its_class(options, tmp_path):
    torch.save({"state_dict": STATE, "config": Config()}, tmp_path / "w.pt", **options)
    with pytest.raises(WeightsError, match=r"there is \S*test_reading\.Config in it"):
        read_file(tmp_path / "w.pt")


@BOTH
def test_that_code_does_not_run(options, tmp_path):
    marker = tmp_path / "it_ran"
    torch.save({"state_dict": STATE, "more": Trap(marker)}, tmp_path / "w.pt", **options)
    with pytest.raises(WeightsError, match="holds more than weights, which could run code"):
        read_file(tmp_path / "w.pt")
    assert not marker.exists()


def test_that_another_pickle_protocol_is_said(tmp_path):
    torch.save(STATE, tmp_path / "w.pt", pickle_protocol=4)
    with pytest.raises(WeightsError, match=r"in another protocol than torch\.save's own"):
        read_file(tmp_path / "w.pt")
