import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QWidget

from gui.widgets.forms.side_panel import WIDTH, SidePanel


@pytest.fixture
def shown(qtbot):
    """Return a function that shows a panel with a widget of some width beside another part."""
    windows = []

    def make(least):
        panel, wide = SidePanel(), QWidget()
        wide.setMinimumSize(least, 900)
        panel.add(wide)
        window = QWidget()
        windows.append(window)
        row = QHBoxLayout(window)
        row.addWidget(panel)
        row.addWidget(QWidget(), 1)
        qtbot.addWidget(window)
        window.resize(1000, 500)
        with qtbot.waitExposed(window):
            window.show()
        return panel, wide

    yield make
    windows.clear()


def test_that_a_panel_has_one_width_on_all_pages(shown):
    panel, _ = shown(100)
    assert panel.width() == WIDTH


def test_that_nothing_of_a_wide_row_is_behind_the_scroll_bar(shown, qtbot):
    panel, wide = shown(WIDTH - 10)
    (area,) = panel.findChildren(QScrollArea)

    def ends_in_sight():
        end = wide.mapTo(panel, wide.rect().topRight())
        return end.x() < area.verticalScrollBar().mapTo(panel, QPoint()).x()

    qtbot.waitUntil(lambda: area.verticalScrollBar().isVisible() and ends_in_sight())
    assert WIDTH < panel.width() < WIDTH + 40
