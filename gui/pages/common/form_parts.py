"""What a page's form consists of: every input that the page or one of its parts has.

Inputs are found by the attributes that hold them, so a field that is added to a form, or a page
that is added to the window, needs no line of its own to be remembered. A widget that is more than
its inputs says what it holds by two methods, ``remembered`` and ``recall``; positions in data and
filters of lists are no settings and are marked by :func:`gui.widgets.forms.remembered.transient`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QComboBox,
    QLineEdit,
    QWidget,
)

from gui.widgets.forms.number_boxes import CountBox, DecimalBox
from gui.widgets.forms.remembered import is_transient

OURS = ("gui.pages.", "gui.widgets.")
PLAIN = (str, int, float, bool)


@dataclass(frozen=True)
class Part:
    """An input of a form, or a widget that holds several.

    Attributes
    ----------
    widget
        The input.
    read
        Returns what it holds, in the types of JSON; None while there is nothing to keep.
    show
        Shows what ``read`` returned; raises ValueError, KeyError or TypeError for anything else.
    """

    widget: QWidget
    read: Callable[[], Any]
    show: Callable[[Any], object]


def parts_of(page: QWidget) -> dict[str, Part]:
    """Return the inputs of a page by the names of the attributes that lead to them."""
    found: dict[str, Part] = {}
    if is_transient(page):
        return found
    _walk(page, page, "", found, {id(page)})
    return found


def _walk(page: QWidget, owner: Any, path: str, found: dict[str, Part], seen: set[int]) -> None:
    for name, item in _attributes(owner):
        if id(item) in seen or is_transient(item):
            continue
        if isinstance(item, QWidget) and not page.isAncestorOf(item):
            continue
        seen.add(id(item))
        here = f"{path}.{name}" if path else name
        part = _part(item)
        if part is not None:
            found[here] = part
        if type(item).__module__.startswith(OURS):
            # The inputs of a widget that speaks for them are not asked themselves.
            _walk(page, item, here, {} if part is not None else found, seen)


def _attributes(owner: Any) -> Iterator[tuple[str, QObject]]:
    """Yield the objects that an object holds by its attributes, also in lists and tables."""
    for name, value in list(vars(owner).items()):
        if isinstance(value, QObject):
            yield name, value
        elif isinstance(value, list | tuple):
            for place, item in enumerate(value):
                if isinstance(item, QObject):
                    # A name of its own keeps its settings where others come before it later.
                    yield f"{name}.{getattr(item, 'memory_name', place)}", item
        elif isinstance(value, dict):
            for key, item in value.items():
                if isinstance(item, QObject):
                    yield f"{name}.{key}", item


def _part(item: Any) -> Part | None:
    """Return how to read and show an input; None for what is none."""
    if hasattr(item, "remembered") and hasattr(item, "recall"):
        return Part(item, item.remembered, item.recall)
    if isinstance(item, QComboBox):
        return Part(item, lambda: _chosen(item), lambda value: _choose(item, value))
    if isinstance(item, QAbstractButton) and item.isCheckable():
        return Part(item, item.isChecked, lambda value: item.setChecked(bool(value)))
    if isinstance(item, DecimalBox):
        return Part(item, item.value, lambda value: item.setValue(float(value)))
    if isinstance(item, CountBox | QAbstractSlider):
        return Part(item, item.value, lambda value: item.setValue(int(value)))
    if isinstance(item, QLineEdit) and not item.isReadOnly():
        return Part(item, item.text, lambda value: item.setText(str(value)))
    return None


def _chosen(combo: QComboBox) -> str | int | float | None:
    """Return what the chosen entry stands for, or its text if that is no plain value."""
    data = combo.currentData()
    return data if isinstance(data, PLAIN) else combo.currentText() or None


def _choose(combo: QComboBox, value: Any) -> None:
    """Choose the entry that stands for a value; leave the choice if there is none."""
    for place in range(combo.count()):
        data = combo.itemData(place)
        known = data if isinstance(data, PLAIN) else combo.itemText(place)
        if known == value and type(known) is type(value):
            combo.setCurrentIndex(place)
            return
