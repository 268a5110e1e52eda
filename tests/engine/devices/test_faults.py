"""What errors of a device mean."""

import pytest
import torch

from engine.devices.faults import is_short, why_lost

CUDA = torch.device("cuda")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
        RuntimeError("GET was unable to find an engine to execute this computation"),
        RuntimeError("MPS backend out of memory (MPS allocated: 8.80 GB, max allowed: 9.07 GB)"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
    ids=lambda error: str(error)[:30],
)
def test_that_libraries_of_a_device_say_in_their_own_words_that_memory_is_short(error):
    assert is_short(error)


@pytest.mark.parametrize(
    "error",
    [RuntimeError("CUDA error: unspecified launch failure"), ValueError("out of memory of names")],
    ids=lambda error: type(error).__name__,
)
def test_that_other_errors_are_no_lack_of_memory(error):
    assert not is_short(error)


def answering(monkeypatch, error=None):
    def ones(count, device):
        if error is not None:
            raise error
        return torch.zeros(count) + 1

    monkeypatch.setattr("engine.devices.faults.torch.ones", ones)


def test_that_a_device_that_answers_was_not_lost(monkeypatch):
    answering(monkeypatch)
    assert why_lost(CUDA) == ""
    answering(monkeypatch, torch.OutOfMemoryError("CUDA out of memory"))
    assert why_lost(CUDA) == ""  # it answers, and what needs less can be computed


def test_that_a_device_that_answers_nothing_any_more_was_lost(monkeypatch):
    answering(monkeypatch, RuntimeError("CUDA error: unspecified launch failure\nCUDA kernel"))
    assert why_lost(CUDA) == "the GPU was lost (CUDA error: unspecified launch failure)"
    assert why_lost(torch.device("cpu")) == ""
