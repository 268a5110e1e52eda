"""Forms remember their settings per study, also after the program ended.

What is remembered lies in the user's settings and not in the study, which may be read-only or come
from a stranger.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEvent, QObject, Slot
from PySide6.QtWidgets import QComboBox, QWidget

from gui.look import settings
from gui.pages.common.form_parts import Part, parts_of
from gui.session.workspace import Workspace
from gui.widgets.forms.kinds import kinds
from gui.widgets.timer import timer

SAVE_MS = 2000
LONGEST = 100_000  # letters of one page's settings
# Inputs depend on each other: a norm sets the radius that is proposed for it.
PASSES = 3


class FormMemory(QObject):
    """Keeps what a page's form holds, and shows it again when the study is opened again.

    Settings of other images than those that are open are not shown: proposals follow the images.
    What a list does not offer yet, such as a class before the names of the classes are read, is
    chosen once the list offers it, unless the user has chosen something else meanwhile.

    Parameters
    ----------
    name
        Of the page, by which its settings are kept.
    restored
        Called after the form was filled.
    """

    def __init__(
        self, page: QWidget, workspace: Workspace, name: str, restored: Callable[[], object]
    ):
        super().__init__(page)
        self._page, self._workspace = page, workspace
        self._name, self._on_restored = name, restored
        self._study = self._workspace.study
        self._restored: str | None = None  # key of the images whose settings were looked for
        self._kept: dict[str, Any] = {}
        self._waiting: dict[str, Any] = {}  # what each input held when it could not be shown
        self._watched: set[QComboBox] = set()
        self._timer = timer(self, SAVE_MS)
        self._timer.timeout.connect(self.save)
        self._again = timer(self, 0, once=True)
        self._again.timeout.connect(self._show_waiting)
        page.installEventFilter(self)
        kinds.grown.connect(self._again.start)
        self._workspace.study_left.connect(self.save)
        self._workspace.study_changed.connect(self._on_study)
        self._workspace.images_changed.connect(self.restore)
        self.restore()

    @Slot()
    def save(self) -> None:
        """Keep the present settings, once those of before have had their turn."""
        study, key = self._workspace.study, self._key()
        if study is None or key is None or self._restored != key:
            return
        before = dict(self._kept)
        for name, part in parts_of(self._page).items():
            found = part.read()
            if not self._still_waits(name, part) and found is not None:
                self._kept[name] = found
        if self._kept == before:
            return
        text = json.dumps({"images": key, "state": self._kept}, sort_keys=True)
        if len(text) <= LONGEST:
            settings.set_form_state(study.path, self._name, text, self._workspace.aside)

    @Slot()
    def restore(self) -> None:
        """Show what was kept for the open study, once its images are there."""
        study, key = self._workspace.study, self._key()
        if study is None or key is None or self._restored == key:
            return
        self._restored, self._kept = key, {}
        self._waiting.clear()
        text = settings.form_state(study.path, self._name)
        if not text:
            return
        try:
            kept = json.loads(text)
            found, state = kept["images"], dict(kept["state"])
        except (ValueError, KeyError, TypeError):
            settings.set_form_state(study.path, self._name, "")  # of another version, or damaged
            return
        if found == key:
            self._kept = state
            self._show(dict(state))
            self._on_restored()

    # ------------------------------------------------------------------------------------- private

    def _key(self) -> str | None:
        """Return the key of the open images, "" without any; None while they are loaded."""
        workspace = self._workspace
        if workspace.images is None:
            return ""
        return None if workspace.image_set is None else workspace.images.key

    def _show(self, wanted: dict[str, Any]) -> None:
        """Show values by the names of inputs, and wait with those that cannot be shown yet."""
        parts = {name: part for name, part in parts_of(self._page).items() if name in wanted}
        for _ in range(PASSES):
            differ = [name for name, part in parts.items() if not _holds(part, wanted[name])]
            for name in differ:
                _try(parts[name], wanted[name])
            if not differ:
                break
        for name, part in parts.items():
            self._waiting.pop(name, None)
            if not _holds(part, wanted[name]):
                self._waiting[name] = part.read()
                self._watch(name, part.widget)

    def _watch(self, name: str, widget: QWidget) -> None:
        """Try again once a list has other entries, until the user chooses one of these."""
        if isinstance(widget, QComboBox) and widget not in self._watched:
            self._watched.add(widget)
            widget.model().rowsInserted.connect(self._again.start)
            widget.activated.connect(lambda _: self._waiting.pop(name, None))

    def _still_waits(self, name: str, part: Part) -> bool:
        """Return whether an input waits for its value; one that was changed since does not.

        A list also changes when it is filled anew.
        """
        if name not in self._waiting:
            return False
        found = part.read()
        if isinstance(part.widget, QComboBox) or found is None or found == self._waiting[name]:
            return True
        del self._waiting[name]
        return False

    @Slot()
    def _show_waiting(self) -> None:
        """Try again, as a list has other entries now, or kinds were declared."""
        parts = parts_of(self._page) if self._waiting else {}
        names = [name for name, part in parts.items() if self._still_waits(name, part)]
        self._show({name: self._kept[name] for name in names})

    @Slot()
    def _on_study(self) -> None:
        if self._workspace.study is not self._study:
            self._study, self._restored = self._workspace.study, None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Save while the page is visible, and when it is left."""
        if event.type() == QEvent.Type.Show:
            self._timer.start()
        elif event.type() == QEvent.Type.Hide:
            self._timer.stop()
            self.save()
        return super().eventFilter(watched, event)


def _holds(part: Part, wanted: Any) -> bool:
    found = part.read()
    return bool(found == wanted) and found is not None


def _try(part: Part, wanted: Any) -> None:
    """Show a value; one that is none of the input's waits, as the file that declares it may."""
    try:
        part.show(wanted)
    except (ValueError, KeyError, TypeError):
        return  # the caller sees that the input does not hold it
