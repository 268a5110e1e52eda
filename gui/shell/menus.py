"""The menu bar: every action of the window with its keys, in one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtGui import QAction, QActionGroup, QDesktopServices, QKeySequence
from PySide6.QtWidgets import QApplication, QMenu

from gui.look import settings, theme
from gui.session import file_dialogs
from gui.shell import reporting
from gui.shell.about import AboutDialog, ShortcutsDialog
from gui.shell.faults import log_folder
from gui.shell.tour.tour import Tour

if TYPE_CHECKING:
    from gui.shell.main_window import MainWindow

KEYS = {
    "new_study": "Ctrl+N",
    "open_study": "Ctrl+O",
    "open_folder": "Ctrl+Shift+O",
    "open_files": "Ctrl+I",
    "save_copy": "Ctrl+Shift+S",
    "export_page": "Ctrl+E",
    "report": "Ctrl+Shift+E",
    "quit": "Ctrl+Q",
    "undo": "Ctrl+Z",
    "redo": "Ctrl+Shift+Z",
    "back": "Alt+Left",
    "paste": "Ctrl+V",
    "dock": "Ctrl+J",
    "dismiss": "Escape",
    "shortcuts": "F1",
    "glossary": "Shift+F1",
    "settings": "Ctrl+,",
}


class Menus(QObject):
    """Builds the menu bar of a window and keeps it up to date."""

    def __init__(self, window: MainWindow):
        super().__init__(window)
        self._window = window
        self.actions: dict[str, QAction] = {}
        self._build_file()
        self._build_edit()
        self._build_view()
        self._build_help()
        self.tour = Tour(window)

    # ----------------------------------------------------------------------------------- building

    def _build_file(self) -> None:
        window, importer = self._window, self._window.workspace.importer
        menu = window.menuBar().addMenu("&File")
        self._add(
            menu,
            "new_study",
            "&New study…",
            lambda: file_dialogs.new_study(window, importer),
        )
        self._add(
            menu,
            "open_study",
            "&Open study…",
            lambda: file_dialogs.open_study(window, importer),
        )
        self._add(
            menu,
            "open_folder",
            "Open image &folder…",
            lambda: file_dialogs.open_image_folder(window, importer),
        )
        self._add(
            menu,
            "open_files",
            "Open &images…",
            lambda: file_dialogs.open_image_files(window, importer),
        )
        self.recent = menu.addMenu("Open &recent")
        self.recent.aboutToShow.connect(self._fill_recent)
        self._add(
            menu,
            "save_copy",
            "Save a &copy as one file…",
            lambda: file_dialogs.save_study_copy(window, window.workspace),
        )
        menu.addSeparator()
        self.export = menu.addMenu("&Export picture")
        self.export.aboutToShow.connect(self._fill_export)
        for name, text, work in (
            ("export_page", "Export this pa&ge…", reporting.export_page),
            ("report", "&Report of the study…", reporting.report_study),
        ):
            self._add(menu, name, text, lambda _=False, work=work: work(window))
        menu.addSeparator()
        self._add(menu, "quit", "&Quit", window.close)

    def _build_edit(self) -> None:
        window = self._window
        menu = window.menuBar().addMenu("&Edit")
        stack = window.workspace.edits.stack
        for name, action in (
            ("undo", stack.createUndoAction(self, "&Undo")),
            ("redo", stack.createRedoAction(self, "&Redo")),
        ):
            action.setShortcut(QKeySequence(KEYS[name]))
            menu.addAction(action)
            self.actions[name] = action
        menu.addSeparator()
        self._add(menu, "paste", "&Paste images or files", window.paste)
        self._add(menu, "dismiss", "&Dismiss error", window.messages.dismiss_error)
        menu.addSeparator()
        self._add(menu, "settings", "&Settings…", self._show_settings)

    def _build_view(self) -> None:
        window = self._window
        menu = window.menuBar().addMenu("&View")
        for index, place in enumerate(window.places):
            action = QAction(place.title, self)
            action.setShortcut(QKeySequence(f"Ctrl+{(index + 1) % 10}"))
            action.triggered.connect(_shower(window, index))
            menu.addAction(action)
        menu.addSeparator()
        back = self._add(menu, "back", "&Back to where I was", window.history.back)
        back.setEnabled(False)
        window.history.changed.connect(back.setEnabled)
        dock = self._add(menu, "dock", "Show &computations", window.dock.set_expanded)
        dock.setCheckable(True)
        dock.setChecked(window.dock.expanded)
        window.dock.expanded_changed.connect(dock.setChecked)
        self._build_theme(menu.addMenu("&Colours"))

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
        self._add(menu, "tour", "Guided &tour", lambda: self.tour.start())
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

    # -------------------------------------------------------------------------------------- slots

    @Slot()
    def _fill_recent(self) -> None:
        self.recent.clear()
        importer = self._window.workspace.importer
        for path in settings.recent_studies():
            action = self.recent.addAction(path.stem)
            action.setToolTip(str(path))
            action.triggered.connect(Slot()(lambda _=False, path=path: importer.open_study(path)))
        if self.recent.isEmpty():
            self.recent.addAction("None yet").setEnabled(False)

    @Slot()
    def _fill_export(self) -> None:
        """List what the present page has to export; a picture without a name is just a picture."""
        self.export.clear()
        for button in self._window.export_buttons():
            name = button.property("exports") or "Picture"
            self.export.addAction(str(name), button.click)
        if self.export.isEmpty():
            self.export.addAction("Nothing on this page").setEnabled(False)

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
            SettingsDialog,  # what it draws on need not load at once
        )

        dialog = SettingsDialog(self._window)
        dialog.tour_asked.connect(self.tour.start)
        dialog.theme_changed.connect(self._check_theme)
        dialog.open()

    @Slot(str)
    def _check_theme(self, mode: str) -> None:
        self.actions[f"colours {mode}"].setChecked(True)

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
        ShortcutsDialog(self._window.shortcut_list(), self._window).show()

    @Slot()
    def _show_about(self) -> None:
        room = self._window.workspace.runner.room
        AboutDialog(str(room.device) if room is not None else "", self._window).show()


def _shower(window: MainWindow, index: int) -> Callable[[], None]:
    @Slot()
    def show() -> None:
        window.show_page(index)

    return show
