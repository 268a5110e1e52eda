import argparse
import importlib.util
import json
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from engine import specs
from engine.networks.architectures import build
from engine.networks.opening.finding import find, open_file
from engine.networks.weights import WeightsError
from tests.data_sources import real_data

COLOUR = (3, 32, 32)
MEAN, STD = torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.2, 0.25, 0.3])


def state_of(spec, shape=COLOUR, classes=5):
    generator = torch.Generator().manual_seed(0)
    made = build(spec, shape=shape, classes=classes, generator=generator)
    return made[1].state_dict()


SMALL = state_of(specs.SmallCNN(width=4, hidden=8))
RESNET = state_of(specs.ResNet18())


def found_in(content, tmp_path, name="w.pt", **given):
    torch.save(content, tmp_path / name)
    return find(open_file(tmp_path / name), **given)


def prefixed(state, prefix):
    return {prefix + name: value for name, value in state.items()}


# ---------------------------------------------------------------------------------- where they are


@pytest.mark.parametrize(
    "key",
    ["net", "model", "rmodel", "state_dict", "model_state_dict", "params_ema", "last", "best"],
)
def test_that_weights_are_found_under_any_key(key, tmp_path):
    content = {key: SMALL, "acc": 91.2, "epoch": 3, "args": argparse.Namespace(lr=0.1)}
    found = found_in(content, tmp_path)
    assert found.network == specs.SmallCNN(width=4, hidden=8)
    assert (found.classes, found.place) == (5, key)


def test_that_weights_are_found_deep_inside_and_momenta_are_not(tmp_path):
    momenta = {"state": {0: {"exp_avg": torch.ones(9, 9)}}, "param_groups": []}
    content = {"epoch": 1, "run": {"model": {"state_dict": SMALL}}, "optimizer": momenta}
    found = found_in(content, tmp_path)
    assert found.places == ("run.model.state_dict",)


def test_that_averaged_weights_are_preferred_and_said(tmp_path):
    averaged = {name: value * 2 for name, value in SMALL.items()}
    found = found_in({"model": SMALL, "model_ema": averaged}, tmp_path)
    assert found.place == "model_ema"
    assert torch.equal(found.state["conv1.weight"], averaged["conv1.weight"])
    assert "'model_ema', averaged over training, were taken" in found.notes[0]
    assert "'model'" in found.notes[0]


def test_that_last_and_best_can_be_chosen(tmp_path):
    best = {name: value * 2 for name, value in SMALL.items()}
    content = {"best": best, "last": SMALL}
    found = found_in(content, tmp_path)
    assert found.places == ("last", "best")
    chosen = find(open_file(tmp_path / "w.pt"), place="best")
    assert torch.equal(chosen.state["conv1.weight"], best["conv1.weight"])
    with pytest.raises(
        WeightsError, match=r"no weights under 'ema', has them under 'last', 'best'"
    ):
        find(open_file(tmp_path / "w.pt"), place="ema")


# --------------------------------------------------------------------------------------- prefixes


@pytest.mark.parametrize(
    "prefix",
    [
        "module.",
        "model.",
        "_orig_mod.",
        "net.",
        "basic_net.",
        "module.model.",
        "model.module.",
        "0.",
    ],
)
def test_that_prefixes_are_taken_away(prefix, tmp_path):
    found = found_in(prefixed(SMALL, prefix), tmp_path)
    assert found.network == specs.SmallCNN(width=4, hidden=8)
    assert (found.renamed, found.left_out) == ((), ())


def test_that_a_network_inside_an_attacker_is_found_once(tmp_path):
    # As the library "robustness" saves it.
    content = {
        **prefixed(SMALL, "module.model."),
        **prefixed(SMALL, "module.attacker.model."),
        "module.normalizer.new_mean": MEAN.reshape(3, 1, 1),
        "module.normalizer.new_std": STD.reshape(3, 1, 1),
        "module.attacker.normalize.new_mean": MEAN.reshape(3, 1, 1),
        "module.attacker.normalize.new_std": STD.reshape(3, 1, 1),
    }
    found = found_in({"model": content}, tmp_path)
    assert found.normalizer.mean == pytest.approx((0.4, 0.5, 0.6))
    assert set(found.left_out) == set(prefixed(SMALL, "module.attacker.model."))


def test_that_two_names_for_one_entry_are_refused_unless_alike(tmp_path):
    content = {**SMALL, "module.conv1.bias": SMALL["conv1.bias"] + 1}
    with pytest.raises(WeightsError) as raised:
        found_in(content, tmp_path)
    assert "has 'conv1.bias' and 'module.conv1.bias', which stand for one entry" in str(
        raised.value
    )
    content["module.conv1.bias"] = SMALL["conv1.bias"].clone()
    assert found_in(content, tmp_path).classes == 5


# ------------------------------------------------------------------------------------- normalisers


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        ("mu", "sigma"),
        ("mean", "std"),
        ("normalize.mean", "normalize.std"),
        ("normalizer.new_mean", "normalizer.new_std"),
        ("0.mean", "0.std"),
    ],
)
def test_that_a_normaliser_in_the_file_is_found(mean, std, tmp_path):
    prefix = "1." if mean.startswith("0.") else ""
    content = {mean: MEAN.reshape(1, 3, 1, 1), std: STD.reshape(1, 3, 1, 1)}
    found = found_in({**content, **prefixed(SMALL, prefix)}, tmp_path)
    assert found.normalizer.mean == pytest.approx((0.4, 0.5, 0.6))
    assert found.normalizer.std == pytest.approx((0.2, 0.25, 0.3))
    assert found.left_out == ()


def test_that_a_normaliser_of_255_grey_levels_is_recognised(tmp_path):
    found = found_in({**SMALL, "mean": MEAN * 255, "std": STD * 255}, tmp_path)
    assert found.normalizer.std == pytest.approx((0.2, 0.25, 0.3))
    assert "pixels from 0 to 255" in found.notes[-1]


@pytest.mark.parametrize("bad", [0.0, -0.2, float("nan")])
def test_that_a_deviation_that_cannot_be_divided_by_is_refused_by_name(bad, tmp_path):
    std = torch.tensor([0.2, bad, 0.3])
    with pytest.raises(WeightsError, match=r"under 'normalize\.std'"):
        found_in({**SMALL, "normalize.mean": MEAN, "normalize.std": std}, tmp_path)


# -------------------------------------------------------------------------------- architectures


def test_that_other_words_for_the_same_parts_are_understood(tmp_path):
    words = {"downsample": "skip", "fc.": "classifier."}
    theirs = {}
    for name, value in RESNET.items():
        for ours, other in words.items():
            name = name.replace(ours, other)
        theirs[name] = value
    found = found_in(theirs, tmp_path)
    assert found.network.title in ("ResNet-18", "CIFAR ResNet-18")
    assert dict(found.renamed)["classifier.bias"] in ("fc.bias", "linear.bias")


def test_that_a_plain_sequence_is_matched_by_its_order_and_that_is_said(tmp_path):
    theirs = {
        f"{2 * (number // 2)}.{name.rpartition('.')[2]}": value
        for number, (name, value) in enumerate(SMALL.items())
    }
    found = found_in(theirs, tmp_path)
    assert found.network == specs.SmallCNN(width=4, hidden=8)
    assert "matched by their order" in found.notes[0]
    assert ("0.weight", "conv1.weight") in found.renamed


@pytest.mark.parametrize("classes", [2, 37])
@pytest.mark.parametrize(
    "name", ["resnet34", "mobilenet_v2", "squeezenet1_1", "densenet121", "shufflenet_v2_x0_5"]
)
def test_that_torchvision_s_classifiers_are_found_for_any_number_of_classes(
    name, classes, tmp_path
):
    state = torchvision.models.get_model(name, weights=None, num_classes=classes).state_dict()
    found = found_in({"state_dict": state}, tmp_path, shape=(3, 64, 64))
    assert (found.network.title, found.classes) == (name, classes)


def test_that_weights_for_training_only_are_left_out(tmp_path):
    model = torchvision.models.googlenet(weights=None, num_classes=4, init_weights=False)
    found = found_in(model.state_dict(), tmp_path, shape=(3, 64, 64))
    assert (found.network.title, found.classes) == ("googlenet", 4)
    assert all(name.startswith("aux") for name in found.left_out)
    assert found.left_out


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        (specs.WideResNet(depth=16, width=2), {}),
        (specs.PreActResNet18(), {}),
        (specs.CifarResNet(depth=34), {}),
        (specs.TradesCNN(), {"shape": (1, 28, 28)}),
        (specs.PaperMnistCNN(), {"shape": (1, 28, 28)}),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_that_networks_of_robustness_papers_are_found(spec, fields, tmp_path):
    found = found_in(state_of(spec, **fields), tmp_path)
    assert found.network == spec
    assert spec in found.alternatives


def test_that_gowal_s_names_of_a_wide_resnet_are_understood(tmp_path):
    renamed = {}
    for name, value in state_of(specs.WideResNet(depth=16, width=2)).items():
        for group in "123":
            name = name.replace(f"block{group}.layer.", f"layer.{int(group) - 1}.block.")
        if name.startswith("layer."):
            for number in "12":
                name = name.replace(f".bn{number}.", f".batchnorm_{int(number) - 1}.")
                name = name.replace(f".conv{number}.", f".conv_{int(number) - 1}.")
            name = name.replace(".convShortcut.", ".shortcut.")
        for ours, theirs in (("conv1.", "init_conv."), ("bn1.", "batchnorm."), ("fc.", "logits.")):
            name = theirs + name.removeprefix(ours) if name.startswith(ours) else name
        renamed[name] = value
    found = found_in(renamed, tmp_path)
    assert (found.network.depth, found.network.width) == (16, 2)
    assert (found.network.activation, found.network.padding) == ("silu", "end")
    assert len(found.alternatives) == 4


def test_that_a_name_from_the_user_decides(tmp_path):
    torch.save(RESNET, tmp_path / "w.pt")
    found = find(open_file(tmp_path / "w.pt"), name="ResNet-18")
    assert found.network == specs.ResNet18()
    with pytest.raises(WeightsError, match="does not fit resnet34"):
        find(open_file(tmp_path / "w.pt"), name="resnet34")
    with pytest.raises(ValueError, match=r"network is 'resnet43' \(did you mean 'resnet34'\?\)"):
        find(open_file(tmp_path / "w.pt"), name="resnet43")


def test_that_an_unknown_network_is_said_to_be_unknown(tmp_path):
    strange = {"encoder.a": torch.ones(3, 3), "encoder.b": torch.ones(3)}
    with pytest.raises(WeightsError, match=r"holds 2 entries such as 'encoder\.a'"):
        found_in(strange, tmp_path)
    part = {name: value for name, value in RESNET.items() if "fc" not in name}
    with pytest.raises(WeightsError, match=r"does not fit .*ResNet-18, the nearest"):
        found_in(part, tmp_path)


def test_that_bad_numbers_of_an_unknown_network_are_named_first(tmp_path):
    strange = {"encoder.a": torch.ones(3, 3), "encoder.b": torch.full((3,), float("nan"))}
    with pytest.raises(WeightsError, match=r"NaN or infinity in 3 of 3 numbers under 'encoder\.b'"):
        found_in({"net": strange, "steps": torch.tensor(3)}, tmp_path)


def test_that_what_the_file_says_beside_the_weights_is_used(tmp_path):
    names = ["cat", "dog", "eel", "fox", "gnu"]
    content = {"model": SMALL, "class_to_idx": {name: k for k, name in enumerate(names)}}
    assert found_in(content, tmp_path).said.classes == tuple(names)
    save_file(SMALL, tmp_path / "model.safetensors")
    config = {"architecture": "mine", "mean": [0.4, 0.5, 0.6], "std": [0.2, 0.2, 0.2]}
    (tmp_path / "config.json").write_text(json.dumps({**config, "label_names": names}))
    found = find(open_file(tmp_path / "model.safetensors"))
    assert found.said.classes == tuple(names)
    assert found.normalizer.mean == (0.4, 0.5, 0.6)


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        ([0.4, 0.5, 0.6], [0.2, 0.0, 0.2]),
        ([0.4, 0.5, 0.6], [0.2, -1.0, 0.2]),
        ([0.4, 0.5, 0.6], [0.2]),
        ([0.4, 0.5, 0.6], []),
    ],
)
def test_that_numbers_that_are_no_normaliser_are_left_out_with_a_word(mean, std, tmp_path):
    found = found_in({"model": SMALL, "mean": mean, "std": std}, tmp_path)
    assert found.normalizer is None
    assert any("deviations above 0" in note for note in found.notes), found.notes
    assert not any("deviations" in note for note in found_in({"model": SMALL}, tmp_path).notes)


@pytest.mark.parametrize("stated", [0.5, "0.5", True, [True] * 3, [0.5] * 5, [["0.5"]], {"r": 0.5}])
def test_that_a_normaliser_that_is_no_list_of_numbers_is_left_out_with_a_word(stated, tmp_path):
    found = found_in({"model": SMALL, "mean": stated, "std": stated}, tmp_path)
    assert found.normalizer is None
    words = "the mean and std beside the weights were left out"
    assert any(note.startswith(words) for note in found.notes), found.notes


def published_resnet():
    """Return the CIFAR-10 ResNet-18 that a package brings along."""
    package = importlib.util.find_spec("pyautoattack")
    if package is None:
        pytest.skip("pyautoattack, which has the weights, is not installed")
    return Path(package.origin).parent / "examples" / "model_test.pt"


def test_that_published_networks_are_found():
    found = find(open_file(published_resnet()))
    assert (found.network, found.classes) == (specs.CifarResNet(), 10)
    found = find(open_file(real_data("checkpoints/trades-mnist-smallcnn.pt")))
    assert (found.network, found.classes, found.shape) == (specs.TradesCNN(), 10, (1, 28, 28))
    assert found.parameters == 312_202
