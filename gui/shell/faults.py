"""Handling of uncaught exceptions: they are logged and shown in the window."""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

from platformdirs import user_log_path
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from engine.texts import harmless
from gui.pages.common.page import Page

LOG = logging.getLogger("isthmus")
MAX_BYTES = 1 << 20


class Faults(QObject):
    """Receives every uncaught exception, from any thread.

    Signals
    -------
    found
        Takes one sentence, the traceback, and the :class:`Page` it happened on, or None. Without a
        page, an exception is signalled only once per type and place in the code.
    """

    found = Signal(str, str, object)

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self._told: set[tuple[str, str, int]] = set()

    def install(self) -> None:
        """Replace Python's own exception hooks."""
        sys.excepthook = self.take
        threading.excepthook = self._take_from_thread

    def uninstall(self) -> None:
        """Restore Python's own exception hooks."""
        sys.excepthook = sys.__excepthook__
        threading.excepthook = threading.__excepthook__

    def take(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Log an exception and emit ``found``."""
        details = "".join(traceback.format_exception(kind, error, trace))
        LOG.error("%s", details)
        if sys.stderr is not None:
            sys.stderr.write(harmless(details))
        place = _place(kind, trace)
        page = page_of(trace)
        if page is not None or place not in self._told:
            self._told.add(place)
            self.found.emit(f"{kind.__name__}: {error}", details, page)

    def _take_from_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self.take(args.exc_type, args.exc_value, args.exc_traceback)


def page_of(trace: TracebackType | None) -> Page | None:
    """Return the page whose own or whose widgets' methods are in a traceback, or None."""
    while trace is not None:
        owner = trace.tb_frame.f_locals.get("self")
        while isinstance(owner, QWidget):
            if isinstance(owner, Page):
                return owner
            owner = owner.parentWidget()
        trace = trace.tb_next
    return None


def log_folder() -> Path:
    """Return the folder of the log file."""
    chosen = os.environ.get("ISTHMUS_CONFIG")
    return Path(chosen) / "log" if chosen else user_log_path("isthmus", appauthor=False)


def open_log() -> None:
    """Log errors, and crashes of native libraries, to files if these can be opened."""
    try:
        log_folder().mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            log_folder() / "isthmus.log", maxBytes=MAX_BYTES, backupCount=2, encoding="utf-8"
        )
        crashes = open(log_folder() / "crash.log", "a", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        LOG.warning("no log file: %s", error)
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    faulthandler.enable(crashes)  # keeps the file open until the program ends


def _place(kind: type[BaseException], trace: TracebackType | None) -> tuple[str, str, int]:
    frames = traceback.extract_tb(trace)
    last = frames[-1] if frames else None
    return (kind.__name__, last.filename, last.lineno or 0) if last else (kind.__name__, "", 0)
