"""Texts of a file of methods stand in forms and tables letter by letter."""

import pytest
from PySide6.QtWidgets import QComboBox

from engine.cli.templates import TEMPLATES
from engine.plugins import forget, load, loaded
from gui.pages import PAGES
from gui.shell.main_window import MainWindow
from tests.gui.shell.test_hostile_texts import MARK, check_widget, everything, texts_of, tips_of

TEXT = f"&{MARK} <b>fat</b> <img src='/nowhere'> && %n \\u202e \\x1b[31m"


@pytest.fixture
def window(qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_CONFIG", str(tmp_path / "config"))
    path = tmp_path / "mine.py"
    text = TEMPLATES["attribution"]
    for ours in ("Blurred gradient", "Gradient of the explained quantity", "Side of the square"):
        assert ours in text
        text = text.replace(ours, TEXT)
    path.write_text(text)
    load(path)
    found = MainWindow(PAGES)
    qtbot.addWidget(found)
    found.workspace.runner.loaded = True
    found.show()
    qtbot.waitExposed(found)
    for host in found.pages.hosts:
        host.build()
    yield found
    found._closing = True
    for plugin in loaded():
        forget(plugin)


def test_that_the_texts_of_a_method_are_not_taken_for_anything_else(window, qtbot):
    seen = 0
    for index in range(len(PAGES)):
        window.pages.show_index(index)
        window.grab()
        for box in window.findChildren(QComboBox):
            place = next((n for n in range(box.count()) if MARK in box.itemText(n)), None)
            if place is not None:
                box.setCurrentIndex(place)
        for widget in everything():
            check_widget(widget, TEXT)
            shown = [text for _, text, _ in texts_of(widget)]
            seen += any(MARK in text for text in (*shown, *tips_of(widget)))
    assert seen > 3, "the texts are not shown at all"
