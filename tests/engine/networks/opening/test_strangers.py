"""Files as other people's programs save them: copies of a network, averages, odd layers."""

import datetime

import numpy as np
import pytest
import torch

from engine import specs
from engine.networks.architectures import build
from engine.networks.opening.finding import find, open_file
from engine.networks.weights import WeightsError, load_state

COLOUR = (3, 32, 32)
SPEC = specs.ResNet18()


def state_of(spec=SPEC, classes=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return build(spec, shape=COLOUR, classes=classes, generator=generator)[1].state_dict()


STATE, OTHER = state_of(), state_of(seed=1)
SMALL = state_of(specs.SmallCNN(width=4, hidden=8))


def prefixed(state, prefix):
    return {prefix + name: value for name, value in state.items()}


def opened(content, tmp_path):
    torch.save(content, tmp_path / "w.pt")
    return open_file(tmp_path / "w.pt")


def refusal(content, tmp_path):
    with pytest.raises(WeightsError) as raised:
        find(opened(content, tmp_path))
    assert "\n" not in str(raised.value)
    return str(raised.value)


# ------------------------------------------------------------------------------------------ copies


@pytest.mark.parametrize(
    ("one", "other", "taken", "left"),
    [
        ("model.", "ema.", "ema", "model"),
        ("model.", "ema_model.module.", "ema_model.module", "model"),
        ("", "ema.", "ema", "without ema"),
        ("online.", "target.", "online", "target"),
        ("student.backbone.", "teacher.backbone.", "student", "teacher"),
    ],
)
def test_that_copies_of_a_network_in_one_state_dict_can_be_chosen(
    one, other, taken, left, tmp_path
):
    content = {"state_dict": {**prefixed(STATE, one), **prefixed(OTHER, other)}}
    found = find(opened(content, tmp_path))
    assert found.places == (f"state_dict.{taken}", f"state_dict.{left}")
    assert f"others are under 'state_dict.{left}'" in found.notes[0]
    assert found.left_out == ()
    chosen = find(opened(content, tmp_path), place=f"state_dict.{left}")
    weights = {taken: found.state, left: chosen.state}
    averaged = "ema" in taken
    assert torch.equal(weights[taken]["fc.weight"], (OTHER if averaged else STATE)["fc.weight"])
    assert torch.equal(weights[left]["fc.weight"], (STATE if averaged else OTHER)["fc.weight"])


def test_that_a_normaliser_beside_copies_belongs_to_each(tmp_path):
    mean, std = torch.full((1, 3, 1, 1), 0.4), torch.full((1, 3, 1, 1), 0.2)
    state = {**prefixed(STATE, "model."), **prefixed(OTHER, "ema."), "mu": mean, "sigma": std}
    for place in (None, "model"):
        found = find(opened(state, tmp_path), place=place)
        assert found.normalizer.mean == pytest.approx((0.4, 0.4, 0.4))


def test_that_equal_copies_are_one_network(tmp_path):
    state = {**prefixed(STATE, "module.model."), **prefixed(STATE, "module.attacker.model.")}
    assert find(opened(state, tmp_path)).places == ("",)


def test_that_a_record_of_the_whole_file_still_loads_what_it_loaded(tmp_path):
    state = {**prefixed(STATE, "model."), **prefixed(OTHER, "ema.")}
    torch.save(state, tmp_path / "w.pt")
    model = build(SPEC, shape=COLOUR, classes=5, generator=torch.Generator().manual_seed(2))
    load_state(model, tmp_path / "w.pt")
    assert torch.equal(model[1].state_dict()["fc.weight"], STATE["fc.weight"])
    load_state(model, tmp_path / "w.pt", entry="ema")
    assert torch.equal(model[1].state_dict()["fc.weight"], OTHER["fc.weight"])


# ---------------------------------------------------------------------------------- odd state dicts


def test_that_an_average_of_torch_is_read(tmp_path):
    average = torch.optim.swa_utils.AveragedModel(torch.nn.Linear(2, 2)).state_dict()
    assert "n_averaged" in average  # as torch saves it
    found = find(opened({**prefixed(STATE, "module."), "n_averaged": torch.tensor(7)}, tmp_path))
    assert (found.network, found.left_out) == (SPEC, ())


def test_that_the_block_that_trades_never_calls_is_left_out(tmp_path):
    spec = specs.WideResNet(depth=10, width=1)
    state = state_of(spec)
    unused = {f"sub_{name}": value for name, value in state.items() if name.startswith("block1.")}
    found = find(opened({**state, **unused}, tmp_path))
    assert (found.network, set(found.left_out)) == (spec, set(unused))


def test_that_arrays_of_numpy_and_dates_are_read(tmp_path):
    arrays = {name: value.numpy() for name, value in SMALL.items()}
    content = {"net": arrays, "when": datetime.datetime.now(datetime.UTC), "best": np.float64(0.9)}
    found = find(opened(content, tmp_path))
    assert torch.equal(found.state["conv1.weight"], SMALL["conv1.weight"])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_that_other_precisions_are_converted_and_said(dtype, tmp_path):
    deep = {"checkpoint": {"model": {"state_dict": prefixed(SMALL, "module.")}}}
    state = deep["checkpoint"]["model"]["state_dict"]
    deep["checkpoint"]["model"]["state_dict"] = {k: v.to(dtype) for k, v in state.items()}
    found = find(opened(deep, tmp_path))
    assert found.place == "checkpoint.model.state_dict"
    assert found.notes == (f"8 entries converted from {str(dtype)[6:]} to float32",)


# ----------------------------------------------------------------------------------------- refusals


def test_that_a_body_without_its_last_layer_is_named_so(tmp_path):
    body = {name: value for name, value in STATE.items() if not name.startswith("fc.")}
    said = refusal(prefixed(body, "module.encoder_q."), tmp_path)
    assert "it has no last layer ('fc.weight' is missing): it gives features, no classes" in said


def test_that_no_number_of_ours_is_shown_for_the_unknown_number_of_classes(tmp_path):
    state = {**STATE, "fc.weight": torch.zeros(5, 7)}
    said = refusal(state, tmp_path)
    assert "1999" not in said
    assert "expected shape [classes, 512]" in said


def replaced(name, **entries):
    stem = {k: v for k, v in SMALL.items() if k != name}
    return {**stem, **{f"{name}{ending}": value for ending, value in entries.items()}}


KERNEL = SMALL["conv1.weight"]


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"_orig": KERNEL, "_mask": KERNEL}, "pruned layers, under 'conv1.weight_orig'"),
        ({"_orig": KERNEL, "_u": KERNEL[:, 0, 0, 0]}, "layers with spectral normalisation"),
        ({"_g": KERNEL, "_v": KERNEL}, "layers with weight normalisation"),
    ],
)
def test_that_layers_whose_weight_is_computed_are_named_with_the_remedy(entries, words, tmp_path):
    said = refusal(replaced("conv1.weight", **entries), tmp_path)
    assert f"w.pt holds {words}" in said
    assert "call torch.nn.utils." in said


def test_that_parametrisations_adapters_and_quantised_layers_are_named(tmp_path):
    new = prefixed({"original0": KERNEL, "original1": KERNEL}, "conv1.parametrizations.weight.")
    rest = {k: v for k, v in SMALL.items() if k != "conv1.weight"}
    assert "remove_parametrizations" in refusal({**rest, **new}, tmp_path)
    lora = {"fc.lora_A": torch.ones(4, 8), "fc.lora_B": torch.ones(8, 4)}
    assert "holds adapters (LoRA), under 'fc.lora_A'" in refusal(lora, tmp_path)
    packed = {"fc.qweight": torch.ones(4, 4), "fc.scales": torch.ones(4)}
    assert "holds quantised layers" in refusal(packed, tmp_path)
