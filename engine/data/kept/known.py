"""What a study knows of folders that were read before: the specs of their images.

To name the images of a folder, all of its files are read, hashed and decoded. A study keeps the
spec that came of it under a hash of the files' paths, sizes, inode numbers and times, so that the
same command is at once sure that nothing is missing. Pixels are not kept, and whoever writes into
such a file can only name other images, whose content hash is compared when they are read.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.data.cache import SETTLED_SECONDS, FileStates, file_states, name_of
from engine.data.sources import Places, never
from engine.specs.images import StoredImages
from engine.specs.schema import SpecError, from_dict
from engine.store.atomic import new_file
from engine.store.files import read_text

FILE = "folders.json"
MOST = 50  # folders; the oldest are forgotten
MOST_BYTES = 16 << 20


class KnownFolders:
    """The specs of folders, in a study's file.

    Parameters
    ----------
    study
        Folder of the study; nothing is known or kept while it does not exist.
    """

    def __init__(self, study: Path):
        self._study = study
        self._asked: str | None = None
        self._new: dict[str, dict[str, Any]] = {}

    def recall(self, places: Places, wish: Mapping[str, Any]) -> StoredImages | None:
        """Return the spec that reading would give with these options, if no file changed since."""
        states = file_states(places, never)
        self._asked = None
        if states is None:
            return None
        name = name_of(states, wish)
        if _settled(states):
            self._asked = name
        try:
            return from_dict(self._read()[name], StoredImages)
        except (KeyError, SpecError):
            return None

    def note(self, spec: StoredImages) -> None:
        """Remember what reading gave after :meth:`recall`, unless a file had just changed.

        The spec belongs to the files as they were before they were read: one that changes
        meanwhile has another time and is not recognised.
        """
        if self._asked is not None:
            self._new[self._asked] = spec.as_dict()

    def save(self) -> None:
        """Write what was noted; do nothing if the study cannot be written."""
        if not self._new or not self._study.is_dir():
            return
        kept = {**self._read(), **self._new}
        text = json.dumps(dict(list(kept.items())[-MOST:]), indent=1)
        try:
            with new_file(self._study / FILE) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except OSError:
            return  # the folder is read again next time

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(read_text(self._study / FILE, MOST_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def _settled(states: FileStates) -> bool:
    newest = max((changed for *_, changed in states), default=0)
    return time.time() - newest / 1e9 > SETTLED_SECONDS
