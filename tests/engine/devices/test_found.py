import json
import re
import sys

import pytest
import torch

from engine.cli.main import main
from engine.devices import found
from engine.devices.found import NAMES, automatic, free_on, has_nvidia, name_of, wait_for, why_not
from engine.plan.room import free_memory
from engine.plan.slots import provenance, slots_on
from engine.specs import Glyphs
from engine.specs.schema import SpecError

GB = 10**9
CUDA, XPU, MPS = (torch.device(kind) for kind in ("cuda", "xpu", "mps"))


class Raising:
    """A function that raises what torch raises."""

    def __init__(self, text, kind=RuntimeError):
        self.error = kind(text)

    def __call__(self, *_, **__):
        raise self.error


def cuda(monkeypatch, *, built="13.0", there=True, start=None, free=70 * GB, compute=None):
    """Let torch answer as on a machine with such a GPU."""
    monkeypatch.setattr(torch.version, "cuda", built)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    monkeypatch.setattr(torch.cuda, "init", start or (lambda: None))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (free, 80 * GB))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "NVIDIA Example")
    real = torch.ones

    def ones(*size, device=None):
        if device in ("cuda", "xpu", "mps") and compute is not None:
            compute()
        return real(*size)

    monkeypatch.setattr(torch, "ones", ones)


TROUBLES = {
    "no CUDA in torch": (
        {"built": None},
        "this torch was built without CUDA; install a torch with CUDA, or choose cpu",
    ),
    "old driver": (
        {
            "there": False,
            "start": Raising(
                "The NVIDIA driver on your system is too old (found version 11040). Please update"
            ),
        },
        "the GPU's driver is too old for CUDA 13.0; update the driver",
    ),
    "no driver": (
        {
            "there": False,
            "start": Raising("Found no NVIDIA driver on your system. Please check ..."),
        },
        "there is no NVIDIA driver on this machine; install one if it has an NVIDIA GPU",
    ),
    "no GPU": (
        {"there": False, "start": Raising("No CUDA GPUs are available")},
        "this machine has no CUDA GPU; choose cpu",
    ),
    "unknown": (
        {"there": False, "start": Raising("CUDA unknown error - this may be due to\nmore lines")},
        "the GPU cannot be started (CUDA unknown error - this may be due to); restart the machine "
        "or update its driver",
    ),
    "seen but not started": (
        {"there": False},
        "torch sees no CUDA GPU; restart the machine if it has one",
    ),
    "memory taken": (
        {"free": 200 * 10**6},
        "the memory of NVIDIA Example is taken: 200 MB of 80.0 GB are free; end what uses it "
        "(nvidia-smi lists it)",
    ),
    "memory taken at once": (
        {"compute": Raising("CUDA out of memory. Tried to allocate", torch.OutOfMemoryError)},
        "the GPU's memory is taken; end what uses it (nvidia-smi lists it)",
    ),
    "no kernels": (
        {"compute": Raising("CUDA error: no kernel image is available for execution")},
        "this torch has no kernels for NVIDIA Example; install a torch that supports it",
    ),
    "held": (
        {"compute": Raising("CUDA error: all CUDA-capable devices are busy or unavailable")},
        "the GPU is held by another process; end that, or choose cpu",
    ),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_that_a_gpu_that_cannot_be_used_is_said_with_its_remedy(name, monkeypatch, tmp_path):
    answers, sentence = TROUBLES[name]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    cuda(monkeypatch, **answers)
    assert why_not("cuda") == sentence
    assert "\n" not in sentence
    with pytest.raises(SpecError, match=re.escape(f"device is 'cuda', but {sentence}")):
        slots_on("cuda")
    # Left to itself, the program computes on the CPU: with a GPU there, it says why.
    monkeypatch.setattr(found, "has_nvidia", lambda system: True)
    assert automatic() == ("cpu", sentence)
    slots = slots_on("auto")
    assert (slots.device.type, slots.unused_gpu) == ("cpu", sentence)
    monkeypatch.setattr(found, "has_nvidia", lambda system: False)
    assert slots_on("auto").unused_gpu == ""
    assert slots_on("cpu").unused_gpu == ""


def test_that_hidden_gpus_are_said_to_be_hidden(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    cuda(monkeypatch, there=False, start=Raising("No CUDA GPUs are available"))
    assert why_not("cuda") == "CUDA_VISIBLE_DEVICES is '', which hides every GPU; unset it"


def test_that_a_good_gpu_is_taken(monkeypatch):
    cuda(monkeypatch)
    assert why_not("cuda") == ""
    slots = slots_on("auto")
    assert (slots.device.type, slots.unused_gpu, slots.captures) == ("cuda", "", True)
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 92000)
    facts = provenance(slots, Glyphs())
    assert (facts["device_name"], facts["cudnn"]) == ("NVIDIA Example", 92000)
    assert facts["cudnn_search"] == "off"
    assert facts["kernels"] in ("reproducible", "any")
    assert free_memory(CUDA) == 70 * GB


def test_that_the_command_says_in_one_line_why_it_computes_on_the_processor(
    monkeypatch, tmp_path, capsys
):
    cuda(monkeypatch, there=False, start=Raising("The NVIDIA driver on your system is too old"))
    monkeypatch.setattr(found, "has_nvidia", lambda system: True)
    plan = tmp_path / "plan.toml"
    plan.write_text('run = ["a"]\n[specs.a]\nkind = "glyphs"\ntrain = 20\ntest = 10\n')
    study = str(tmp_path / "study")
    assert main(["run", str(plan), "--study", study]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "processor" in line]
    assert lines == [
        "computing on the processor: the GPU's driver is too old for CUDA 13.0; update the driver"
    ]
    assert main(["run", str(plan), "--study", study, "--device", "cuda"]) == 2
    assert "device is 'cuda', but the GPU's driver is too old" in capsys.readouterr().err


# ------------------------------------------------------------------------------ Intel's and Apple's


def mps(monkeypatch, *, built=True, there=True, platform="darwin", compute=None):
    cuda(monkeypatch, built=None, compute=compute)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(torch.backends.mps, "is_built", lambda: built)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: there)


def xpu(monkeypatch, *, built="20250", there=True, compute=None):
    cuda(monkeypatch, built=None, compute=compute)
    monkeypatch.setattr(torch.version, "xpu", built, raising=False)
    monkeypatch.setattr(torch.xpu, "is_available", lambda: there)


@pytest.mark.parametrize(
    ("kind", "answers", "words"),
    [
        ("mps", {"built": False, "platform": "linux"}, "MPS is on Macs only; choose cpu"),
        ("mps", {"built": False}, "this torch was built without MPS; install a torch for Apple"),
        ("mps", {"there": False}, "MPS needs macOS 14 or later and an Apple GPU; update macOS"),
        ("mps", {"compute": Raising("MPS backend out of memory")}, "cannot be started (MPS back"),
        ("xpu", {"built": None, "there": False}, "this torch was built without XPU; install a"),
        ("xpu", {"there": False}, "torch finds no Intel GPU; install or update its driver"),
        ("xpu", {"compute": Raising("Native API failed")}, "cannot be started (Native API failed"),
    ],
)
def test_that_gpus_of_laptops_that_cannot_be_used_are_said(kind, answers, words, monkeypatch):
    {"mps": mps, "xpu": xpu}[kind](monkeypatch, **answers)
    assert words in why_not(kind)
    with pytest.raises(SpecError, match=re.escape(f"device is '{kind}', but ")):
        slots_on(kind)


@pytest.mark.parametrize("kind", ["mps", "xpu"])
def test_that_a_gpu_of_a_laptop_is_used_where_it_is_named(kind, monkeypatch):
    {"mps": mps, "xpu": xpu}[kind](monkeypatch)
    slots = slots_on(kind)
    assert (slots.device.type, slots.count) == (kind, 1)  # one queue of work for all threads
    assert slots_on(kind, jobs=3).count == 3
    assert slots_on("auto").device.type == "cpu"


def test_that_other_devices_are_asked_in_their_own_way(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.mps, "synchronize", lambda: waited.append("mps"))
    monkeypatch.setattr(torch.xpu, "synchronize", lambda: waited.append("xpu"))
    for device in (MPS, XPU, torch.device("cpu")):
        wait_for(device)
    assert waited == ["mps", "xpu"]
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 10 * GB)
    monkeypatch.setattr(torch.mps, "current_allocated_memory", lambda: 3 * GB)
    monkeypatch.setattr(torch.xpu, "mem_get_info", Raising("not supported by this driver"))
    monkeypatch.setattr(torch.xpu, "get_device_name", lambda: "Intel Example")
    assert free_on(MPS) == 7 * GB
    assert free_on(XPU) is None
    assert name_of(XPU) == "Intel Example"
    assert name_of(MPS).endswith(" GPU")


def test_that_a_name_that_is_no_device_is_refused_with_all_that_are():
    with pytest.raises(SpecError, match=re.escape(", ".join(NAMES))):
        slots_on("tpu")


# --------------------------------------------------------------------------- what the machine holds


def device_files(home, *entries):
    for name, vendor, kind in entries:
        folder = home / "sys/bus/pci/devices" / name
        folder.mkdir(parents=True)
        (folder / "vendor").write_text(f"{vendor}\n")
        (folder / "class").write_text(f"{kind}\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
@pytest.mark.parametrize(
    ("entries", "there"),
    [
        ([("0000:00:02.0", "0x8086", "0x030000")], False),
        ([("0000:01:00.0", "0x10de", "0x030000")], True),
        ([("0000:01:00.0", "0x10de", "0x030200")], True),
        ([("0000:01:00.1", "0x10de", "0x040300")], False),  # its sound
        ([], False),
    ],
)
def test_that_an_nvidia_gpu_is_found_without_its_driver(tmp_path, entries, there):
    device_files(tmp_path, *entries)
    assert has_nvidia(tmp_path) is there


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_that_an_nvidia_gpu_is_found_by_its_driver(tmp_path):
    (tmp_path / "proc/driver/nvidia/gpus/0000:01:00.0").mkdir(parents=True)
    assert has_nvidia(tmp_path)


def test_that_a_record_names_the_device(tmp_path):
    facts = provenance(slots_on("cpu"), Glyphs())
    assert facts["device"] == "cpu"
    assert facts["device_name"]
    assert "cudnn" not in facts
    json.dumps(facts)


def test_that_memory_which_torch_keeps_of_freed_tensors_counts_as_free(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (2 * GB, 80 * GB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda *_: 70 * GB)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda *_: 10 * GB)
    assert free_on(torch.device("cuda")) == 62 * GB
