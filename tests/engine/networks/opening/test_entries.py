import pytest
import torch

from engine.networks.opening.entries import checked
from engine.networks.opening.formats import WeightsError

ONES = torch.ones(2, 3)
# Made by functions: torch warns when some of these kinds are created.
KINDS = {
    "quantised": lambda: torch.quantize_per_tensor(ONES, 0.1, 0, torch.qint8),
    "sparse": ONES.to_sparse,
    "rows": ONES.to_sparse_csr,
    "mkldnn": ONES.to_mkldnn,
    "nested": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (torch.tensor([1.0, float("nan")]), "NaN or infinity in 1 of 2 numbers"),
        (torch.tensor([float("inf")], dtype=torch.bfloat16), "NaN or infinity in 1 of 1 numbers"),
        (torch.tensor([1e300], dtype=torch.float64), "numbers too large for float32 in 1 of 1"),
        (ONES.to(torch.complex64), "complex numbers (complex64)"),
        (ONES.to(torch.int8), "whole numbers (int8)"),
        (ONES.to(torch.int64), "whole numbers (int64)"),
        (ONES.bool(), "true and false (bool)"),
        ("quantised", "quantised numbers (qint8)"),
        ("sparse", "a tensor of layout sparse_coo"),
        ("rows", "a tensor of layout sparse_csr"),
        ("mkldnn", "a tensor of layout _mkldnn"),
        (ONES.to("meta"), "a tensor without numbers (device meta)"),
        ("nested", "a nested tensor"),
        (torch.ones(1).expand(10**9), "a tensor of 1,000,000,000 numbers"),
        ("zero", "str, must be a tensor"),
        ([1.0, 2.0], "list, must be a tensor"),
        (None, "NoneType, must be a tensor"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_that_numbers_that_are_no_weights_are_refused_by_name(value, words):
    value = KINDS[value]() if isinstance(value, str) and value in KINDS else value
    with pytest.raises(WeightsError) as raised:
        checked({"bias": torch.zeros(1), "conv1.weight": value}, "w.pt", size=10_000)
    message = str(raised.value)
    assert message.startswith(f"w.pt has {words}")
    assert "under 'conv1.weight'" in message


def test_that_a_negative_running_variance_is_refused():
    state = {"bn1.running_var": torch.tensor([1.0, -0.5])}
    with pytest.raises(
        WeightsError, match=r"^w\.pt has a variance of -0\.5 under 'bn1\.running_var'"
    ):
        checked(state, "w.pt")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_that_another_precision_is_converted_and_said(dtype):
    state = {"a": ONES.to(dtype), "b": ONES.to(dtype), "c": ONES}
    found = checked(state, "w.pt")
    assert {tensor.dtype for tensor in found.tensors.values()} == {torch.float32}
    name = str(dtype).removeprefix("torch.")
    assert found.notes == (f"2 entries converted from {name} to float32",)


def test_that_counters_become_whole_numbers():
    found = checked({"bn1.num_batches_tracked": torch.tensor(3.0)}, "w.pt")
    assert found.tensors["bn1.num_batches_tracked"].dtype == torch.int64
    assert found.notes == ()


@pytest.mark.parametrize(
    ("value", "shown", "kept"),
    [
        (torch.tensor(-5), "-5", -5),
        (torch.tensor(float("nan")), "nan", 0),
        (torch.tensor(float("inf")), "inf", None),
        (torch.tensor(1.5), "1.5", 1),
        (torch.tensor(2**63 - 1), "9.22337e+18", 2**63 - 1),
        (torch.tensor([1, 2, 3]), "3 numbers of int64", None),
        (torch.tensor(1 + 2j), "1 numbers of complex64", 1),
        (torch.tensor([]), "0 numbers of float32", None),
    ],
)
def test_that_a_counter_that_cannot_be_right_is_said(value, shown, kept):
    found = checked({"bn1.num_batches_tracked": value, "a": ONES}, "w.pt")
    (note,) = found.notes
    assert note == (
        "1 counter of batches, which have no effect here, cannot be right: "
        f"{shown} under 'bn1.num_batches_tracked'"
    )
    if kept is not None:
        assert int(found.tensors["bn1.num_batches_tracked"]) == kept


@pytest.mark.parametrize("name", ["conv1.weight", "bn1.num_batches_tracked"])
@pytest.mark.parametrize("kind", ["float4_e2m1fn_x2", "bits8", "bits16"])
def test_that_numbers_that_torch_cannot_convert_are_refused_by_name(name, kind):
    if not hasattr(torch, kind):
        pytest.skip("a kind that this version of torch does not have")
    value = torch.zeros(2, 2, dtype=torch.int16 if kind == "bits16" else torch.uint8)
    with pytest.raises(WeightsError) as raised:
        checked({name: value.view(getattr(torch, kind))}, "w.pt")
    assert str(raised.value).startswith(f"w.pt has bits in place of numbers ({kind}) under")
    assert repr(name) in str(raised.value)


def test_that_the_numbers_are_copied_from_a_shared_or_learnable_tensor():
    shared = torch.nn.Parameter(torch.ones(4, 3))
    found = checked({"a": shared.t(), "b": shared}, "w.pt").tensors
    assert not found["a"].requires_grad
    assert found["a"].is_contiguous()
    assert found["a"].data_ptr() != shared.data_ptr()


def test_that_numbers_that_become_zero_are_said():
    tiny = torch.tensor([[1e-300, 0.0, 1.0, -1e-60]], dtype=torch.float64)
    found = checked({"fc.weight": tiny, "fc.bias": torch.ones(1, dtype=torch.float64)}, "w.pt")
    assert found.notes == (
        "2 entries converted from float64 to float32",
        "2 numbers are too small for float32 and became 0, the first under 'fc.weight'",
    )


def with_hole(start, stop):
    """Return 100,000 ones with zeros between two places."""
    numbers = torch.ones(100, 1000)
    numbers.view(-1)[start:stop] = 0
    return numbers


@pytest.mark.parametrize(
    ("state", "notes"),
    [
        ({"a": torch.zeros(2, 2), "b": torch.zeros(2), "c": torch.ones(2, 2)}, "1 of 2"),
        ({"a": torch.zeros(2, 2), "c": torch.zeros(2, 2, 1, 1)}, "2 of 2"),
        ({"a": torch.zeros(2, 2, dtype=torch.float16)}, "1 of 1"),
        ({"a": torch.full((2, 2), -3e38)}, "numbers as large as 3e+38"),
        ({"c": torch.ones(2, 2), "a": torch.tensor([1.0, 2e6])}, "numbers as large as 2e+06"),
        ({"c": torch.ones(2, 2), "a.weight": torch.zeros(4)}, "1 of the scales and variances"),
        ({"c": torch.ones(2, 2), "a.running_var": torch.zeros(4)}, "1 of the scales and variances"),
        ({"a": with_hole(1_000, 40_000)}, "1 of 1 weights with rows and columns have 16,384 or"),
        ({"a": with_hole(0, 90_000)}, "1 of 1 weights with rows and columns have 16,384 or"),
        # What trained networks have: filters that died, pruned weights, biases of 0, variances of a
        # whole range of pixels.
        ({"c": torch.ones(2, 2), "bias": torch.zeros(2)}, ""),
        ({"c": torch.ones(2, 2), "bn.running_var": torch.tensor([1e9])}, ""),
        ({"c": torch.ones(0, 2)}, ""),
        ({"c": with_hole(0, 4_608)}, ""),
        ({"c": torch.arange(100_000.0).view(100, -1) % 8 // 7}, ""),
    ],
)
def test_that_numbers_which_no_trained_network_has_are_said(state, notes):
    found = [note for note in checked(state, "w.pt").notes if "converted" not in note]
    assert len(found) == bool(notes)
    assert all(note.startswith(notes) and "under 'a" in note for note in found)
