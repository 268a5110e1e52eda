"""Devices without float64: what would be summed in it there is moved to the CPU first."""

import re
from pathlib import Path

import pytest
import torch

from engine.devices import wide as wide_module
from engine.devices.wide import wide

ROOT = Path(__file__).parents[3] / "engine"
ON_DEVICE = ("attacks", "attribution", "boundary", "jobs", "manifold", "measures", "retraining",
             "training")  # fmt: skip


class OnDevice:
    """What :func:`wide` asks of a tensor; the CPU has no other device to try it on."""

    def __init__(self, kind):
        self.device, self.calls = torch.device(kind), []

    def cpu(self):
        self.calls.append("cpu")
        return self

    def double(self):
        self.calls.append("double")
        return self


@pytest.mark.parametrize(("kind", "calls"), [("mps", ["cpu", "double"]), ("cuda", ["double"]),
                                             ("xpu", ["double"]), ("cpu", ["double"])])  # fmt: skip
def test_that_a_tensor_leaves_a_device_without_float64_before_it_is_widened(kind, calls):
    tensor = OnDevice(kind)
    wide(tensor)
    assert tensor.calls == calls


def test_that_gradients_flow_through(monkeypatch):
    monkeypatch.setattr(wide_module, "WITHOUT", ("cpu",))
    leaf = torch.ones(3, requires_grad=True)
    wide(leaf).square().sum().backward()
    assert leaf.grad.tolist() == [2.0, 2.0, 2.0]
    assert leaf.grad.dtype == torch.float32


def sources():
    return [path for name in ON_DEVICE for path in sorted((ROOT / name).rglob("*.py"))]


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_that_nothing_on_a_device_is_widened_in_another_way(path):
    """A tensor is widened by ``wide``, or on the CPU: behind ``.cpu()``, or where it was drawn."""
    text = re.sub(r'""".*?"""', "", path.read_text(), flags=re.S)
    for line in text.splitlines():
        code = line.partition("#")[0]
        if ".double()" in code:
            assert ".cpu()" in code or "place" in code, line
        if "torch.float64" in code:
            allowed = ("device=whole.device", "device=wide(", 'device="cpu"', "generator=",
                       "finfo", 'device.type == "cpu"')  # fmt: skip
            assert any(words in code for words in allowed), line
