"""The menu bar: all actions of the window with their shortcuts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup, QDesktopServices, QKeySequence
from PySide6.QtWidgets import QApplication, QMainWindow, QMenu

from gui.look import settings, theme
from gui.look.keys import KEYS, page_key, parts
from gui.look.plain import plain_action, plain_tip
from gui.palette.commands import Command, of_menus, of_page
from gui.palette.dialog import PaletteDialog
from gui.queue.job_dock import JobDock
from gui.session import file_dialogs
from gui.session.threads.who_computes import in_words
from gui.session.workspace import Workspace
from gui.shell import reporting
from gui.shell.about import AboutDialog, ShortcutsDialog
from gui.shell.faults import log_folder
from gui.shell.history import History
from gui.shell.page_stack import PageStack, shower

if TYPE_CHECKING:
    from engine.plan.slots import Slots


@dataclass(frozen=True)
class WindowActions:
    """The window's own functions and parts that the menus use."""

    close: Callable[[], object]
    paste: Callable[[], object]
    dismiss_error: Callable[[], object]
    show_messages: Callable[[], object]
    present: Callable[[bool], object]
    dock: JobDock
    history: History


class Menus(QObject):
    """Builds the menu bar of a window and keeps it up to date.

    Signals
    -------
    tour_asked
        The user wants the guided tour.
    methods_asked, experiments_asked
        The user wants the dialog of that name.
    """

    tour_asked = Signal()
    methods_asked = Signal()
    experiments_asked = Signal()

    def __init__(
        self, window: QMainWindow, pages: PageStack, workspace: Workspace, own: WindowActions
    ):
        super().__init__(window)
        self._window, self._pages, self._workspace, self._own = window, pages, workspace, own
        self.actions: dict[str, QAction] = {}
        self._build_file()
        self._build_edit()
        self._build_view()
        self._build_help()

    # ----------------------------------------------------------------------------------- building

    def _build_file(self) -> None:
        window, workspace = self._window, self._workspace
        menu = window.menuBar().addMenu("&File")
        for name, text, ask in (
            ("new_study", "&New study…", file_dialogs.new_study),
            ("open_study", "&Open study…", file_dialogs.open_study),
            ("open_folder", "Open image &folder…", file_dialogs.open_image_folder),
            ("open_files", "Open &images…", file_dialogs.open_image_files),
            ("open_network", "Open net&work…", file_dialogs.open_network),
        ):
            self._add(menu, name, text, partial(ask, window, workspace.importer))
        self.recent = menu.addMenu("Open recen&t")
        self.recent.aboutToShow.connect(self._fill_recent)
        self._add(menu, "experiment", "Run an e&xperiment…", self.experiments_asked.emit)
        copy = partial(file_dialogs.save_study_copy, window, workspace)
        self._add(menu, "save_copy", "Save a &copy as one file…", copy)
        menu.addSeparator()
        self.export = menu.addMenu("&Export picture")
        self.export.aboutToShow.connect(self._fill_export)
        for name, text, act in (
            ("export_page", "Export this pa&ge…", partial(reporting.export_page, self._pages)),
            ("report", "&Report of the study…", partial(reporting.report_study, window)),
            ("report_network", "Report of a network…", partial(reporting.report_a_network, window)),
            ("copy_methods", "Copy &methods section", reporting.copy_methods),
        ):
            self._add(menu, name, text, partial(act, workspace))
        menu.addSeparator()
        self._add(menu, "quit", "&Quit", self._own.close)

    def _build_edit(self) -> None:
        menu = self._window.menuBar().addMenu("&Edit")
        stack = self._workspace.edits.stack
        for name, action in (
            ("undo", stack.createUndoAction(self, "&Undo")),
            ("redo", stack.createRedoAction(self, "&Redo")),
        ):
            action.setShortcut(QKeySequence(KEYS[name]))
            menu.addAction(action)
            self.actions[name] = action
        menu.addSeparator()
        self._add(menu, "paste", "&Paste images or files", self._own.paste)
        self._add(menu, "dismiss", "&Dismiss error", self._own.dismiss_error)
        menu.addSeparator()
        self._add(menu, "settings", "&Settings…", self._show_settings)
        self._add(menu, "methods", "Your own &methods…", self.methods_asked.emit)

    def _build_view(self) -> None:
        history, jobs = self._own.history, self._own.dock
        menu = self._window.menuBar().addMenu("&View")
        for index, place in enumerate(self._pages.places):
            action = QAction(place.title, self)
            action.setShortcut(QKeySequence(page_key(index)))
            action.triggered.connect(shower(self._pages, index))
            menu.addAction(action)
        menu.addSeparator()
        back = self._add(menu, "back", "&Back to where I was", history.back)
        back.setEnabled(False)
        history.changed.connect(back.setEnabled)
        self._add(menu, "commands", "Co&mmands…", self._show_commands)
        dock = self._add(menu, "dock", "Show &computations", jobs.set_expanded)
        dock.setCheckable(True)
        dock.setChecked(jobs.expanded)
        jobs.expanded_changed.connect(dock.setChecked)
        self._add(menu, "messages", "M&essages…", self._own.show_messages)
        present = self._add(menu, "present", "&Presenter mode", self._own.present)
        present.setCheckable(True)
        present.setToolTip("The whole screen, and larger texts")
        self.pins = menu.addMenu("C&harts")
        self.pins.aboutToShow.connect(self._fill_pins)
        self._build_theme(menu.addMenu("Co&lours"))

    def _build_theme(self, menu: QMenu) -> None:
        names = {
            "system": "As the system",
            "light": "Light",
            "dark": "Dark",
        }
        group = QActionGroup(self)
        for mode in theme.MODES:
            action = group.addAction(menu.addAction(names[mode]))
            action.setCheckable(True)
            action.setData(mode)
            action.setChecked(mode == theme.mode())
            self.actions[f"colours {mode}"] = action
        group.triggered.connect(self._set_theme)

    def _build_help(self) -> None:
        menu = self._window.menuBar().addMenu("&Help")
        self._add(menu, "tour", "Guided &tour", self.tour_asked.emit)
        self._add(menu, "glossary", "&Glossary", self._show_glossary)
        self._add(menu, "shortcuts", "Keyboard &shortcuts", self._show_shortcuts)
        self._add(menu, "log", "Open &log folder", self._open_log)
        self._add(menu, "about", "&About Isthmus", self._show_about)

    def _add(self, menu: QMenu, name: str, text: str, slot: Callable[..., object]) -> QAction:
        action = QAction(text, self)
        if name in KEYS:
            action.setShortcut(QKeySequence(KEYS[name]))
        action.triggered.connect(slot)
        menu.addAction(action)
        self.actions[name] = action
        return action

    def shortcut_list(self) -> list[tuple[str, str]]:
        """Return shortcuts and their descriptions, for the shortcuts dialog."""
        native = QKeySequence.SequenceFormat.NativeText
        found = [
            (action.shortcut().toString(native), action.text().replace("&", "").rstrip("…"))
            for action in self.findChildren(QAction)
            if not action.shortcut().isEmpty()
        ]
        return [*found, *parts()]

    # -------------------------------------------------------------------------------------- slots

    @Slot()
    def _fill_recent(self) -> None:
        self.recent.clear()
        importer = self._workspace.importer
        for path in settings.recent_studies():
            action = self.recent.addAction(plain_action(path.stem))
            action.setToolTip(plain_tip(str(path)))
            action.triggered.connect(Slot()(lambda _=False, path=path: importer.open_study(path)))
        if self.recent.isEmpty():
            self.recent.addAction("None yet").setEnabled(False)

    @Slot()
    def _fill_export(self) -> None:
        """List what the present page can export; unnamed pictures are listed as "Picture"."""
        self.export.clear()
        for button in self._pages.export_buttons():
            name = button.property("exports") or "Picture"
            self.export.addAction(plain_action(str(name)), button.click)
        if self.export.isEmpty():
            self.export.addAction("Nothing on this page").setEnabled(False)

    @Slot()
    def _fill_pins(self) -> None:
        """Offer to pin each chart of the present page, or to unpin it."""
        self.pins.clear()
        for chart, host in self._pages.charts():
            name = getattr(chart, "title", "") or chart.property("chart")
            pinned = host.is_pinned(chart)
            act = partial(host.pin, chart, not pinned)
            self.pins.addAction(plain_action(f"{'Unpin' if pinned else 'Pin'} {name}"), act)
        if self.pins.isEmpty():
            self.pins.addAction("No chart on this page").setEnabled(False)

    @Slot(QAction)
    def _set_theme(self, action: QAction) -> None:
        mode = action.data()
        app = QApplication.instance()
        if isinstance(app, QApplication):
            theme.apply(app, mode)
            settings.set_theme_mode(mode)

    @Slot()
    def _show_settings(self) -> None:
        from gui.shell.settings_dialog import (
            SettingsDialog,  # imported late, to start faster
        )

        dialog = SettingsDialog(self._window)
        dialog.tour_asked.connect(self.tour_asked)
        dialog.methods_asked.connect(self.methods_asked)
        dialog.theme_changed.connect(self._check_theme)
        dialog.open()

    @Slot(str)
    def _check_theme(self, mode: str) -> None:
        self.actions[f"colours {mode}"].setChecked(True)

    def commands(self) -> list[Command]:
        """Return what can be done now; what needs no menu to be found stands first: the page's."""
        page, title = self._pages.page(), self._pages.host().place.title
        commands = [*of_page(title, page)] if page is not None else []
        return [*commands, *of_menus(self._window.menuBar())]

    @Slot()
    def _show_commands(self) -> None:
        PaletteDialog(self.commands(), self._window).open()

    @Slot()
    def _show_glossary(self) -> None:
        from gui.shell.glossary import GlossaryDialog

        GlossaryDialog(self._window).show()

    @Slot()
    def _open_log(self) -> None:
        folder = log_folder()
        folder.mkdir(parents=True, exist_ok=True)
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    @Slot()
    def _show_shortcuts(self) -> None:
        ShortcutsDialog(self.shortcut_list(), self._window).show()

    @Slot()
    def _show_about(self) -> None:
        runner = self._workspace.runner
        AboutDialog(device_line(runner.slots, runner.workers), self._window).show()


def device_line(slots: Slots | None, workers: Sequence[str] | None = None) -> str:
    """Return where the open study is computed, and why a GPU that is there is not used; or ""."""
    if slots is None:
        return ""
    if workers is not None:
        return f"{in_words(workers)}; previews on {slots.device}"
    return f"{slots.device}; {slots.unused_gpu}" if slots.unused_gpu else str(slots.device)
