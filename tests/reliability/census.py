"""What lies in the memory of this process, counted by kind: to see which kind grows.

The C library's own count (`handed_out` in `soak.py`) has neither Python's small objects, which lie
in blocks that Python maps itself, nor a cause. A census has the number of Python's blocks, of its
objects by type, of Qt's objects under the windows, of the items of all scenes, and the bytes of
tensors and arrays that can be reached.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter


def census() -> Counter[str]:
    """Return numbers of things by kind, and bytes where the name ends in "bytes"."""
    import numpy as np
    import torch

    gc.collect()
    found: Counter[str] = Counter()
    seen: set[int] = set()
    for thing in gc.get_objects():
        kind = type(thing)
        found[f"{kind.__module__}.{kind.__qualname__}"] += 1
        if isinstance(thing, torch.Tensor):
            found["tensor bytes"] += thing.numel() * thing.element_size()
        inside = thing.values() if kind is dict else thing if kind in (list, tuple) else ()
        for value in list(inside):
            if type(value) is np.ndarray and value.base is None and id(value) not in seen:
                seen.add(id(value))
                found["arrays"] += 1
                found["array bytes"] += value.nbytes
    found["python blocks"] = sys.getallocatedblocks()
    return found + _of_qt()


def _of_qt() -> Counter[str]:
    from PySide6.QtCore import QObject
    from PySide6.QtWidgets import QApplication, QGraphicsView

    found: Counter[str] = Counter()
    for window in QApplication.topLevelWidgets():
        found["Qt top windows"] += 1
        for child in window.findChildren(QObject):
            found[f"Qt {child.metaObject().className()}"] += 1
            if isinstance(child, QGraphicsView) and child.scene() is not None:
                found["scene items"] += len(child.scene().items())
    return found


def grown(before: Counter[str], after: Counter[str], most: int = 25) -> list[str]:
    """Return lines of what grew most, relative to what there was."""
    change = {name: after[name] - before[name] for name in after if after[name] > before[name]}
    kinds = sorted(change, key=lambda name: change[name], reverse=True)
    return [f"{name}: {before[name]} -> {after[name]}" for name in kinds[:most]]
