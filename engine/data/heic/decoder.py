"""Decode HEIC photographs in processes of their own.

The decoder in pi-heif (libheif 1.23 with libde265 1.1) crashes on some damaged files, so it does
not run in the program: a crash, or a file that takes too much time or memory, ends a child and
makes one unreadable image. pi-heif decodes only; its sister pillow-heif brings an encoder under the
GPL, which the packaged program must not contain.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

from PIL import Image, ImageFile

from engine.data.safety.bounds import MEMORY_CAP

FORMAT = "HEIF"
SUFFIXES = (".heic", ".heif", ".hif")
# Makes the packaged program, which has no interpreter to run a file with, such a process.
FLAG = "--decode-heic"
# A photograph of 12 million pixels takes about 1 s.
MOST_SECONDS = 30.0
# Kinds of picture that the decoder knows, as the file's first box names them.
_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_REASONS = {
    "missing": "a HEIC photograph; the package pi-heif is missing",
    "memory": "decoding it needs too much memory",
}
_SCRIPT = Path(__file__).with_name("child.py")
_IDLE: list[_Child] = []  # at most one for each thread that ever decoded at the same time


class UnreadablePhotograph(Exception):
    """A HEIC photograph cannot be decoded; the message is a short reason for the user."""


class Photograph(ImageFile.ImageFile):
    """A HEIC photograph as Pillow opens it: in mode L, LA, RGB or RGBA, upright, of 8 bits.

    ``info`` has icc_profile, and bit_depth: the bits that the file has for each value.

    Raises
    ------
    UnreadablePhotograph
        On opening and on loading, if the file is damaged, takes more than ``MOST_SECONDS``, or more
        than ``MEMORY_CAP`` bytes where the system can hold a process to it (Linux).
    """

    format = FORMAT
    format_description = "HEIC photograph"

    def _open(self) -> None:
        self._take(_asked(self._data(), wanted=False)[0])

    def load(self) -> Any:
        """Decode the pixels, once."""
        if self.fp is not None:
            about, (profile, pixels) = _asked(self._data(), wanted=True)
            self.fp = None
            self._take(about)
            self.info["icc_profile"] = profile
            self.im = Image.frombytes(self.mode, self.size, pixels).im
        return super().load()

    def _data(self) -> bytes:
        assert self.fp is not None
        self.fp.seek(0)
        return self.fp.read()

    def _take(self, about: dict[str, Any]) -> None:
        width, height = about["size"]
        self._size, self._mode, self.tile = (width, height), about["mode"], []
        self.is_animated = about["frames"] > 1
        self.info["bit_depth"] = about["bits"]


def _is_heic(start: bytes) -> bool:
    return start[4:8] == b"ftyp" and start[8:12] in _BRANDS


Image.register_open(FORMAT, Photograph, _is_heic)


def _asked(data: bytes, *, wanted: bool) -> tuple[dict[str, Any], list[bytes]]:
    """Let a child answer, for at most ``MOST_SECONDS``."""
    child = _take()
    late = threading.Event()

    def end() -> None:
        late.set()
        child.kill()

    timer = threading.Timer(MOST_SECONDS, end)
    timer.start()
    try:
        about, pieces = child.answer(data, wanted)
    except (OSError, EOFError) as error:  # the child ended before it had answered
        slow = f"decoding it takes more than {MOST_SECONDS:.0f} s"
        raise UnreadablePhotograph(slow if late.is_set() else "damaged") from error
    finally:
        timer.cancel()
        timer.join()
    if not late.is_set():
        _IDLE.append(child)
    if "error" in about:
        raise UnreadablePhotograph(_REASONS.get(about["error"], "damaged"))
    return about, pieces


def _take() -> _Child:
    while True:
        try:
            child = _IDLE.pop()
        except IndexError:
            return _Child()
        if not child.ended:
            return child


class _Child:
    """A process that decodes; not for several threads at once."""

    def __init__(self) -> None:
        own = [FLAG] if getattr(sys, "frozen", False) else ["-P", str(_SCRIPT)]
        self._process = subprocess.Popen(
            [sys.executable, *own, str(MEMORY_CAP)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            start_new_session=True,  # a Ctrl-C is for the program; this ends when its input does
        )

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def kill(self) -> None:
        """End the process; who reads from it finds the end of its answers."""
        self._process.kill()

    def answer(self, data: bytes, wanted: bool) -> tuple[dict[str, Any], list[bytes]]:
        """Send a file; return what the process says of it, and the pieces that follow.

        Raises
        ------
        EOFError, OSError
            If the process ended.
        """
        questions, answers = self._process.stdin, self._process.stdout
        assert questions is not None
        assert answers is not None
        questions.write(struct.pack("<?Q", wanted, len(data)))
        questions.write(data)
        questions.flush()
        (length,) = struct.unpack("<Q", _exactly(answers, 8))
        about = json.loads(_exactly(answers, length))
        return about, [_exactly(answers, size) for size in about.get("pieces", ())]


def _exactly(file: IO[bytes], size: int) -> bytes:
    found = file.read(size)
    if len(found) < size:
        raise EOFError
    return found
