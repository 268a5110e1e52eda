"""Small image files, folders and archives that the tests make themselves."""

import io
import tarfile
import zipfile

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
