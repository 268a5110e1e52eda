"""The process that decodes HEIC photographs, one after the other, for the program that started it.

It runs this file alone and imports nothing of the program. A question on its standard input is a
byte that says whether the pixels are wanted, a length of 8 bytes, and that many bytes of a file.
The answer on its standard output is a length of 8 bytes, a JSON object of that length, and the
pieces that the object announces: colour profile and pixels.
"""

from __future__ import annotations

import io
import json
import os
import struct
import sys
from typing import Any, BinaryIO

# What pi-heif, its libraries and the interpreter take before any picture.
_OWN_BYTES = 512 * 2**20
_ERRORS = {ImportError: "missing", ModuleNotFoundError: "missing", MemoryError: "memory"}


def serve(most_bytes: int) -> None:
    """Answer until the standard input ends.

    Parameters
    ----------
    most_bytes
        Memory that decoding may take, where the system can hold a process to it (Linux).
    """
    _limit(most_bytes + _OWN_BYTES)
    questions, answers = os.fdopen(0, "rb"), os.fdopen(1, "wb")
    while len(head := questions.read(9)) == 9:
        wanted, length = struct.unpack("<?Q", head)
        try:
            image = _opened(questions.read(length))
            if wanted:
                image.load()
            _answer(answers, image, wanted)
        except Exception as error:  # libheif and its wrapper raise many unrelated types
            _send(answers, {"error": _ERRORS.get(type(error), "damaged")})


def _opened(data: bytes) -> Any:
    import pi_heif

    pi_heif.options.DECODE_THREADS, pi_heif.options.THUMBNAILS = 1, False
    pi_heif.options.DEPTH_IMAGES, pi_heif.options.AUX_IMAGES = False, False
    return pi_heif.HeifImageFile(io.BytesIO(data))


def _answer(answers: BinaryIO, image: Any, wanted: bool) -> None:
    about = {
        "mode": image.mode,
        "size": image.size,
        "bits": image.info.get("bit_depth", 8),
        "frames": image.n_frames,
    }
    profile = image.info.get("icc_profile") or b""
    pieces = (profile, image.tobytes()) if wanted else (b"", b"")
    _send(answers, {**about, "pieces": [len(piece) for piece in pieces]}, *pieces)


def _send(answers: BinaryIO, about: dict[str, Any], *pieces: bytes) -> None:
    text = json.dumps(about).encode()
    for piece in (struct.pack("<Q", len(text)), text, *pieces):
        answers.write(piece)
    answers.flush()


def _limit(most_bytes: int) -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    serve(int(sys.argv[1]))
