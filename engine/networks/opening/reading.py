"""Read weights files without running code from them.

Pickles are read by torch's ``weights_only`` reader, which makes tensors and plain containers. A few
harmless types that training scripts store beside the weights are allowed as well: the options of
argparse, paths, dates, and numpy's numbers.
"""

from __future__ import annotations

import argparse
import datetime
import io
import os
import pathlib
import pickle
import pickletools
import re
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch.serialization import add_safe_globals

from engine.networks.opening.formats import (
    HOW_TO_SAVE,
    MOST_DIRECTORY,
    Format,
    WeightsError,
    format_of,
    regular_file,
)
from engine.networks.opening.zips import damaged_member, members
from engine.texts import one_line

MOST_PICKLED = 8 << 20  # bytes of a pickle without its tensors; torch needs about 200 a tensor
MOST_READS = 4_000_000  # reads of a legacy pickle, a few seconds; torch needs about 100 a tensor
ROOM = 1 << 20

_DTYPES = (np.bool_, np.int8, np.uint8, np.int16, np.int32, np.int64, np.float16, np.float32)
_SCALARS = [
    type(np.dtype(kind)) for kind in (*_DTYPES, np.float64, np.uint16, np.uint32, np.uint64)
]
_DATES = (datetime.datetime, datetime.date, datetime.time, datetime.timedelta, datetime.timezone)
_NUMPY, _OLD_NUMPY = "numpy._core.multiarray", "numpy.core.multiarray"
# How numpy itself says that its numbers and arrays are made: the first of what pickle would call.
_scalar: Any = np.float64(0).__reduce__()[0]
_array: Any = np.zeros(0).__reduce__()[0]
# Registered once and not for the time of one reading: torch keeps one list for all threads, so one
# reading's end would take the types away from another.
add_safe_globals(
    [
        argparse.Namespace,
        np.dtype,
        np.ndarray,
        *_DATES,
        *_SCALARS,
        (_scalar, f"{_NUMPY}.scalar"),
        (_scalar, f"{_OLD_NUMPY}.scalar"),
        (_array, f"{_NUMPY}._reconstruct"),
        (_array, f"{_OLD_NUMPY}._reconstruct"),
        *(
            (pathlib.PurePosixPath, f"{module}.{name}")
            for module in ("pathlib", "pathlib._local")
            for name in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")
        ),
    ]
)


@dataclass(frozen=True)
class Content:
    """What a weights file holds.

    Attributes
    ----------
    value
        Usually a mapping; its leaves are tensors and plain values.
    format
        How the file was written.
    size
        Bytes of the file. No tensor in it can be larger.
    metadata
        The texts in the header of a safetensors file.
    """

    value: Any
    format: Format
    size: int
    metadata: Mapping[str, str] = field(default_factory=dict)


def read_file(path: Path) -> Content:
    """Read a weights file into memory, on the CPU.

    Parameters
    ----------
    path
        A safetensors file, or one that torch.save wrote, in the present or the form before 1.6;
        the suffix does not matter.

    Raises
    ------
    WeightsError
        If the file is none of these, is damaged, or holds more than weights. The message names the
        file and says what it is.
    """
    with regular_file(path) as file:
        kind = format_of(file, path.name)
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        try:
            value, metadata = _READERS[kind](path, file)
        except WeightsError:
            raise
        except pickle.UnpicklingError as error:
            raise WeightsError(_refusal(path.name, file, kind, error)) from error
        except Exception as error:  # The readers can raise any exception on a damaged file.
            raise WeightsError(
                f"{path.name} cannot be read ({type(error).__name__}): it is damaged or cut off"
            ) from error
    return Content(value, kind, size, metadata)


class _Counted(io.RawIOBase):
    """A file of which only so many pieces may be read, so that no pickle can take minutes."""

    def __init__(self, file: BinaryIO, name: str):
        self._file, self._name, self._reads = file, name, 0

    def _count(self) -> None:
        self._reads += 1
        if self._reads > MOST_READS:
            raise WeightsError(f"{self._name} has too many entries to read")

    def read(self, size: int = -1) -> bytes:
        self._count()
        return self._file.read(size)

    def readline(self, size: int | None = -1) -> bytes:
        self._count()
        return self._file.readline(-1 if size is None else size)

    def readinto(self, buffer: Any) -> int:
        self._count()
        return self._file.readinto(buffer)  # type: ignore[attr-defined, no-any-return]

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


def _load(file: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as "not the default pickle protocol"
        return torch.load(file, weights_only=True, map_location="cpu")


def _read_torch(path: Path, file: BinaryIO) -> tuple[Any, dict[str, str]]:
    if (size := sum(_pickle_sizes(file))) >= MOST_PICKLED:
        raise WeightsError(
            f"{path.name} has too many entries to read: {size / 2**20:,.0f} MB beside its tensors; "
            "arrays of numpy are to be saved as tensors"
        )
    if member := damaged_member(file):
        raise WeightsError(
            f"{path.name} is damaged: the content of {one_line(member)!r} in it differs from its "
            "checksum"
        )
    return _load(file), {}


def _read_legacy(path: Path, file: BinaryIO) -> tuple[Any, dict[str, str]]:
    return _load(_Counted(file, path.name)), {}


def _read_safetensors(path: Path, file: BinaryIO) -> tuple[Any, dict[str, str]]:
    with safetensors.safe_open(path, framework="pt", device="cpu") as opened:
        metadata = opened.metadata() or {}
    return safetensors.torch.load_file(path), dict(metadata)


_READERS: dict[Format, Callable[[Path, BinaryIO], tuple[Any, dict[str, str]]]] = {
    "torch": _read_torch,
    "torch_legacy": _read_legacy,
    "safetensors": _read_safetensors,
}


def _pickle_sizes(file: BinaryIO) -> list[int]:
    """Return the size of every member that torch might take for the pickle of an archive."""
    found = members(file, MOST_DIRECTORY)
    return [member.file_size for member in found if member.filename.lower().endswith(".pkl")]


def _pickled(file: BinaryIO) -> bytes:
    """Return the pickle of a torch archive, at most MOST_PICKLED bytes of it."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            with archive.open(min(names, key=len, default="data.pkl")) as member:
                return member.read(MOST_PICKLED)
    finally:
        file.seek(0)


# -------------------------------------------------------------------------------- why it is refused


def _refusal(name: str, file: BinaryIO, kind: Format, error: Exception) -> str:
    """Say in one sentence what a file holds that is not read."""
    text = str(error)
    if "Unsupported operand" in text:
        return (
            f"{name} is a pickle in another protocol than torch.save's own, which the safe reader "
            f"does not take; {HOW_TO_SAVE}"
        )
    found, whole = _foreign(file, kind)
    stated = re.search(r"GLOBAL ([\w.]+)", text)
    culprit = stated[1] if stated else ""
    if whole and found:
        what = f"it is a whole pickled object of class {found[0]}"
    elif culprit or found:
        what = f"there is {culprit or found[0]} in it"
    else:
        return f"{name} holds more than weights, or is damaged: the safe reader does not take it"
    return f"{name} holds more than weights, which could run code: {what}; {HOW_TO_SAVE}"


def _foreign(file: BinaryIO, kind: Format) -> tuple[list[str], bool]:
    """Return the classes that are not allowed, in their order, and whether the file is one object.

    The pickle is disassembled, which runs nothing.
    """
    try:
        file.seek(0)
        if kind == "torch":
            unsafe = set(torch.serialization.get_unsafe_globals_in_checkpoint(file))
            listed = _globals(io.BytesIO(_pickled(file)))
            return [name for name in listed[0] if name in unsafe], listed[1]
        for _ in range(3):  # the magic number, the version and the system, before the content
            _globals(file)
        named, whole = _globals(file)
        harmless = ("collections.", "torch._utils.", "torch.Float", "torch.Long", "torch.Half")
        return [name for name in named if not name.startswith(harmless)], whole
    except Exception:  # A damaged pickle raises anything; the refusal then names nothing.
        return [], False
    finally:
        file.seek(0)


def _globals(file: Any) -> tuple[list[str], bool]:
    """Return the names that one pickle imports, and whether the first thing in it is one."""
    names: list[str] = []
    whole = False
    for number, (opcode, argument, _) in enumerate(pickletools.genops(file)):
        if opcode.name == "GLOBAL":
            whole = whole or number == 1
            names.append(str(argument).replace(" ", "."))
        if number > 200_000:
            break
    return list(dict.fromkeys(names)), whole
