"""A file object that hides write errors from HDF5, which crashes on them.

HDF5 caches parts of a file in memory. If the disk is full when HDF5 writes them, it cannot discard
them, and crashes the process when it closes the file. So :class:`GuardedFile` does not report a
write error to HDF5. It stores the error for our own code, and keeps all later writes in memory,
where HDF5 can read them back.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Buffer


class GuardedFile(io.RawIOBase):
    """A new file for random access; only opening it and :meth:`check` raise errors.

    Attributes
    ----------
    error
        The first error, or None. After an error, the file on disk is incomplete.

    Raises
    ------
    OSError
        If the file cannot be created.
    """

    def __init__(self, path: Path):
        self._file = open(path, "w+b", buffering=0)  # noqa: SIM115  # closed by close()
        self._at = 0
        self._size = 0
        self._kept: list[tuple[int, bytes]] = []
        self.error: OSError | None = None

    def check(self) -> None:
        """Raise the first error of a read or write, if there was one."""
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        """Close the file."""
        self._kept.clear()
        self._file.close()
        super().close()

    def readable(self) -> bool:
        """Whether the file can be read: always True."""
        return True

    def writable(self) -> bool:
        """Whether the file can be written: always True."""
        return True

    def seekable(self) -> bool:
        """Whether the file supports seeking: always True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position, relative to the start, the current position or the end."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        """Return the current position."""
        return self._at

    def truncate(self, size: int | None = None) -> int:
        """Set the size of the file; added bytes read as zeros."""
        self._size = self._at if size is None else size
        if self.error is None:
            try:
                self._file.truncate(self._size)
            except OSError as error:
                self.error = error
        return self._size

    def write(self, data: Buffer, /) -> int:
        """Write all data at the current position and advance the position."""
        content = memoryview(data).cast("B")
        if self.error is None:
            try:
                self._put(content)
            except OSError as error:
                self.error = error
        if self.error is not None:
            self._kept.append((self._at, bytes(content)))
        self._at += len(content)
        self._size = max(self._size, self._at)
        return len(content)

    def readinto(self, buffer: Any, /) -> int:
        """Read available bytes into a buffer and advance the position; return their number."""
        content = memoryview(buffer).cast("B")
        count = max(0, min(len(content), self._size - self._at))
        content[:count] = bytes(count)
        try:
            self._file.seek(self._at)
            found = self._file.read(count)
            content[: len(found)] = found
        except OSError as error:
            self.error = self.error or error
        for start, kept in self._kept:
            begin, end = max(start, self._at), min(start + len(kept), self._at + count)
            if begin < end:
                content[begin - self._at : end - self._at] = kept[begin - start : end - start]
        self._at += count
        return count

    def _put(self, content: memoryview) -> None:
        self._file.seek(self._at)
        while content:
            content = content[self._file.write(content) :]
