"""Made-up weights files of every dtype and kind for :mod:`tests.reliability.fuzz`."""

import argparse
import random
import warnings
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from safetensors.torch import save_file

from engine.networks.opening.candidates import PIECES
from engine.networks.opening.finding import find, open_file
from tests.reliability import texts_fuzz

DTYPES = (
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.bool, torch.uint8),
    *(torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32),
    *(torch.complex32, torch.complex64, torch.complex128),
    *(torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz),
)
KEYS = ("net", "model", "state_dict", "ema", "last", "best", "a.b", "", "optimizer", "0")
PREFIXES = ("module.", "_orig_mod.", "model.", "1.", "attacker.model.", "module.module.")
ROWS = ("running_var", "num_batches_tracked", "weight", "bias", "mean", "std", "")
SHAPES = ((), (0,), (1,), (3,), (8, 3, 3, 3), (2, 8), (1, 1, 1), (0, 4), (2, 3, 5, 5), (2,) * 9)
NAMES = (*PIECES.values(), "conv1.weight", "fc.weight", "normalize.mean", "1.mean", "mean", "std")
MOST_ENTRIES = (3, 20, 300, 3000)


def write(path: Path, state: dict, chance: random.Random) -> None:
    """Write a weights file made of a real state dict, or of entries made up."""
    content = _twisted(state, chance) if chance.random() < 0.7 else _made_up(chance)
    if chance.random() < 0.3:
        try:
            save_file({k: v.contiguous() for k, v in content.items()}, path)
        except (ValueError, RuntimeError, AttributeError, KeyError, TypeError):
            pass  # safetensors has no such kind; it is saved by torch
        else:
            return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        legacy = chance.random() < 0.2
        torch.save(_wrapped(content, chance), path, _use_new_zipfile_serialization=not legacy)


def read(path: Path, chance: random.Random) -> None:
    """Open a file and find its network, as the window and the command do.

    Raises
    ------
    AssertionError
        If what is found holds anything but finite numbers of the right type.
    """
    opened = open_file(path)
    shape = chance.choice((None, (3, 8, 8), (1, 8, 8), (3, 32, 32)))
    name = chance.choice((None, None, None, "small_cnn", "resnet18"))
    found = find(opened, shape=shape, name=name)
    for tensor in found.state.values():
        assert tensor.dtype in (torch.float32, torch.int64)
        assert bool(tensor.isfinite().all())
    assert all(isinstance(text, str) for text in (*found.notes, *found.said.classes))


def _twisted(state: dict, chance: random.Random) -> dict:
    content = dict(state)
    for _ in range(chance.choice((0, 1, 1, 3))):
        name = chance.choice(list(content)) if content else "x"
        match chance.randrange(6):
            case 0:
                content[name] = _odd(content.get(name), chance)
            case 1:
                dtype = chance.choice(DTYPES)
                content = {k: _as(v, dtype) for k, v in content.items()}
            case 2:
                prefix = chance.choice(PREFIXES)
                content = {prefix + k: v for k, v in content.items()}
            case 3:
                content[chance.choice(PREFIXES) + name] = content.get(name)
            case 4:
                content.pop(name, None)
            case _:
                content[texts_fuzz.text(chance)] = _tensor(chance)
    return content


def _made_up(chance: random.Random) -> dict:
    content = {}
    for number in range(chance.choice(MOST_ENTRIES)):
        start = chance.choice(NAMES) if chance.random() < 0.3 else f"a.b.layer{number}"
        parts = [*(chance.choice(PREFIXES) for _ in range(chance.choice((0, 0, 1, 6)))), start]
        content[f"{''.join(parts)}.{chance.choice(ROWS)}"] = _tensor(chance)
    return content


def _tensor(chance: random.Random) -> torch.Tensor:
    return _as(torch.ones(chance.choice(SHAPES)), chance.choice(DTYPES))


def _as(value: object, dtype: torch.dtype) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return value.to(dtype)  # type: ignore[attr-defined]
    except (AttributeError, RuntimeError, NotImplementedError):
        return value


def _odd(value: object, chance: random.Random) -> object:
    """Return something that is no weight, or is none that can be computed with."""
    plain = isinstance(value, torch.Tensor) and value.layout == torch.strided
    ones = value if plain and value.numel() < 10_000 else torch.ones(2, 3)
    ones = ones.detach().float() if ones.is_floating_point() else torch.ones(2, 3)
    makers = (
        lambda: ones * float("nan"),
        lambda: ones / 0,
        lambda: -ones,
        lambda: torch.quantize_per_tensor(ones, 0.1, 0, chance.choice((torch.qint8, torch.quint8))),
        ones.to_sparse,
        torch.ones(2, 3).to_sparse_csr,
        lambda: ones.to("meta"),
        lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
        lambda: torch.ones(1).expand(10**9),
        lambda: torch.nn.Parameter(ones),
        lambda: ones.numpy(),
        lambda: np.float64("nan"),
        lambda: texts_fuzz.text(chance),
        lambda: [1.0, 2.0],
        lambda: None,
        lambda: {"a": ones},
        lambda: PurePosixPath("/dev/zero"),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return chance.choice(makers)()


def _wrapped(content: dict, chance: random.Random) -> object:
    """Put a state dict beside what training scripts store, some levels deep."""
    value: object = content
    for _ in range(chance.choice((0, 0, 1, 2, 8))):
        beside = {
            "classes": [texts_fuzz.text(chance) for _ in range(3)],
            "class_to_idx": {texts_fuzz.text(chance): chance.choice((0, 1, -1, "x", None))},
            "mean": chance.choice(([0.5], [float("nan")] * 3, "x", torch.zeros(3), [10**400])),
            "std": chance.choice(([0.0], [1.0] * 3, np.ones(3), torch.ones(0))),
            "arch": chance.choice(("resnet50", "vit_b_16", texts_fuzz.text(chance), 3)),
            "args": argparse.Namespace(lr=0.1, arch=texts_fuzz.text(chance)),
            chance.choice(KEYS): dict(content) if chance.random() < 0.3 else 1,
        }
        value = {chance.choice(KEYS): value, **beside} if chance.random() < 0.8 else [value, 1]
    return value
