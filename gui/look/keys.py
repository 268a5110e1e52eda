"""The window's keys, in one table, from which controls, menus and the list of keys name them."""

from __future__ import annotations

from PySide6.QtGui import QKeySequence

from gui.look.plain import plain_tip

KEYS = {
    "new_study": "Ctrl+N",
    "open_study": "Ctrl+O",
    "open_folder": "Ctrl+Shift+O",
    "open_files": "Ctrl+I",
    "open_network": "Ctrl+Shift+N",
    "save_copy": "Ctrl+Shift+S",
    "export_page": "Ctrl+E",
    "report": "Ctrl+Shift+E",
    "quit": "Ctrl+Q",
    "undo": "Ctrl+Z",
    "redo": "Ctrl+Shift+Z",
    "back": "Alt+Left",
    "paste": "Ctrl+V",
    "dock": "Ctrl+J",
    "messages": "Ctrl+Shift+M",
    "present": "F11",
    "dismiss": "Escape",
    "commands": "Ctrl+Shift+P",
    "shortcuts": "F1",
    "glossary": "Shift+F1",
    "settings": "Ctrl+,",
    # Keys that a part of the window answers, and no menu.
    "press": "Ctrl+Return",
    "find": "Ctrl+F",
    "copy": "Ctrl+C",
    "view_all": "Home",
    "cancel": "Delete",
    "retry": "Ctrl+R",
    "up": "Ctrl+Up",
    "down": "Ctrl+Down",
    "top": "Ctrl+Home",
    "bottom": "Ctrl+End",
    "open_result": "Return",
}
PAGES_WITH_KEYS = 10
BEHIND = "Ctrl+P"  # of the page behind them: that of pinned charts


def page_key(index: int) -> str:
    """Return the key of a page by its place in the rail, from 0; the tenth has 0."""
    if index >= PAGES_WITH_KEYS:
        return BEHIND if index == PAGES_WITH_KEYS else ""
    return f"Ctrl+{(index + 1) % PAGES_WITH_KEYS}"


def native(key: str) -> str:
    """Return a key, by its name in the table or as Qt writes it, as the system writes it."""
    found = QKeySequence(KEYS.get(key, key))
    return found.toString(QKeySequence.SequenceFormat.NativeText)


def with_key(tip: str, key: str) -> str:
    """Return a tooltip, made plain, that ends with a key: "Show the queue (Ctrl+J)"."""
    end = f" ({native(key)})"
    if tip.endswith("</p>"):  # made plain already
        return tip if tip.endswith(f"{end}</p>") else f"{tip.removesuffix('</p>')}{end}</p>"
    return tip if tip.endswith(end) else plain_tip(f"{tip}{end}")


def without_key(tip: str, key: str) -> str:
    """Return a tooltip, made plain, without the key that :func:`with_key` ended it with."""
    end = f" ({native(key)})"
    if tip.endswith(f"{end}</p>"):
        return f"{tip.removesuffix(f'{end}</p>')}</p>"
    return plain_tip(tip.removesuffix(end))


def parts() -> tuple[tuple[str, str], ...]:
    """Return the keys that no menu has, and what they do, for the list of shortcuts."""
    return (
        (native("press"), "Press the main button of the page, while the focus is on the page"),
        (native("find"), "Search the records"),
        (native("view_all"), "Show all of a chart that was zoomed"),
        (native("copy"), "Copy a table or a setting"),
        ("Up, Down", "Move along the pages, while the rail has the focus"),
        (native("cancel"), "Cancel the selected computations"),
        (native("retry"), "Retry the selected computations that failed"),
        (f"{native('up')}, {native('down')}", "Move the selected computations in the queue"),
        (f"{native('top')}, {native('bottom')}", "Move them to the queue's top or bottom"),
        (native("open_result"), "Show the result of a computation, or why it failed"),
    )
