"""Exporting the study or the present page as one PDF; a lane of the runner draws it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QInputDialog, QWidget

from engine.figures.charts import MapGridData, Picture, panels_of
from engine.specs.distinguish import networks_apart
from engine.texts import one_line, shortened
from gui.session.files.figure_files import ask_file
from gui.session.files.network_report import report_network
from gui.session.workspace import Workspace
from gui.shell.page_stack import PageStack
from gui.widgets.export.buttons import ExportButton

SUFFIX = ".pdf"
CITE = "methods section"


def ask_pdf(parent: QWidget, workspace: Workspace, title: str, name: str) -> Path | None:
    """Let the user name a PDF; return None if they cancel."""
    return ask_file(parent, workspace, title, f"{name}{SUFFIX}", f"PDF (*{SUFFIX})", (SUFFIX,))


def report_study(parent: QWidget, workspace: Workspace) -> None:
    """Write a report of the open study to a file that the user names."""
    study = workspace.study
    if study is None:
        workspace.message.emit("Open a study first: there is none to report.", True)
        return
    path = ask_pdf(parent, workspace, "Report of the study", f"{study.path.stem}-report")
    if path is None:
        return

    def work(control: Any) -> None:
        from engine.figures.report import write_report

        write_report(study, path, check=control.check)

    _write(workspace, path, work)


def copy_methods(workspace: Workspace) -> None:
    """Put the methods section of the open study and its references on the clipboard, for LaTeX."""
    from engine.citing.paragraph import Methods, methods_of

    study = workspace.study
    if study is None:
        workspace.message.emit("Open a study first: there is none to describe.", True)
        return

    def work(_: Any) -> Methods:
        return methods_of(study, latex=True)

    def done(methods: Methods) -> None:
        QGuiApplication.clipboard().setText(f"{methods.text}\n\n{methods.bibtex()}".strip())
        count = len(methods.references)
        works = f"{count} work{'' if count == 1 else 's'}"
        workspace.message.emit(f"Copied a methods section for LaTeX with {works} in BibTeX.", False)

    def failed(text: str) -> None:
        workspace.message.emit(text, True)

    workspace.runner.ask(CITE, work, done, failed)


def report_a_network(parent: QWidget, workspace: Workspace) -> None:
    """Let the user choose a network of the study, and write its report."""
    pairs = workspace.classifiers()
    if not pairs:
        workspace.message.emit("There is no network to report: train or open one first.", True)
        return
    titles = networks_apart([entry.title for entry, _ in pairs], [spec for _, spec in pairs])
    # Numbered, because two networks may have one title. The last is the newest.
    names = [
        f"{number}: {shortened(one_line(title))}" for number, title in enumerate(titles, start=1)
    ]
    chosen, accepted = names[0], True
    if len(names) > 1:
        chosen, accepted = QInputDialog.getItem(
            parent, "Report of a network", "Network", names, len(names) - 1, False
        )
    if accepted and chosen in names:
        report_network(parent, workspace, pairs[names.index(chosen)][0].key)


def export_page(pages: PageStack, workspace: Workspace) -> None:
    """Write what the present page shows to one PDF that the user names."""
    page = pages.page()
    pictures = [data for data in map(_drawn_by, pictured(pages)) if _shows_something(data)]
    if page is None or not pictures:
        workspace.message.emit("There is no picture on this page to export.", True)
        return
    name = f"{page.title.lower()}-page"
    path = ask_pdf(pages, workspace, "Export this page", name)
    if path is None:
        return
    notes = _about(workspace)

    def work(control: Any) -> None:
        from engine.figures.report import write_pictures

        write_pictures(pictures, page.title, path, notes=notes, check=control.check)

    _write(workspace, path, work)


def pictured(pages: PageStack) -> list[ExportButton]:
    """Return the visible, enabled picture export buttons of the present page."""
    found = [button for button in pages.export_buttons() if isinstance(button, ExportButton)]
    return [button for button in found if button.isEnabled()]


def _drawn_by(button: ExportButton) -> Picture:
    return button.make_data()


def _shows_something(data: Picture) -> bool:
    """Return whether a picture has any series, region or map, that is, is not an empty plot."""
    if isinstance(data, MapGridData):
        return data.columns > 0
    return any(panel.series or panel.regions is not None for panel in panels_of(data))


def _about(workspace: Workspace) -> str:
    """Return what a page's figures are about: the study and its images."""
    study, images = workspace.study, workspace.images
    lines = []
    if study is not None:
        lines.append("Study: {}".format(study.about.get("name") or study.path.stem))
    if images is not None:
        lines.append(f"Images: {images.title}")
    return "\n".join(lines)


def _write(workspace: Workspace, path: Path, work: Callable[[Any], None]) -> None:
    def done(_: None) -> None:
        workspace.message.emit(f"Saved {path}", False)

    workspace.message.emit(f"Writing {path.name}…", False)
    workspace.underway.ask(f"report {path}", f"Writing {path.name}", work, done)
