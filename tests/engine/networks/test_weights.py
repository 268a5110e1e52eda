import pickle

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from engine import specs
from engine.networks.architectures import build
from engine.networks.weights import WeightsError, load_state

COLOUR, DIGIT = (3, 32, 32), (1, 28, 28)


def made(spec=None, shape=DIGIT, classes=10, seed=0, **statistics):
    generator = torch.Generator().manual_seed(seed)
    spec = spec or specs.SmallCNN()
    return build(spec, shape=shape, classes=classes, generator=generator, **statistics)


def pixels(shape=DIGIT, count=4):
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(9))


def same(first, second):
    first, second = first.state_dict(), second.state_dict()
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


def renamed(state, prefix="", drop="network."):
    return {prefix + name.removeprefix(drop): value for name, value in state.items()}


@pytest.mark.parametrize("spec", [specs.SmallCNN(), specs.ResNet18()], ids=lambda spec: spec.kind)
@pytest.mark.parametrize("suffix", ["safetensors", "pt", "PTH"])
def test_that_weights_round_trip_through_a_file(spec, suffix, tmp_path):
    source, path = made(spec, COLOUR), tmp_path / f"weights.{suffix}"
    if suffix == "safetensors":
        save_file(source.state_dict(), path)
    else:
        torch.save(source.state_dict(), path)
    model = made(spec, COLOUR, seed=1)
    load_state(model, path)
    assert same(model, source)


@pytest.mark.parametrize(
    "form",
    [
        lambda state: renamed(state),
        lambda state: renamed(state, "module."),
        lambda state: renamed(state, "module.", drop=""),
        lambda state: renamed(state, "_orig_mod.module."),
        lambda state: {"state_dict": renamed(state, "module."), "epoch": 3},
        lambda state: {"model": state},
        lambda state: {k: v for k, v in state.items() if not k.startswith("normalize.")},
    ],
)
def test_that_the_usual_forms_of_a_state_dict_are_accepted(form, tmp_path):
    source = made()
    torch.save(form(source.state_dict()), tmp_path / "weights.pt")
    model = made(seed=1)
    load_state(model, tmp_path / "weights.pt")
    assert same(model, source)


def test_that_torchvision_s_resnet_weights_are_accepted(tmp_path):
    theirs = torchvision.models.resnet18(weights=None, num_classes=10)
    state = {k: v for k, v in theirs.state_dict().items() if "num_batches" not in k}
    torch.save(state, tmp_path / "resnet.pth")
    model = made(specs.ResNet18(), (3, 72, 72))
    load_state(model, tmp_path / "resnet.pth")
    assert torch.equal(
        model[1].layer3[0].downsample[0].weight, state["layer3.0.downsample.0.weight"]
    )


def test_that_half_precision_weights_become_single(tmp_path):
    source = made()
    torch.save({k: v.half() for k, v in source.state_dict().items()}, tmp_path / "half.pt")
    model = made(seed=1)
    load_state(model, tmp_path / "half.pt")
    assert model[1].dense1.weight.dtype == torch.float32
    torch.testing.assert_close(model[1].dense1.weight, source[1].dense1.weight, atol=1e-3, rtol=0)


def missing(state):
    del state["network.conv2.bias"]


def unexpected(state):
    state["network.layer9.weight"] = torch.zeros(1)


def misshapen(state):
    state["network.dense2.weight"] = torch.zeros(7, 64)


def no_tensor(state):
    state["network.conv1.bias"] = "zero"


def not_a_number(state):
    state["network.conv1.weight"][0, 0, 0, 0] = float("nan")


def infinite(state):
    state["network.conv2.bias"] = torch.full((32,), float("-inf"), dtype=torch.float16)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            not_a_number,
            "w.pt has NaN or infinity in 1 of 400 numbers under 'network.conv1.weight', "
            "must hold finite numbers only",
        ),
        (
            infinite,
            "w.pt has NaN or infinity in 32 of 32 numbers under 'network.conv2.bias', "
            "must hold finite numbers only",
        ),
        (missing, "w.pt has no entry 'network.conv2.bias', expected one of shape [32]"),
        (
            unexpected,
            "w.pt has an entry 'network.layer9.weight' that the network does not have, expected "
            "names like network.conv1.weight, network.conv1.bias, network.conv2.weight",
        ),
        (
            misshapen,
            "w.pt has shape [7, 64] under 'network.dense2.weight', expected shape [10, 64]",
        ),
        (no_tensor, "w.pt has str under 'network.conv1.bias', expected shape [16]"),
    ],
)
def test_that_a_mismatch_is_named_and_changes_nothing(spoil, message, tmp_path):
    state = made().state_dict()
    spoil(state)
    torch.save(state, tmp_path / "w.pt")
    model = made(seed=1)
    with pytest.raises(WeightsError) as raised:
        load_state(model, tmp_path / "w.pt")
    assert str(raised.value) == message
    assert same(model, made(seed=1))


class Trap:
    """Pickles to an instruction that creates a file."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (open, (str(self.marker), "w"))


@pytest.mark.parametrize(
    "save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content, 2))]
)
def test_that_code_in_a_weights_file_does_not_run(save, tmp_path):
    marker, path = tmp_path / "it_ran", tmp_path / "trap.pt"
    save({"state_dict": Trap(marker)}, path)
    with pytest.raises(WeightsError, match=r"^trap\.pt .*holds more than weights"):
        load_state(made(), path)
    assert not marker.exists()
    torch.load(path, weights_only=False) if save is torch.save else pickle.loads(path.read_bytes())
    assert marker.exists(), "the trap itself does not work"


def test_that_a_whole_pickled_model_is_refused(tmp_path):
    torch.save(made(), tmp_path / "model.pt")
    with pytest.raises(WeightsError, match=r"object of class torch\.nn\.modules\.container"):
        load_state(made(), tmp_path / "model.pt")


@pytest.mark.parametrize("name", ["a.pt", "a.pth", "a.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights at all", bytes(range(256)) * 8])
def test_that_a_damaged_file_is_named(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=f"^{name} "):
        load_state(made(), tmp_path / name)


def test_that_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"^gone\.pt cannot be read \(No such file"):
        load_state(made(), tmp_path / "gone.pt")


def test_that_a_file_that_holds_a_bare_tensor_is_refused(tmp_path):
    torch.save(torch.zeros(3), tmp_path / "w.pt")
    with pytest.raises(WeightsError, match="holds a Tensor, must hold a state dict"):
        load_state(made(), tmp_path / "w.pt")
