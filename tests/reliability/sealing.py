"""Records as a stranger could make them: any HDF5 file under a seal that fits."""

import hashlib
import json

import h5py
import numpy as np

from engine.store.seal import MAGIC, USER_BLOCK
from tests.made_up_study import IMAGES, add_images

HEADER = {
    "schema": 1,
    "key": IMAGES.key,
    "kind": IMAGES.kind,
    "title": "Glyphs",
    "created": "2026-01-01T00:00:00.000+00:00",
    "seconds": 1.0,
    "parents": [],
}
DOCUMENTS = {
    "header": HEADER,
    "spec": IMAGES.as_dict(),
    "numbers": {"classes": 10},
    "provenance": {"device": "cpu"},
}


def sealed(image: bytes) -> bytes:
    """Return the file of which this is the HDF5 part."""
    digest = hashlib.sha256(image).hexdigest().encode()
    return (MAGIC + digest).ljust(USER_BLOCK, b"\0") + image


def seal_again(path):
    """Give a file whose bytes were changed a seal that fits."""
    path.write_bytes(sealed(path.read_bytes()[USER_BLOCK:]))


def forge(path, fill=None, documents=DOCUMENTS, texts=None, libver=None):
    """Write a record by hand; ``fill`` adds to the open file, ``texts`` replace JSON documents."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=USER_BLOCK, libver=libver) as file:
        file.create_group("arrays")
        forms = {name: json.dumps(document).encode() for name, document in documents.items()}
        for name, text in {**forms, **(texts or {})}.items():
            file[f"documents/{name}"] = np.bytes_(text)
        if fill is not None:
            fill(file)
    seal_again(path)
    return path


def place_of(study):
    """Return where the record of the images lies."""
    return study.path / "records" / IMAGES.kind / f"{IMAGES.key}.h5"


def with_images(study):
    """Store the images' record in the study and return its place."""
    add_images(study)
    return place_of(study)
