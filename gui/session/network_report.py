"""Writing the report of one network to a file that the user names; a lane of the runner does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QFileDialog, QWidget

from gui.look import settings
from gui.session.importer import documents
from gui.session.state import State

SUFFIX = ".html"


def ask_page(parent: QWidget, name: str) -> Path | None:
    """Let the user name a web page; return None if they cancel."""
    start = Path(settings.last_folder() or documents()) / f"{name}{SUFFIX}"
    chosen, _ = QFileDialog.getSaveFileName(
        parent, "Report of a network", str(start), f"Web page (*{SUFFIX})"
    )
    if not chosen:
        return None
    path = Path(chosen)
    settings.set_last_folder(path.parent)
    known = path.suffix.lower() in (SUFFIX, ".htm")
    return path if known else path.with_name(path.name + SUFFIX)


def report_network(parent: QWidget, state: State, key: str) -> None:
    """Write the report of the network with this key to a file that the user names."""
    study = state.study
    path = None if study is None else ask_page(parent, f"network-{key[:10]}")
    if study is None or path is None:
        return

    def work(control: Any) -> None:
        from engine.figures.network_page.page import write_network

        write_network(study, path, key, check=control.check)

    def done(_: None) -> None:
        state.message.emit(f"Saved {path}", False)

    def failed(text: str) -> None:
        state.message.emit(text, True)

    state.message.emit(f"Writing {path.name}…", False)
    state.runner.ask(f"report {path}", work, done, failed, long=True)
