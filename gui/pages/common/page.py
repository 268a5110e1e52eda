"""The base class of every page of the window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtWidgets import QHBoxLayout, QLayout, QStackedWidget, QVBoxLayout, QWidget

from gui.pages import Place
from gui.pages.common.form_memory import FormMemory
from gui.session.files.figure_files import folder_of, remember
from gui.session.picks.pins import Pin
from gui.session.workspace import Workspace
from gui.widgets.empty_state import EmptyState
from gui.widgets.scrolled import ScrolledArea

if TYPE_CHECKING:
    from engine.specs import ImagesSpec


class Page(QWidget):
    """One page of the navigation rail: a form that edits specs, and a view of events and records.

    A page keeps no study state of its own: it redraws whenever the workspace changes. What its
    inputs hold is remembered per study by ``memory``, once the page is complete.
    """

    place: ClassVar[Place]

    def __init__(
        self, workspace: Workspace, parent: QWidget | None = None, *, at_once: bool = True
    ):
        super().__init__(parent)
        self.workspace = workspace
        self.setObjectName(f"page-{self.title.lower()}")
        self.memory: FormMemory | None = None
        if at_once:
            for _ in self._all_pieces():
                pass

    def pieces(self) -> Iterator[None]:
        """Build the page in steps, between which the window can answer; at most 20 ms each.

        A page whose constructor says ``at_once=False`` is complete when these are at their end.
        """
        yield

    @classmethod
    def in_steps(cls, workspace: Workspace) -> tuple[Page, Iterator[None]]:
        """Return a page, and the steps that complete it."""
        if cls.pieces is Page.pieces:
            page = cls(workspace)
            return page, page._remember()
        page = cls(workspace, at_once=False)
        return page, page._all_pieces()

    def _all_pieces(self) -> Iterator[None]:
        """Build the page, and show what its form held when the study was open before."""
        yield from self.pieces()
        if type(self).pieces is not Page.pieces:  # else its constructor goes on after this one
            yield from self._remember()

    def _remember(self) -> Iterator[None]:
        yield
        name = self.title.lower()
        self.memory = FormMemory(self, self.workspace, name, self.form_restored)
        self.workspace.pins.add_page(self.title, self)

    def form_restored(self) -> None:
        """Act on a form that shows again what it held before; nothing, for most pages."""

    @property
    def title(self) -> str:
        """Name of the page in the navigation rail."""
        return self.place.title

    def guests_like(self) -> ImagesSpec | None:
        """Return the images like which dropped ones are prepared, to be shown on this page.

        None, unless a page says otherwise: dropped images become those of the study.
        """
        return None

    def demonstrate(self, networks: list[str], example: Any) -> None:
        """Show what the guided tour speaks of; nothing has to be done where a page shows it anyway.

        Parameters
        ----------
        networks
            Keys of the networks that it compares.
        example
            The image and attack, a :class:`gui.shell.tour.facts.Example`, or None.
        """

    def export_work(
        self,
        channel: str,
        work: Callable[[Any], Any],
        done: Callable[[Any], None],
        failed: Callable[[str], None],
    ) -> None:
        """Run an export's work on a background lane, see :mod:`gui.widgets.export.actions`."""
        self.workspace.runner.ask(channel, work, done, failed)

    def export_said(self, text: str, error: bool) -> None:
        """Show the outcome of an export to the user."""
        self.workspace.message.emit(text, error)

    def export_folder(self) -> Path:
        """Return the folder that the study's figures go to."""
        return folder_of(self.workspace)

    def export_went_to(self, folder: Path) -> None:
        """Remember the folder of the study's figures."""
        remember(self.workspace, folder)

    def pin_of(self, chart: QWidget) -> Pin:
        """Return what is remembered of a chart on this page that is pinned."""
        return Pin(self.title, str(chart.property("chart")), getattr(chart, "subject", ""))

    def is_pinned(self, chart: QWidget) -> bool:
        """Return whether a chart on this page is pinned."""
        return self.pin_of(chart) in self.workspace.pins.pins

    def pin(self, chart: QWidget, pinned: bool) -> None:
        """Pin a chart on this page, or unpin it, and say where it is."""
        pin = self.pin_of(chart)
        self.workspace.pins.set_pinned(pin, pinned)
        if pinned and pin in self.workspace.pins.pins:
            self.workspace.message.emit("The chart is on the page Pinned, and stays live.", False)

    def frame(self, empty: QWidget, left: QWidget | QLayout, right: QWidget | QLayout) -> None:
        """Lay the page out as two parts side by side, which ``empty`` can replace.

        ``self.stack`` holds ``empty`` at index 0 and the two parts at 1. The free width goes to
        ``left`` if that is a layout, else to ``right``. That part scrolls in a small window, so
        that the form beside it and its buttons stay in sight.
        """
        if isinstance(empty, EmptyState):
            empty.introduce(self.place.icon, self.place.tip)
        content = QWidget()
        row = QHBoxLayout(content)
        row.setContentsMargins(16, 12, 16, 12)
        row.setSpacing(16)
        wide = left if isinstance(left, QLayout) else right
        for part in (left, right):
            if part is wide:
                row.addWidget(ScrolledArea(as_widget(part)), 1)
            elif isinstance(part, QLayout):
                row.addLayout(part)
            else:
                row.addWidget(part)
        self.stack = QStackedWidget()
        self.stack.addWidget(empty)
        self.stack.addWidget(content)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.stack)


def as_widget(part: QWidget | QLayout) -> QWidget:
    """Return a widget that holds the layout; a widget is returned as it is."""
    if isinstance(part, QWidget):
        return part
    part.setContentsMargins(0, 0, 0, 0)
    holder = QWidget()
    holder.setLayout(part)
    return holder
