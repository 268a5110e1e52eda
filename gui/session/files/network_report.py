"""Writing the report of one network to a file that the user names; a lane of the runner does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QWidget

from gui.session.files.figure_files import ask_file
from gui.session.state import State

SUFFIX = ".html"


def ask_page(parent: QWidget, state: State, name: str) -> Path | None:
    """Let the user name a web page; return None if they cancel."""
    kinds = f"Web page (*{SUFFIX})"
    title, endings = "Report of a network", (SUFFIX, ".htm")
    return ask_file(parent, state, title, f"{name}{SUFFIX}", kinds, endings)


def report_network(parent: QWidget, state: State, key: str) -> None:
    """Write the report of the network with this key to a file that the user names."""
    study = state.study
    path = None if study is None else ask_page(parent, state, f"network-{key[:10]}")
    if study is None or path is None:
        return

    def work(control: Any) -> None:
        from engine.figures.network_page.page import write_network

        write_network(study, path, key, check=control.check)

    def done(_: None) -> None:
        state.message.emit(f"Saved {path}", False)

    state.message.emit(f"Writing {path.name}…", False)
    state.underway.ask(f"report {path}", f"Writing {path.name}", work, done)
