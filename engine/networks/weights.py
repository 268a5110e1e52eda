"""Load users' weights files into built networks, without running code from the files."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from engine.store.files import NotAFile, check_regular


class WeightsError(ValueError):
    """A weights file cannot be used; the message is one sentence for the user."""


def load_state(model: nn.Module, path: Path) -> None:
    """Load the weights of a file into a built network; change nothing if they do not fit.

    Parameters
    ----------
    model
        As from :func:`engine.networks.architectures.build`.
    path
        A ``.safetensors`` file, or a ``.pt`` or ``.pth`` file with a state dict at the top level or
        under "state_dict", "model_state_dict" or "model". Entry names may start with "module."
        (data parallelism) or "_orig_mod." (compilation), and may omit our prefix ``network.``.
        Normalisation and batch counters may be missing. No code from the file is run.

    Raises
    ------
    WeightsError
        The message names the file, the first entry that does not fit, and what was expected.
    """
    given = _by_our_names(_read_state(path), model, path.name)
    expected = model.state_dict()
    for name, tensor in expected.items():
        if name in given:
            _check_entry(name, given[name], tensor, path.name)
        elif not name.startswith("normalize.") and not name.endswith("num_batches_tracked"):
            raise WeightsError(
                f"{path.name} has no entry {name!r}, expected one of shape {list(tensor.shape)}"
            )
    model.load_state_dict(given, strict=False)


def _read_state(path: Path) -> Mapping[str, Any]:
    tensors_only = partial(torch.load, weights_only=True, map_location="cpu")
    readers: dict[str, Callable[[Path], Any]] = {
        ".safetensors": safetensors.torch.load_file,
        ".pt": tensors_only,
        ".pth": tensors_only,
    }
    if path.suffix.lower() not in readers:
        raise WeightsError(f"{path.name} is no weights file, must end in {', '.join(readers)}")
    try:
        check_regular(path)
        content = readers[path.suffix.lower()](path)
    except NotAFile as error:
        raise WeightsError(f"{path.name} cannot be read: {error.strerror}") from None
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path.name} holds more than weights, which could run code, must hold a state dict"
        ) from error
    except Exception as error:  # The readers can raise any exception on a damaged file.
        raise WeightsError(
            f"{path.name} cannot be read ({type(error).__name__}), must be a whole weights file"
        ) from error
    for wrapper in ("state_dict", "model_state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping):
        raise WeightsError(f"{path.name} holds a {type(content).__name__}, must hold a state dict")
    return content


def _by_our_names(state: Mapping[str, Any], model: nn.Module, file: str) -> dict[str, Any]:
    expected = model.state_dict()
    found = {}
    for key, value in state.items():
        name = str(key)
        while name.startswith(("module.", "_orig_mod.")):
            name = name.partition(".")[2]
        ours = name if name in expected else f"network.{name}"
        if ours not in expected:
            nearest = ", ".join(list(expected)[2:5])
            raise WeightsError(
                f"{file} has an entry {key!r} that the network does not have, expected names "
                f"like {nearest}"
            )
        found[ours] = value
    return found


def _check_entry(name: str, given: Any, expected: Tensor, file: str) -> None:
    if isinstance(given, Tensor) and given.shape == expected.shape:
        if given.is_floating_point() and not bool(given.isfinite().all()):
            count = int((~given.isfinite()).sum())
            raise WeightsError(
                f"{file} has NaN or infinity in {count} of {given.numel()} numbers under {name!r}, "
                "must hold finite numbers only"
            )
        return
    what = f"shape {list(given.shape)}" if isinstance(given, Tensor) else type(given).__name__
    raise WeightsError(f"{file} has {what} under {name!r}, expected shape {list(expected.shape)}")
