"""HEIC photographs for tests, whole and damaged.

The files in ``tests/engine/data/heic`` show one picture of 64 x 48 pixels: red grows by 4 a column,
green by 5 a row, the upper left quarter is blue. They were made with pillow-heif 1.8 (quality 90):
as it is, red as grey, with 10 bits, with its left half transparent, and stored on its side.
``grey10.heic``, also of pillow-heif, has 10 bits of a ramp from black to white along its rows.
"""

from pathlib import Path

HERE = Path(__file__).parent / "engine" / "data" / "heic"


def photograph(name: str) -> bytes:
    """Return the bytes of one of the files."""
    return (HERE / name).read_bytes()


def crashing() -> bytes:
    """Return a file at which libde265 1.1 crashes."""
    found = bytearray(photograph("turned.heic"))
    found[94:95], found[178:179] = b"p", b"\x84"
    return bytes(found)
