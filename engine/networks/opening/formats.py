"""Tell the format of a weights file by its content; the suffix says nothing.

:func:`format_of` reads a few kilobytes only. What it finds decides which reader is used, and for
files that are not read, which sentence the user gets. It never decides whether reading is safe:
the readers accept tensors only, whatever is found here.
"""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Literal

from engine.networks.opening.zips import TooManyMembers, members
from engine.store.files import NotAFile, open_regular

Format = Literal["torch", "torch_legacy", "safetensors"]

HEAD = 4096
# The magic number that torch.save wrote before version 1.6, as a pickle of protocol 2.
LEGACY = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"
MOST_DIRECTORY = 8 << 20  # bytes of a zip archive's list of members; torch needs 100 a tensor
MOST_HEADER = 2 << 20  # bytes of a safetensors header: about 20,000 tensors
MOST_EXPANSION = 4  # how many times its size a zip archive may unpack to; torch compresses nothing

MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"version https://git-lfs", "a Git LFS pointer, which only names the real file: fetch it "
     "with 'git lfs pull'"),
    (0, b"/annex/objects", "a git-annex pointer, which only names the real file"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras and TensorFlow write, which is not read"),
    (0, b"\x93NUMPY", "a numpy array without names of layers, which is not read"),
    (0, b"\x1f\x8b", "a gzip archive: unpack it, and open the file inside"),
    (0, b"BZh", "a bzip2 archive: unpack it, and open the file inside"),
    (0, b"\xfd7zXZ", "an xz archive: unpack it, and open the file inside"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it, and open the file inside"),
    (0, b"Rar!", "a RAR archive: unpack it, and open the file inside"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive: unpack it, and open the file inside"),
    (257, b"ustar", "a tar archive: unpack it, and open the file inside"),
    (0, b"GGUF", "a GGUF file of a language model, which is not read"),
    (4, b"TFL3", "a TensorFlow Lite model, which is not read"),
    (4, b"PTMF", "TorchScript for mobile devices, which may hold code and is not read"),
    (0, b"%PDF", "a PDF document, not a weights file"),
    (0, b"\x89PNG", "a PNG image, not a weights file"),
    (0, b"\xff\xd8\xff", "a JPEG image, not a weights file"),
    (0, b"\x7fELF", "a program, not a weights file"),
    (0, b"MZ", "a program, not a weights file"),
)  # fmt: skip
PAGE = (b"<!doctype", b"<html", b"<?xml", b"<head", b"<script", b"<body")
HOW_TO_SAVE = (
    "where it was made, save the numbers alone: state = model.state_dict(); "
    "torch.save(state, 'weights.pt')"
)


class WeightsError(ValueError):
    """A weights file cannot be used; the message is one sentence for the user."""


@contextmanager
def regular_file(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading; a pipe, device or folder is refused without waiting.

    Raises
    ------
    WeightsError
        The message names the file and says why it cannot be opened.
    """
    try:
        file = open_regular(path)
    except NotAFile as error:
        raise WeightsError(f"{path.name} is no regular file, must be a weights file") from error
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise WeightsError(f"{path.name} cannot be read ({why})") from error
    except ValueError as error:  # a null character in the path
        raise WeightsError(f"{path.name!r} is no path of a file") from error
    with BufferedReader(file) as buffered:
        yield buffered


def format_of(file: BinaryIO, name: str) -> Format:
    """Return which reader a file needs.

    Parameters
    ----------
    file
        At any position, which is restored to the beginning.
    name
        The file's name, for messages.

    Raises
    ------
    WeightsError
        If the file holds no weights that are read. The message says what it is.
    """
    file.seek(0)
    head = file.read(HEAD)
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if not size:
        raise WeightsError(f"{name} is empty, must be a weights file")
    if not head.strip(b"\0"):
        raise WeightsError(f"{name} begins with zeros only, as an incomplete download does")
    for at, magic, what in MAGIC:
        if head[at : at + len(magic)] == magic:
            raise WeightsError(f"{name} is {what}")
    for told, reader in READERS:
        if told(head, size):
            return reader(file, name, size)
    raise WeightsError(f"{name} is {_words_for(head, size)}")


def _zip(file: BinaryIO, name: str, size: int) -> Format:
    """Tell what a zip archive holds by the names of its members."""
    try:
        found = members(file, MOST_DIRECTORY)
    except TooManyMembers:
        raise WeightsError(f"{name} lists too many members for a weights file") from None
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise WeightsError(
            f"{name} is cut off or damaged: the list at its end is missing, or can be read in "
            "more than one way"
        ) from error
    if sum(member.file_size for member in found) > MOST_EXPANSION * size + HEAD:
        raise WeightsError(f"{name} would unpack to far more than its own size, which is refused")
    names = [member.filename for member in found]
    last = {name.rsplit("/", 1)[-1] for name in names}
    inside = {part for name in names for part in name.split("/")[1:-1]}
    if any("exported_program" in name for name in last) or {"archive_format"} & last:
        what = "a program exported by torch.export (.pt2), which can run code and is never loaded"
    elif "constants.pkl" in last or "code" in inside:
        what = f"TorchScript, which may hold code and is not loaded; {HOW_TO_SAVE}"
    elif "data.pkl" in last:
        return "torch"
    elif last and all(name.endswith(".npy") for name in last):
        what = "an archive of numpy arrays (.npz), which is not read"
    elif "config.json" in last and any(name.endswith(".h5") for name in last):
        what = "a Keras model, which is not read"
    elif "pickle" in last and "tensors" in last:
        what = "a file of torch before version 0.1.10, which is not read"
    else:
        what = "a zip archive: unpack it, and open the file inside"
    raise WeightsError(f"{name} is {what}")


def _pickle(file: BinaryIO, name: str, size: int) -> Format:
    if file.read(len(LEGACY)) == LEGACY:
        file.seek(0)
        return "torch_legacy"
    raise WeightsError(
        f"{name} is a Python pickle that holds more than weights, or is not of torch.save: "
        f"reading it could run code; {HOW_TO_SAVE}"
    )


def _safetensors(file: BinaryIO, name: str, size: int) -> Format:
    (length,) = struct.unpack("<Q", file.read(8))
    file.seek(0)
    if length > MOST_HEADER:
        raise WeightsError(
            f"{name} has a safetensors header of {length / 1e6:,.1f} MB, must have at most "
            f"{MOST_HEADER / 1e6:.1f} MB"
        )
    if 8 + length > size:
        raise WeightsError(f"{name} is cut off: its header alone is longer than the file")
    return "safetensors"


def _is_safetensors(head: bytes, size: int) -> bool:
    # The header is JSON; an absurd length must not make the file look like something else.
    return len(head) > 9 and head[8:9] == b"{" and head[7:8] == b"\0"


READERS: tuple[tuple[Callable[[bytes, int], bool], Callable[[BinaryIO, str, int], Format]], ...] = (
    (lambda head, size: head[:4] == b"PK\x03\x04", _zip),
    (lambda head, size: head[:1] == b"\x80" and head[1:2] in b"\2\3\4\5", _pickle),
    (_is_safetensors, _safetensors),
)


def _words_for(head: bytes, size: int) -> str:
    """Say what a file is that no reader takes."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(PAGE):
        return "a web page, not a weights file: the download link led to a page"
    if _is_onnx(head):
        return "an ONNX model, which is not read; save the state dict of the network it came from"
    if b'"weight_map"' in head and _is_text(head):
        return "the list of a network in several files; those files, joined into one, can be opened"
    if text[:1] in (b"{", b"[") and _is_text(head):
        return "a text in JSON, not a weights file"
    if _is_text(head):
        return "a text, not a weights file"
    return "no weights file of a known kind: .safetensors, or what torch.save writes"


def _is_text(head: bytes) -> bool:
    try:
        shown = head.decode("utf-8", "strict" if len(head) < HEAD else "ignore")
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character.isspace() for character in shown)


def _is_onnx(head: bytes) -> bool:
    """Whether a file begins as ONNX's ModelProto does: with its version, then known fields.

    Source: onnx.proto, message ModelProto.
    """
    if len(head) < 8 or head[0] != 0x08 or not 3 <= head[1] <= 30:
        return False
    at = 2
    for _ in range(6):
        if at >= len(head):
            return True
        field, wire = head[at] >> 3, head[at] & 7
        if field not in (2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26) or wire not in (0, 2):
            return False
        if field == 7:  # the graph, which is nearly all of the file
            return True
        length, at = _varint(head, at + 1)
        at += length if wire == 2 else 0
    return True


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if not data[at - 1] & 0x80:
            break
    return value, at
