"""Finding a network takes seconds at most, whatever entries a file has."""

import time

import pytest
import torch

from engine.networks.opening import candidates
from engine.networks.opening.counts import ENTRIES
from engine.networks.opening.entries import COUNTER, checked
from engine.networks.opening.finding import _expected, find, open_file
from engine.networks.weights import WeightsError
from engine.specs.networks import TORCHVISION_NAMES

SECONDS = 8.0  # of the processor; each takes less than 2 s, and importing torchvision as long
PIECES = list(dict.fromkeys(candidates.PIECES.values()))
DEEP = [f"a.b.c.d.layer{n}.bn.norm1.skip.weight" for n in range(10_000)]


@pytest.mark.parametrize(
    "names",
    [
        PIECES,
        [f"layer{n}.weight" for n in range(20_000)],
        DEEP,
        [*PIECES, *DEEP[:5000]],
        [f"module.{piece}{n}" for piece in PIECES for n in range(200)],
        [f"layer{n // 4}.{n % 4}.weight" for n in range(300)],
    ],
    ids=["a piece of each", "many", "deep", "pieces and deep", "pieces often", "blocks"],
)
def test_that_a_file_that_resembles_everything_is_refused_soon(names, tmp_path):
    torch.save(dict.fromkeys(names, torch.zeros(3, 3, 3, 3)), tmp_path / "w.pt")
    began = time.process_time()
    with pytest.raises(WeightsError, match="of no network that is known here"):
        find(open_file(tmp_path / "w.pt"))
    assert time.process_time() - began < SECONDS


def test_that_the_counts_cover_torchvision():
    assert set(ENTRIES) == set(TORCHVISION_NAMES)


@pytest.mark.parametrize("name", ["alexnet", "resnet18", "vgg11_bn", "vit_b_16", "googlenet"])
def test_that_the_counts_are_those_of_torchvision(name):
    entries = _expected(candidates._torchvision(name), (3, 224, 224))[0]
    assert sum(not entry.endswith(COUNTER) for entry in entries) == ENTRIES[name]


def test_that_the_right_one_is_tried_among_many_alike():
    """The piece of ResNet is in files of all ResNets; the one with as many entries is tried."""
    given = {"layer1.0.conv1.weight": (1,), **dict.fromkeys(PIECES, (1,))}
    tried = candidates.candidates(given, "weights.pt", {ENTRIES["resnet152"]})
    assert "resnet152" in [getattr(spec, "name", "") for spec in tried]
    named = [spec for spec in tried if getattr(spec, "name", "") in TORCHVISION_NAMES]
    assert len(named) == candidates.MOST_TRIED


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fnuz, torch.float8_e5m2, torch.complex64])
def test_that_counters_of_any_type_become_whole_numbers(dtype):
    counter = torch.tensor([3.0]).to(dtype)
    found = checked({"bn1.num_batches_tracked": counter}, "w.pt").tensors
    assert found["bn1.num_batches_tracked"].tolist() == [3]


def test_that_a_mean_of_400_digits_is_not_believed(tmp_path):
    state = {"a.weight": torch.zeros(3, 3), "b.weight": torch.zeros(3, 3)}
    torch.save({"net": state, "mean": [10**400], "std": [1.0]}, tmp_path / "w.pt")
    assert open_file(tmp_path / "w.pt").said.mean == ()
