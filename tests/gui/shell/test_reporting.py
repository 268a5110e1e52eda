"""Reports and exported pages: named by the user, drawn on a lane, told in a sentence."""

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QInputDialog

from engine.figures import report_page
from gui.pages import TRADEOFF, WELCOME
from gui.shell import reporting
from gui.shell.main_window import MainWindow
from tests import made_up_study as made_up

WAIT_MS = 60_000


@pytest.fixture
def window(qtbot, tmp_path):
    study = made_up.sweep(tmp_path, eps=(0.02, 0.04, 0.06), norms=("linf",))
    found = MainWindow()
    qtbot.addWidget(found)
    found.workspace.runner.loaded = True
    found.said = []
    found.workspace.message.connect(lambda text, error: found.said.append((text, error)))
    found.show()
    qtbot.waitExposed(found)
    assert found.workspace.open_study(study.path)
    yield found
    found._closing = True


@pytest.fixture
def chosen(monkeypatch, tmp_path):
    """Answer the file dialog; return the answer and what was proposed."""
    answer = {"path": str(tmp_path / "out.pdf")}

    def ask(parent, title, start, kinds):
        answer["start"] = start
        return answer["path"], ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    return answer


def written(window):
    return [text for text, error in window.said if text.startswith("Saved")]


def test_that_the_menu_writes_a_report_of_the_study(window, chosen, qtbot, tmp_path):
    chosen["path"] = str(tmp_path / "out")
    window.menus.actions["report"].trigger()
    assert window.said[-1] == ("Writing out.pdf…", False)
    assert not (tmp_path / "out.pdf").exists()  # nothing was waited for
    qtbot.waitUntil(lambda: bool(written(window)), timeout=WAIT_MS)
    assert (tmp_path / "out.pdf").read_bytes().startswith(b"%PDF")
    assert chosen["start"].endswith("sweep-report.pdf")


def test_that_the_menu_copies_a_methods_section_with_its_references(window, qtbot):
    window.menus.actions["copy_methods"].trigger()
    qtbot.waitUntil(
        lambda: any("methods section" in text for text, _ in window.said), timeout=WAIT_MS
    )
    copied = QGuiApplication.clipboard().text()
    assert "\\cite{madry2018towards" in copied
    assert "@inproceedings{madry2018towards," in copied


def test_that_the_menu_writes_a_report_of_the_network_that_is_chosen(
    window, chosen, qtbot, tmp_path, monkeypatch
):
    chosen["path"] = str(tmp_path / "out")
    offered = []

    def pick(parent, title, label, names, current, editable):
        offered.extend(names)
        return names[1], True

    monkeypatch.setattr(QInputDialog, "getItem", pick)
    window.menus.actions["report_network"].trigger()
    assert window.said[-1] == ("Writing out.html…", False)
    qtbot.waitUntil(lambda: bool(written(window)), timeout=WAIT_MS)
    entry, _ = window.workspace.classifiers()[1]
    assert offered[1] == f"2: {entry.title}"
    assert entry.key in (tmp_path / "out.html").read_text(encoding="utf-8")
    assert chosen["start"].endswith(f"network-{entry.key[:10]}.html")


def test_that_no_network_or_no_answer_writes_nothing(window, chosen, monkeypatch, tmp_path):
    monkeypatch.setattr(QInputDialog, "getItem", lambda *_: ("", False))
    window.menus.actions["report_network"].trigger()
    assert "start" not in chosen
    monkeypatch.setattr(window.workspace, "classifiers", list)
    window.menus.actions["report_network"].trigger()
    assert window.said[-1] == ("There is no network to report: train or open one first.", True)


def test_that_a_report_that_fails_is_one_sentence(window, chosen, qtbot, tmp_path):
    chosen["path"] = str(tmp_path / "missing" / "out.pdf")
    window.menus.actions["report"].trigger()
    qtbot.waitUntil(lambda: any(error for _, error in window.said), timeout=WAIT_MS)
    assert "cannot be written" in window.said[-1][0]


def test_that_what_a_page_shows_becomes_one_file(window, chosen, qtbot, tmp_path, monkeypatch):
    texts, write = [], report_page._write
    monkeypatch.setattr(
        report_page,
        "_write",
        lambda p, x, y, t, *r, **o: texts.append(t) or write(p, x, y, t, *r, **o),
    )
    window.pages.show_place(TRADEOFF)
    qtbot.waitUntil(lambda: bool(reporting.pictured(window.pages)), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: bool(window.pages.page().plot.data().series), timeout=WAIT_MS)
    window.menus.actions["export_page"].trigger()
    qtbot.waitUntil(lambda: bool(written(window)), timeout=WAIT_MS)
    assert (tmp_path / "out.pdf").read_bytes().startswith(b"%PDF")
    assert "Trade-off" in texts
    assert "Study: sweep" in texts
    assert any("least-squares" in text for text in texts)


def test_that_a_page_without_pictures_says_so_and_asks_for_nothing(window, chosen):
    window.pages.show_place(WELCOME)
    window.menus.actions["export_page"].trigger()
    assert window.said[-1] == ("There is no picture on this page to export.", True)
    assert "start" not in chosen


def test_that_without_a_study_there_is_nothing_to_report(qtbot, chosen):
    found = MainWindow()
    qtbot.addWidget(found)
    said = []
    found.workspace.message.connect(lambda text, error: said.append(text))
    reporting.report_study(found, found.workspace)
    assert "Open a study first" in said[-1]
    found._closing = True
