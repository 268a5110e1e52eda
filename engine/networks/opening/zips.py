"""The directory of a zip archive, where it can be read in one way only.

Python's zipfile finds out what an archive holds, and torch's own reader reads it. The two find the
directory in different ways where bytes lie before or behind it, where a second end of it is named,
or where one name stands twice; so an archive can show a small content to the one and another to the
other. What :func:`members` accepts has one directory for both.

Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.12 to 4.3.16.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from typing import BinaryIO

_END = struct.Struct("<4s4H2LH")
_WIDE_PLACE = struct.Struct("<4sLQL")
_WIDE_END = struct.Struct("<4sQ2H2L4Q")
_SMALLEST_ENTRY = 46
_BLOCK = 1 << 20


class Ambiguous(zipfile.BadZipFile):
    """The archive's directory can be read in more than one way, or is damaged."""


class TooManyMembers(ValueError):
    """The directory is larger than allowed."""


def members(file: BinaryIO, most_bytes: int) -> list[zipfile.ZipInfo]:
    """Return the members of an archive; the file is at its beginning afterwards.

    Parameters
    ----------
    most_bytes
        How large the directory may be. It is not read if it is larger.

    Raises
    ------
    TooManyMembers
        If the directory is larger.
    zipfile.BadZipFile, OSError, ValueError
        If it is damaged, or could be read in another way.
    """
    try:
        start, length, count = _directory(file)
        if length > most_bytes:
            raise TooManyMembers
        with zipfile.ZipFile(file) as archive:
            found = archive.infolist()
            if (archive.start_dir, len(found)) != (start, count):
                raise Ambiguous
    finally:
        file.seek(0)
    names = {member.orig_filename.casefold() for member in found}
    if len(names) < len(found) or any("\0" in name for name in names):
        raise Ambiguous
    return found


def damaged_member(file: BinaryIO) -> str:
    """Return the first member whose content differs from its checksum; "" if there is none.

    torch's reader does not compare checksums. An archive that was saved without has zeros for them.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                if not member.CRC:
                    continue
                try:
                    with archive.open(member) as opened:
                        while opened.read(_BLOCK):
                            pass
                except (zipfile.BadZipFile, zlib.error, EOFError):
                    return member.filename
    finally:
        file.seek(0)
    return ""


def _directory(file: BinaryIO) -> tuple[int, int, int]:
    """Return start, length and number of entries of the directory, from the end of the file."""
    size = file.seek(0, os.SEEK_END)
    most = _END.size + _WIDE_PLACE.size + _WIDE_END.size
    file.seek(max(0, size - most))
    tail = file.read(most)
    if len(tail) < _END.size:
        raise Ambiguous
    mark, *_, count, length, start, comment = _END.unpack(tail[-_END.size :])
    if mark != b"PK\x05\x06" or comment:
        raise Ambiguous
    end = size - _END.size
    place = tail[-_END.size - _WIDE_PLACE.size : -_END.size]
    if place[:4] == b"PK\x06\x07":
        end -= _WIDE_PLACE.size + _WIDE_END.size
        if len(tail) < most or _WIDE_PLACE.unpack(place)[1:] != (0, end, 1):
            raise Ambiguous
        mark, own, *_, count, length, start = _WIDE_END.unpack(tail[: _WIDE_END.size])
        if mark != b"PK\x06\x06" or own != _WIDE_END.size - 12:
            raise Ambiguous
    if start + length != end or count * _SMALLEST_ENTRY > length:
        raise Ambiguous
    return start, length, count
