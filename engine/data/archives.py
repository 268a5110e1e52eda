"""Read image files from zip and tar archives without unpacking them to disk.

Names and sizes in an archive are untrusted. A name is used only as a label, members whose name
points outside the archive are skipped, and sizes are limited before any data is read.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from engine.data.image_set import Skipped
from engine.data.safety.names import printable, shown_paths
from engine.data.sources import (
    FILE_CAP,
    HIDDEN,
    NOT_REGULAR,
    STEP,
    TOO_LARGE,
    Check,
    ImagesError,
    Listing,
    OnProgress,
    Source,
    SourceFile,
    UnreadableFile,
    is_hidden,
    is_unusually_hidden,
)
from engine.store.files import open_regular
from engine.texts import lowered

TOTAL_CAP = 64 * 2**30  # bytes of all members together
MEMORY_CAP = 512 * 2**20  # bytes; a compressed tar up to this size is unpacked once, in memory
BLOCK = 2**20
MOST_MEMBERS = 2_000_000  # each takes about a kilobyte of memory, even one of no bytes
DIRECTORY_CAP = 128 * MOST_MEMBERS  # bytes of a zip's directory, which zipfile reads at once
HEADER_CAP = 2**20  # bytes; a header of a tar holds a name, or a few values
# Deflate makes at most 1032 bytes of one. More is told by an archive whose members overlap.
MOST_DEFLATED = 1032
UNSUSPECTED = 2**30

REPEATED = "another member of the same name follows, which counts"
IS_LINK = "a link inside an archive"
DAMAGED = "damaged inside the archive"
SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, gzip.BadGzipFile)

# Exceptions of zipfile and tarfile on absurd field values: versions, lengths, texts.
_ABSURD = (NotImplementedError, OverflowError, MemoryError, ValueError, struct.error)


def archive_stem(name: str) -> str:
    """Return an archive's name without its suffix, or "" if the suffix is not an archive's."""
    suffix = next((end for end in SUFFIXES if lowered(name).endswith(end)), "")
    return name[: -len(suffix)] if suffix else ""


def open_archive(path: Path, check_cancelled: Check, progress: OnProgress) -> Source:
    """List the members of a .zip, .tar, .tar.gz or .tgz file.

    Raises
    ------
    ImagesError
        If it cannot be read, is damaged, or unpacks to more than ``TOTAL_CAP`` bytes.
    """
    opener = ZipSource if lowered(path.name).endswith(".zip") else TarSource
    try:
        return opener(path, check_cancelled, progress)
    except PermissionError:
        raise ImagesError(f"{path} cannot be read: this user has no permission to") from None
    except ImagesError:
        raise
    except (*_DAMAGED, *_ABSURD) as error:
        raise ImagesError(f"{path} is damaged, or no archive of its kind: {error}") from None
    except OSError as error:
        raise ImagesError(f"{path} cannot be read: {error.strerror or error}") from None


class _Archive:
    """Base of the zip and tar sources: collects members by name and checks names and sizes."""

    def __init__(self, path: Path, check: Check, progress: OnProgress) -> None:
        self._check, self._progress = check, progress
        self._path = path
        self._bytes = path.stat().st_size
        # By path as the archive has it. If two members have one name, the last one counts, as when
        # unpacking.
        self._found: dict[str, Any] = {}
        self._folders: set[str] = set()
        self._skipped: list[Skipped] = []
        self._hidden: set[Skipped] = set()
        self._total = 0
        self._members = 0

    def _list(self) -> Listing:
        paths = [*self._found, *self._folders, *(item.path for item in self._skipped)]
        shown = shown_paths(paths)
        entries = [SourceFile(shown[path], handle) for path, handle in self._found.items()]
        skipped = [Skipped(shown[item.path], item.reason) for item in self._skipped]
        return Listing(
            printable(archive_stem(self._path.name)),
            tuple(sorted(entries, key=lambda entry: entry.path)),
            frozenset(shown[path] for path in self._folders),
            tuple(sorted(skipped, key=lambda item: item.path)),
        )

    def _member(self, raw: str, folder: bool, reason: str, size: int, handle: Any) -> None:
        """Add one member; skip it if ``reason``, the reason to do so, is not empty."""
        self._members += 1
        if self._members > MOST_MEMBERS:
            raise _too_many(self._path)
        if self._members % STEP == 0:
            self._check()
            self._progress(self._members, 0)
        parts = [part for part in raw.split("/") if part not in ("", ".")]
        if any(is_hidden(part) for part in parts if part != ".."):
            self._note_hidden(parts if folder else parts[:-1])
            return
        path = "/".join(parts)
        if ".." in parts or raw.startswith("/") or raw[1:2] == ":":
            self._skipped.append(Skipped(path, "its name points outside the archive"))
        elif folder:
            self._add_folders(f"{path}/")
        elif reason or size > FILE_CAP:
            self._skipped.append(Skipped(path, reason or TOO_LARGE))
        else:
            if path in self._found:
                self._skipped.append(Skipped(path, REPEATED))
            self._found[path] = handle
            self._add_folders(path)
        self._total += size
        if self._total > TOTAL_CAP:
            raise ImagesError(
                f"{self._path} unpacks to more than {TOTAL_CAP // 2**30} GB, must be smaller"
            )
        if self._total > max(UNSUSPECTED, MOST_DEFLATED * self._bytes):
            raise ImagesError(f"{self._path} is damaged: it unpacks to more than it can hold")

    def _note_hidden(self, folders: list[str]) -> None:
        """List the first hidden folder above a member once, unless a program makes it."""
        first = next((n for n, part in enumerate(folders) if is_hidden(part)), None)
        if first is not None and is_unusually_hidden(folders[first]) and ".." not in folders:
            found = Skipped("/".join(folders[: first + 1]), HIDDEN)
            if found not in self._hidden:
                self._hidden.add(found)
                self._skipped.append(found)

    def _add_folders(self, path: str) -> None:
        """Add the parent folders of a member, because some programs do not store folders."""
        folder = path.rpartition("/")[0]
        while folder and folder not in self._folders:
            self._folders.add(folder)
            folder = folder.rpartition("/")[0]


def _too_many(path: Path) -> ImagesError:
    return ImagesError(f"{path} has more than {MOST_MEMBERS:,} members, must have fewer")


class _Directory(io.BufferedIOBase):
    """A zip as zipfile sees it, which reads a directory as large as the file says.

    Attributes
    ----------
    most_bytes
        How many may be read at once; -1: any number.
    """

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path = file, path
        self.most_bytes = DIRECTORY_CAP

    def read(self, size: int | None = -1, /) -> bytes:
        """Return so many bytes; refuse a directory larger than any in use."""
        wanted = -1 if size is None else size  # without a size, zipfile reads the end only
        if 0 <= self.most_bytes < wanted:
            raise _too_many(self._path)
        return self._file.read(wanted)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Set the position, as any file does."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()

    def seekable(self) -> bool:
        """Whether the position can be set: always True."""
        return True

    def readable(self) -> bool:
        """Whether the file can be read: always True."""
        return True


class ZipSource(_Archive):
    """The members of a zip file."""

    def __init__(self, path: Path, check: Check, progress: OnProgress) -> None:
        super().__init__(path, check, progress)
        self._file = _opened(path)
        try:
            directory: Any = _Directory(self._file, path)
            self._zip = zipfile.ZipFile(directory)
            directory.most_bytes = -1
            for info in self._zip.infolist():
                self._take(info)
        except BaseException:
            self._file.close()
            raise
        self.listing = self._list()

    def _take(self, info: zipfile.ZipInfo) -> None:
        reason = "encrypted" if info.flag_bits & 1 else ""
        if stat.S_ISLNK(info.external_attr >> 16):
            reason = IS_LINK
        elif info.compress_size > self._bytes:
            reason = DAMAGED  # zipfile would allocate memory of that size
        # Some Windows programs write backslashes, which the format does not allow.
        # zipfile ends a name at its first zero byte, which makes one of several.
        name = info.orig_filename.replace("\\", "/")
        self._member(name, name.endswith("/"), reason, info.file_size, info)

    def in_order(self, entries: Sequence[SourceFile]) -> list[int]:
        """Return indices that sort the entries by their place in the file."""
        return sorted(range(len(entries)), key=lambda k: entries[k].handle.header_offset)

    def read(self, entry: SourceFile) -> bytes:
        """Return a member's bytes; raise :class:`UnreadableFile`.

        zipfile reads at most the size stated in the archive's directory, which was checked.
        """
        try:
            return self._zip.read(entry.handle)
        except (*_DAMAGED, *_ABSURD, OSError, RuntimeError) as error:
            raise UnreadableFile(DAMAGED) from error

    def close(self) -> None:
        """Close the file."""
        self._zip.close()
        self._file.close()


class _Headers:
    """A tar as tarfile sees it, which reads into memory what a header says to be its size."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int) -> bytes:
        """Return so many bytes; refuse a header larger than any in use."""
        if size > HEADER_CAP:
            raise tarfile.ReadError(f"a header has more than {HEADER_CAP >> 20} MB")
        return self._file.read(size)


class TarSource(_Archive):
    """The members of a tar file, plain or compressed with gzip."""

    def __init__(self, path: Path, check: Check, progress: OnProgress) -> None:
        super().__init__(path, check, progress)
        self._raw = self._file = _opened(path)
        try:
            self._file = _unpacked(self._raw, check)
            headers: Any = _Headers(self._file)
            with tarfile.open(fileobj=headers, mode="r:", encoding="utf-8") as tar:
                while (member := tar.next()) is not None:
                    self._take(member)
                    tar.members.clear()  # type: ignore[attr-defined]  # it would keep every one
                self._check_end(tar.offset)
        except BaseException:
            self.close()
            raise
        self.listing = self._list()

    def _check_end(self, offset: int) -> None:
        """Refuse a damaged or truncated header, which tarfile takes for the end of the archive."""
        self._file.seek(offset)
        if self._file.read(tarfile.BLOCKSIZE).strip(b"\0"):
            raise tarfile.ReadError("a header is damaged")
        behind = self._file.seek(0, os.SEEK_END) - offset
        if self._raw is self._file and behind > tarfile.RECORDSIZE + 2 * tarfile.BLOCKSIZE:
            self._skipped.append(
                Skipped(
                    printable(self._path.name),
                    f"{behind:,} bytes behind its last file are no file: a part may be missing",
                )
            )

    def _take(self, member: tarfile.TarInfo) -> None:
        reason = "" if member.isfile() else NOT_REGULAR
        if member.issym() or member.islnk():
            reason = IS_LINK
        elif member.issparse():
            reason = "a sparse file"
        handle = (member.offset_data, member.size)
        self._member(member.name, member.isdir(), reason, member.size, handle)

    def in_order(self, entries: Sequence[SourceFile]) -> list[int]:
        """Return indices by place in the file, because reading a compressed one back is slow."""
        return sorted(range(len(entries)), key=lambda k: entries[k].handle)

    def read(self, entry: SourceFile) -> bytes:
        """Return a member's bytes; raise :class:`UnreadableFile`."""
        offset, size = entry.handle
        try:
            self._file.seek(offset)
            return self._file.read(size)
        except (*_DAMAGED, OSError) as error:
            raise UnreadableFile(DAMAGED) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._raw.close()


def _unpacked(raw: BinaryIO, check: Check) -> BinaryIO:
    """Return a tar for random access; unpack a compressed one into memory if it fits MEMORY_CAP."""
    packed = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    if not packed:
        return raw
    memory = io.BytesIO()
    # Closing the unpacking of a file leaves the file open.
    with gzip.open(raw) as unpacking:
        while block := unpacking.read(BLOCK):
            check()
            memory.write(block)
            if memory.tell() > MEMORY_CAP:
                break
        else:
            memory.seek(0)
            return memory
    raw.seek(0)
    return gzip.open(raw)  # type: ignore[return-value]


def _opened(path: Path) -> BinaryIO:
    return io.BufferedReader(open_regular(path))
