"""Answers for an object that may have been deleted before they came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject
from shiboken6 import isValid


def while_there(owner: QObject, callback: Callable[[Any], object]) -> Callable[[Any], None]:
    """Return a callback that does nothing once its owner was deleted."""

    def answered(answer: Any) -> None:
        if isValid(owner):
            callback(answer)

    return answered
