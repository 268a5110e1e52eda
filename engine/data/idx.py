"""The idx format of MNIST and Fashion-MNIST: four files, plain or gzipped.

Source: LeCun, Cortes, Burges, "The MNIST database", section on file formats: a magic number that
holds type and number of dimensions, each dimension as a big-endian 32-bit number, then the bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.data.scan import IDX_NAMES
from engine.data.sources import ImagesError

CAP = 2**30  # bytes of the four files together, after unpacking
_IMAGES = b"\x00\x00\x08\x03"  # unsigned bytes in three dimensions
_LABELS = b"\x00\x00\x08\x01"
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class IdxArrays:
    """Images (N, 1, H, W) uint8 and labels (N,) int64 of both parts."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]


def unpack_idx(name: str, data: bytes, left: int = CAP) -> bytes:
    """Return the plain bytes of a file that may be gzipped.

    Raises
    ------
    ImagesError
        If it is damaged, or has more than ``left`` bytes.
    """
    if not data.startswith(_GZIP):
        return _within(name, data, left)
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(data, left + 1)
    except zlib.error:
        raise ImagesError(f"{name} is damaged: it cannot be unpacked") from None
    plain = _within(name, plain, left)
    if not unpacker.eof:
        raise ImagesError(f"{name} is truncated")
    return plain


def _within(name: str, plain: bytes, left: int) -> bytes:
    if len(plain) > left:
        raise ImagesError(f"{name} is too large: the files hold more than {CAP // 2**20} MB")
    return plain


def parse_idx(files: Mapping[str, bytes]) -> IdxArrays:
    """Read the four files, given as plain bytes by name.

    Raises
    ------
    ImagesError
        If one is not of the format, or they do not belong together.
    """
    train_images, train_labels, test_images, test_labels = (
        _parse(name, files[name], _IMAGES if "images" in name else _LABELS) for name in IDX_NAMES
    )
    for name, images, labels in (
        ("train", train_images, train_labels),
        ("t10k", test_images, test_labels),
    ):
        if len(images) != len(labels):
            raise ImagesError(
                f"{name}-labels hold {len(labels)} labels, must be {len(images)}, one an image"
            )
    if train_images.shape[1:] != test_images.shape[1:]:
        raise ImagesError(
            f"t10k-images are {test_images.shape[1:]}, must be {train_images.shape[1:]} as train"
        )
    return IdxArrays(
        train_images[:, None],
        train_labels.astype(np.int64),
        test_images[:, None],
        test_labels.astype(np.int64),
    )


def _parse(name: str, data: bytes, magic: bytes) -> NDArray[np.uint8]:
    start = 4 + 4 * magic[3]
    if not data.startswith(magic) or len(data) < start:
        raise ImagesError(f"{name} is no idx file of unsigned bytes in {magic[3]} dimensions")
    shape = tuple(int(edge) for edge in np.frombuffer(data[4:start], ">u4"))
    # Use Python integers, so that the product of forged dimensions does not overflow.
    count = 1
    for edge in shape:
        count *= edge
    if len(data) - start != count:
        raise ImagesError(f"{name} holds {len(data) - start} values, must be {count} as it says")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)
