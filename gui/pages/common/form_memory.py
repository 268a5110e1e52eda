"""Forms remember their settings per study, also after the program ended.

What is remembered lies in the user's settings and not in the study, which may be read-only or come
from a stranger.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, QTimer, Slot

from engine.specs.schema import SpecError
from gui.look import settings

if TYPE_CHECKING:
    from gui.pages.common.page import Page

SAVE_MS = 2000
LONGEST = 100_000  # letters of one form's settings


class FormMemory(QObject):
    """Keeps what a page's form holds, and shows it again when the study is opened again.

    Settings of other images than those that are open are not shown: proposals follow the images.

    Parameters
    ----------
    state
        Returns what to keep, in the types of JSON; None while there is nothing to keep.
    show
        Shows it; raises ValueError, KeyError or TypeError for what is none of the form's.
    """

    def __init__(
        self, page: Page, state: Callable[[], dict[str, Any] | None], show: Callable[[Any], object]
    ):
        super().__init__(page)
        self._workspace, self._name = page.workspace, page.title.lower()
        self._state, self._show = state, show
        self._study = self._workspace.study
        self._restored = ""  # key of the images whose settings were shown, or looked for
        self._timer = QTimer(self, interval=SAVE_MS)
        self._timer.timeout.connect(self.save)
        page.installEventFilter(self)
        self._workspace.study_left.connect(self.save)
        self._workspace.study_changed.connect(self._on_study)
        self._workspace.images_changed.connect(self.restore)
        self.restore()

    @Slot()
    def save(self) -> None:
        """Keep the present settings, once those of before have had their turn."""
        study, images = self._workspace.study, self._workspace.images
        if study is None or images is None or self._restored != images.key:
            return
        found = self._state()
        if found is None:
            return
        text = json.dumps({"images": images.key, "state": found}, sort_keys=True)
        if len(text) <= LONGEST:
            settings.set_form_state(study.path, self._name, text)

    @Slot()
    def restore(self) -> None:
        """Show what was kept for the open study, once its images are there."""
        study, images = self._workspace.study, self._workspace.images
        if study is None or images is None or self._workspace.image_set is None:
            return
        if self._restored == images.key:
            return
        self._restored = images.key
        text = settings.form_state(study.path, self._name)
        try:
            kept = json.loads(text) if text else {}
            if isinstance(kept, dict) and kept.get("images") == images.key:
                self._show(kept["state"])
        except (SpecError, ValueError, KeyError, TypeError):
            settings.set_form_state(study.path, self._name, "")  # of another version, or damaged

    @Slot()
    def _on_study(self) -> None:
        if self._workspace.study is not self._study:
            self._study, self._restored = self._workspace.study, ""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Save while the page is visible, and when it is left."""
        if event.type() == QEvent.Type.Show:
            self._timer.start()
        elif event.type() == QEvent.Type.Hide:
            self._timer.stop()
            self.save()
        return super().eventFilter(watched, event)
