"""The smoke test knows the window by its keys alone; here they meet a window that can be asked."""

from __future__ import annotations

import importlib
from pathlib import Path

from tests.gui.desktop import until
from tests.gui.person import Person, own_desktop


def test_that_tab_leads_where_the_smoke_test_believes(tmp_path: Path) -> None:
    smoke = importlib.import_module("smoke_test")
    with own_desktop(tmp_path) as desktop, Person(desktop) as person:
        until(lambda: person.look("page.demo.isEnabled"), "the first page")
        desktop.keys(*["Tab"] * smoke.TABS_TO_DEMO)
        person.sees("page.demo.hasFocus", True)
        desktop.keys("space")
        until(lambda: desktop.windows("^demo "), "the demo study being open")
        desktop.keys("ctrl+2")
        until(lambda: person.shown() == "Data", "the page Data")
        desktop.drag_folder(smoke.image_folder(tmp_path / "images"), onto=(700, 400))
        person.sees("window.workspace.images.kind", "folder")
        desktop.keys("ctrl+3")
        until(lambda: person.shown() == "Train", "the page Train")
        person.sees("page.obstacle", "")  # the images are there, and what is proposed for them
        desktop.keys(*["Tab"] * smoke.TABS_TO_EPOCHS)
        desktop.write("2")
        person.sees("page.form.epochs.value", 2)
        person.quit()
