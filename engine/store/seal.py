"""The checksum of a file: how it is written before the HDF5 data, and how it is compared.

The first 512 bytes of a file, its user block, hold the SHA-256 of the data after it. Three numbers
of HDF5's superblock, which begins the data, belong to the library and not to the content: the mark
of a program that has the file open, the place of the superblock, and the end of the file. A program
that opens a file for writing and closes it writes them anew. They are therefore compared with what
a whole file of this size has, and not with the bytes that were sealed.

Source: HDF5 File Format Specification 3.0, section II.A, superblock version 0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

MAGIC = b"ISTHMUS-RECORD sha256="
USER_BLOCK = 512
_SUPERBLOCK = b"\x89HDF\r\n\x1a\n\0"  # the signature and version 0, the only one that is written
_SIZES = slice(13, 15)  # bytes in an address, bytes in a length
_MARK = slice(20, 24)  # 1 to 7 while a program writes to the file, and after it was killed
_START = slice(24, 32)
_END = slice(40, 48)
_HEAD = 96


def block(digest: str) -> bytes:
    """Return the user block that holds this checksum."""
    return (MAGIC + digest.encode()).ljust(USER_BLOCK, b"\0")


def parts(image: bytes) -> tuple[bytes, bytes, memoryview]:
    """Return the parts of the file of an image made in memory, as HDF5 would write it to a disk.

    Parameters
    ----------
    image
        The whole HDF5 data, with a superblock of version 0 at their beginning.
    """
    head = bytes(_placed(image[:_HEAD], USER_BLOCK, USER_BLOCK + len(image)))
    rest = memoryview(image)[_HEAD:]
    data = hashlib.sha256(head)
    data.update(rest)
    return block(data.hexdigest()), head, rest


def is_whole(path: Path, check: Callable[[], object] = lambda: None) -> bool | None:
    """Compare a file with its checksum; return None if it has none.

    ``check`` is called regularly, and may raise to stop.

    Raises
    ------
    OSError
        If it cannot be opened.
    """
    if not path.is_file() and path.exists():
        return None  # reading a pipe or a device may never end
    with open(path, "rb") as file:
        first = file.read(USER_BLOCK)
        if not first.startswith(MAGIC):
            return None
        head = file.read(_HEAD)
        if any(first == block(_digest(file, form, check)) for form in _forms(head, _size(file))):
            return True
    return False


def _forms(head: bytes, size: int) -> Iterator[bytes]:
    """Yield the superblock as it may have been when the file was sealed.

    Records of the first release were sealed with a superblock that does not count the user block.
    """
    yield head
    if not head.startswith(_SUPERBLOCK) or head[_SIZES] != b"\x08\x08":
        return
    mark = int.from_bytes(head[_MARK], "little")
    here = (int.from_bytes(head[_START], "little"), int.from_bytes(head[_END], "little"))
    if mark > 7 or here not in ((USER_BLOCK, size), (0, size - USER_BLOCK)):
        return
    for start in (USER_BLOCK, 0):
        form = _placed(head, start, size - USER_BLOCK + start)
        form[_MARK] = bytes(4)
        if form != head:
            yield bytes(form)


def _placed(head: bytes, start: int, end: int) -> bytearray:
    form = bytearray(head)
    form[_START], form[_END] = start.to_bytes(8, "little"), end.to_bytes(8, "little")
    return form


def _digest(file: BinaryIO, head: bytes, check: Callable[[], object]) -> str:
    """Return the checksum of a file whose data begin with ``head``."""
    file.seek(USER_BLOCK + len(head))
    data = hashlib.sha256(head)
    while part := file.read(1 << 20):
        check()
        data.update(part)
    return data.hexdigest()


def _size(file: BinaryIO) -> int:
    return file.seek(0, 2)
