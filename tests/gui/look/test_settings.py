"""What the window remembers, and that it remembers it in the folder it is told."""

import pytest
from PySide6.QtCore import QByteArray

from gui.look import icons, settings, theme
from gui.pages import PAGES


def test_that_settings_lie_in_the_folder_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_CONFIG", str(tmp_path / "mine"))
    settings.set_theme_mode("dark")
    assert "dark" in (tmp_path / "mine" / "isthmus.ini").read_text()


def test_that_recent_studies_are_few_and_each_there_once(tmp_path):
    for number in [*range(15), 14]:
        settings.add_recent(tmp_path / str(number))
    found = settings.recent_studies()
    assert found[0] == tmp_path / "14"
    assert len(found) == len(set(found)) == settings.RECENT_LIMIT


@pytest.mark.parametrize("name", ["a, b", "日本語", "100%"])
def test_that_odd_names_survive(tmp_path, name):
    settings.add_recent(tmp_path / name)
    assert settings.recent_studies() == [tmp_path / name]


def test_that_what_was_never_set_has_a_default():
    assert settings.recent_studies() == []
    assert settings.theme_mode() == "system"
    assert settings.last_folder() == ""
    assert settings.window_state("geometry").isEmpty()
    assert settings.flag("dock", True) is True
    assert settings.number("height", 7) == 7


def test_that_values_come_back_as_they_were():
    settings.set_flag("dock", False)
    settings.set_number("height", 120)
    settings.set_window_state("geometry", QByteArray(b"\x00\x01\xff"))
    assert settings.flag("dock", True) is False
    assert settings.number("height", 7) == 120
    assert settings.window_state("geometry").data() == b"\x00\x01\xff"


def test_that_a_damaged_mode_is_the_default():
    settings.set_theme_mode("plaid")
    assert settings.theme_mode() == "system"


@pytest.mark.parametrize("name", [place.icon for place in PAGES])
def test_that_every_page_has_an_icon_that_is_drawn_in_its_colour(qapp, name):
    theme.apply(qapp, "light")
    assert (icons.FOLDER / f"{name}.svg").is_file()
    picture = icons.icon(name, "bad").pixmap(24, 24).toImage()
    drawn = {
        picture.pixelColor(x, y).name()
        for x in range(picture.width())
        for y in range(picture.height())
        if picture.pixelColor(x, y).alpha() == 255
    }
    assert theme.colour("bad").name() in drawn


def test_that_an_icon_without_a_file_is_a_sheet_of_paper(qapp):
    found, sheet = icons.icon("no-such-icon"), icons.icon("page")
    assert found.pixmap(24, 24).toImage() == sheet.pixmap(24, 24).toImage()
