"""A file for libraries that cannot cope with an error while they write.

HDF5 keeps parts of a file in memory. Where the disk turns out to be full when it writes them, it
never gets rid of them, and ends the process with a crash as soon as it is tidied up. So it is not
told: the error is kept for our own code, and what is written from then on stays in memory, where
the library finds it again.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Buffer


class GuardedFile(io.RawIOBase):
    """A new file to write and read at any place; only :meth:`check` and opening it raise errors.

    Attributes
    ----------
    error
        The first error, or None. From then on the file on the disk is of no use.

    Raises
    ------
    OSError
        If the file cannot be made.
    """

    def __init__(self, path: Path):
        self._file = open(path, "w+b", buffering=0)  # noqa: SIM115  # closed by close()
        self._at = 0
        self._size = 0
        self._kept: list[tuple[int, bytes]] = []
        self.error: OSError | None = None

    def check(self) -> None:
        """Raise the error that a write ran into, if one did."""
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        """Close the file."""
        self._kept.clear()
        self._file.close()
        super().close()

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def writable(self) -> bool:
        """Whether it can be written: always."""
        return True

    def seekable(self) -> bool:
        """Whether any place can be gone to: always."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, counted from the beginning, from here, or from the end."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at

    def truncate(self, size: int | None = None) -> int:
        """Give the file a size; what is added reads as zeros."""
        self._size = self._at if size is None else size
        if self.error is None:
            try:
                self._file.truncate(self._size)
            except OSError as error:
                self.error = error
        return self._size

    def write(self, data: Buffer, /) -> int:
        """Write at the place, all of it, and go behind it."""
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
        """Read as much as there is into a buffer, and go behind it."""
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
