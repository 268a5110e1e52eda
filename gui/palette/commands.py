"""What can be done now: the entries of the menus, and the buttons of the present page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QMenu, QMenuBar, QPushButton, QWidget

from engine.texts import folded, one_line


@dataclass(frozen=True)
class Command:
    """One thing that can be done.

    Attributes
    ----------
    path
        Where it stands, outermost first: a menu and its entry, or a page and its button.
    keys
        Its shortcut, as the system writes it; "" without one.
    run
        Does it.
    """

    path: tuple[str, ...]
    keys: str
    run: Callable[[], object]

    @property
    def title(self) -> str:
        """The whole name, such as "File › Open study"."""
        return " › ".join(self.path)


def of_menus(bar: QMenuBar) -> Iterator[Command]:
    """Yield the enabled entries of all menus, also of those that are filled when they open."""
    for action in bar.actions():
        menu = action.menu()
        if isinstance(menu, QMenu):
            yield from _of_menu(menu, (_plain(action.text()),))


def of_page(title: str, page: QWidget) -> Iterator[Command]:
    """Yield the buttons that can be pressed on a page; of several with one text, the first."""
    told = {""}
    for button in page.findChildren(QPushButton):
        text = _plain(button.text())
        if text not in told and button.isVisibleTo(page) and button.isEnabled():
            told.add(text)
            yield Command((title, text), _keys(button), button.click)


def searched(text: str) -> str:
    """Return a text as names are compared: "tradeoff" and "trade-off" are the same."""
    return folded(text).replace("-", "")


def found(commands: Iterable[Command], typed: str) -> list[Command]:
    """Return the commands whose names hold all words that were typed, the best first.

    Those are best in which a word begins the last part of the name, then those in which all words
    begin a word. Otherwise the order stays.
    """
    words = searched(typed).split()

    def rank(command: Command) -> int:
        last = searched(command.path[-1])
        parts = searched(command.title).split()
        if any(last.startswith(word) for word in words):
            return 0
        return 1 if all(any(part.startswith(word) for part in parts) for word in words) else 2

    fitting = [
        command for command in commands if all(word in searched(command.title) for word in words)
    ]
    return sorted(fitting, key=rank)


def _of_menu(menu: QMenu, path: tuple[str, ...]) -> Iterator[Command]:
    menu.aboutToShow.emit()
    for action in menu.actions():
        name = _plain(action.text())
        inner = action.menu()
        if isinstance(inner, QMenu):
            yield from _of_menu(inner, (*path, name))
        elif name and action.isEnabled() and action.isVisible():
            yield Command((*path, name), _keys(action), action.trigger)


def _keys(owner: QAction | QAbstractButton) -> str:
    return owner.shortcut().toString(QKeySequence.SequenceFormat.NativeText)


def _plain(text: str) -> str:
    """Return a text as it is read: without the mark of its key, and without the dots behind it."""
    letters = text.replace("&&", "\0").replace("&", "").replace("\0", "&")
    return one_line(letters).removesuffix("…").strip()
