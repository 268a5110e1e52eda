"""Small image files, folders and archives that the tests make themselves."""

import io
import struct
import tarfile
import zipfile
import zlib

import numpy as np
from PIL import Image


def picture(seed=0, size=(8, 8), mode="RGB"):
    """Return a small picture in mode "L" or "RGB", another one for every seed."""
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def encoded(image, kind="PNG", **options):
    """Return the bytes of an image file."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png(seed=0, size=(8, 8), mode="RGB"):
    return encoded(picture(seed, size, mode))


def write(root, files):
    """Write files, given as bytes by relative path (None: an empty folder); return the root."""
    for path, data in files.items():
        place = root / path
        if data is None:
            place.mkdir(parents=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
    return root


def classes(counts, seed=0, size=(8, 8)):
    """Return image files of classes: so many in each folder, no two alike."""
    names = [f"{name}/{k:03}.png" for name, count in counts.items() for k in range(count)]
    return {name: png(1000 * seed + k, size) for k, name in enumerate(names)}


def zipped(root, target):
    """Write a zip of everything below a folder."""
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(root.rglob("*")):
            archive.write(path, path.relative_to(root))
    return target


def tarred(root, target):
    """Write a tar, compressed if its name says so; its members come in no sorted order."""
    with tarfile.open(target, "w:gz" if target.name.endswith("gz") else "w") as archive:
        for path in sorted(root.rglob("*"), key=lambda path: str(path)[::-1]):
            archive.add(path, path.relative_to(root), recursive=False)
    return target


def tiff(values, photometric=1, order="<"):
    """Return an uncompressed TIFF of (H, W) numbers of any type, one written by hand.

    ``photometric`` 0 says that zero is white.
    """
    height, width = values.shape
    size = values.dtype.itemsize
    body = values.astype(values.dtype.newbyteorder(order)).tobytes()
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    tags = [(256, width), (257, height), (258, 8 * size), (259, 1), (262, photometric), (273, 8)]
    tags += [(277, 1), (278, height), (279, len(body)), (339, kind)]
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8 + len(body))
    short = {258, 259, 262, 277, 339}
    entries = b""
    for tag, value in tags:
        as_short = struct.pack(f"{order}HHIHH", tag, 3, 1, value, 0)
        entries += as_short if tag in short else struct.pack(f"{order}HHII", tag, 4, 1, value)
    return head + body + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)


def png16(values, *extra):
    """Return a 16-bit PNG of (H, W) or (H, W, C) numbers, with further chunks (name, body)."""
    height, width = values.shape[:2]
    channels = 1 if values.ndim == 2 else values.shape[2]
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = values.astype(">u2").reshape(height, -1)
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", body), (b"IEND", b"")]
    made = b"\x89PNG\r\n\x1a\n"
    for name, data in chunks:
        checksum = zlib.crc32(name + data)
        made += struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)
    return made


def raw_tiff(array: np.ndarray) -> bytes:
    """Encode floats, (H, W) or (H, W, 3), as an uncompressed TIFF of their own precision."""
    height, width, *colours = array.shape
    count, bits = (colours or [1])[0], 8 * array.dtype.itemsize
    data = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    lists = {258: struct.pack(f"<{count}H", *[bits] * count),
             339: struct.pack(f"<{count}H", *[3] * count)}  # fmt: skip
    numbers = {256: width, 257: height, 259: 1, 262: 2 if count == 3 else 1, 277: count,
               278: height, 279: len(data), 284: 1}  # fmt: skip
    tags = sorted([*lists, *numbers, 273])
    end = 8 + 2 + 12 * len(tags) + 4
    places, tail = {}, b""
    for tag, content in lists.items():
        places[tag] = end + len(tail)
        tail += content
    found = b"II*\0" + struct.pack("<IH", 8, len(tags))
    for tag in tags:
        if tag in lists:
            inline = lists[tag].ljust(4, b"\0") if count <= 2 else struct.pack("<I", places[tag])
            found += struct.pack("<HHI", tag, 3, count) + inline
        else:
            value = end + len(tail) if tag == 273 else numbers[tag]
            found += struct.pack("<HHII", tag, 4, 1, value)
    return found + struct.pack("<I", 0) + tail + data
