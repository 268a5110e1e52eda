"""The settings dialog: what it stores, from when it counts, and how all of it is set back."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QFileDialog, QStyle

from engine import memory
from engine.attribution.colormaps import COLORMAPS
from gui import app
from gui.look import settings, theme
from gui.session.workspace import Workspace
from gui.shell.settings_dialog import SettingsDialog


@pytest.fixture(autouse=True)
def own_share(monkeypatch):
    """Let the dialog set the environment's share for this test only."""
    monkeypatch.setenv(memory.SHARE, str(memory.DEFAULT_PERCENT))


@pytest.fixture
def dialog(qtbot):
    found = SettingsDialog()
    qtbot.addWidget(found)
    yield found
    theme.apply(QApplication.instance(), "light")


def choose(combo, data):
    combo.setCurrentIndex(combo.findData(data))


def reopened(qtbot):
    found = SettingsDialog()
    qtbot.addWidget(found)
    return found


def test_that_every_choice_is_remembered(qtbot, dialog):
    choose(dialog.theme, "dark")
    choose(dialog.scale, 150)
    choose(dialog.device, "cpu")
    choose(dialog.colormap, "purple_green")
    choose(dialog.eps, "unit")
    choose(dialog.share, 50)
    dialog.notify.setChecked(False)
    again = reopened(qtbot)
    chosen = (again.theme, again.scale, again.device, again.colormap, again.eps, again.share)
    values = [combo.currentData() for combo in chosen]
    assert values == ["dark", 150, "cpu", "purple_green", "unit", 50]
    assert not again.notify.isChecked()
    assert not settings.flag("notify", True)


def test_that_the_share_of_memory_counts_from_the_next_reading_on(dialog):
    choose(dialog.share, 10)
    assert memory.image_percent() == 10
    assert "from now on" in dialog.later.text()
    dialog.reset.click()
    assert memory.image_percent() == memory.DEFAULT_PERCENT == dialog.share.currentData()


def test_that_colours_change_at_once_and_are_said(qtbot, dialog):
    choose(dialog.theme, "light")
    with qtbot.waitSignal(dialog.theme_changed, timeout=1000) as said:
        choose(dialog.theme, "dark")
    assert said.args == ["dark"]
    assert theme.is_dark()


def test_that_what_counts_later_says_so(dialog):
    assert dialog.later.isHidden()
    choose(dialog.scale, 125)
    assert "next time" in dialog.later.text()
    choose(dialog.device, "cpu")
    assert "from now on" in dialog.later.text()


def test_that_every_colour_map_can_be_chosen(dialog):
    names = [dialog.colormap.itemData(row) for row in range(dialog.colormap.count())]
    assert names == list(COLORMAPS)


def test_that_the_folder_of_new_studies_can_be_chosen(dialog, tmp_path, monkeypatch):
    monkeypatch.undo()  # the tests' own folder stands in for the user's choice else
    monkeypatch.setenv("ISTHMUS_CONFIG", str(tmp_path / "config"))
    usual = settings.documents()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "here"))
    dialog.choose.click()
    assert settings.documents() == tmp_path / "here"
    assert Path(dialog.folder.text()) == tmp_path / "here"
    dialog.reset.click()
    assert settings.documents() == usual


def test_that_setting_back_leaves_recent_studies(qtbot, dialog, tmp_path):
    settings.add_recent(tmp_path / "a.isthmus")
    choose(dialog.theme, "dark")
    choose(dialog.device, "cpu")
    dialog.notify.setChecked(False)
    dialog.reset.click()
    assert settings.theme_mode() == "system"
    assert settings.device() == "auto"
    assert settings.flag("notify", True)
    assert dialog.notify.isChecked()
    assert dialog.device.currentData() == "auto"
    assert settings.recent_studies() == [(tmp_path / "a.isthmus").resolve()]


def test_that_the_tour_can_be_asked_for(qtbot, dialog):
    with qtbot.waitSignal(dialog.tour_asked, timeout=1000):
        dialog.tour.click()


@pytest.mark.parametrize(
    ("before", "percent", "after"),
    [({}, 150, "1.5"), ({}, 100, None), ({"QT_SCALE_FACTOR": "3"}, 150, "3")],
)
def test_that_the_size_reaches_qt_at_the_start(before, percent, after):
    app.enlarge(before, percent)
    assert before.get("QT_SCALE_FACTOR") == after


def test_that_a_size_nobody_offers_is_not_taken():
    settings.set_number("scale", 900)
    assert settings.scale() == 100


def test_that_a_study_is_opened_on_the_chosen_device(tmp_path, monkeypatch):
    workspace, opened = Workspace(), []
    monkeypatch.setattr(
        workspace.runner, "open", lambda study, *chosen, workers: opened.append((*chosen, workers))
    )
    settings.set_text("device", "cpu")
    settings.set_number("threads", 3)
    assert workspace.open_study(tmp_path / "a.isthmus", create=True)
    assert opened == [("cpu", None, 3, None)]


def test_that_jobs_and_threads_are_chosen_and_set_back():
    dialog = SettingsDialog()
    assert (settings.cores("jobs"), settings.cores("threads")) == (None, None)
    dialog.jobs.setCurrentIndex(dialog.jobs.findData(2))
    dialog.threads.setCurrentIndex(dialog.threads.findData(1))
    assert (settings.cores("jobs"), settings.cores("threads")) == (2, 1)
    dialog.reset.click()
    assert (settings.cores("jobs"), settings.cores("threads")) == (None, None)


def choices(dialog):
    return [dialog.device.itemData(place) for place in range(dialog.device.count())]


@pytest.mark.parametrize(
    ("system", "kinds"),
    [("linux", ["auto", "cpu", "cuda", "xpu"]), ("darwin", ["auto", "cpu", "mps"])],
)
def test_that_the_menu_has_the_devices_of_the_system_and_the_one_that_is_set(
    system, kinds, monkeypatch, qtbot
):
    monkeypatch.setattr("sys.platform", system)
    assert choices(reopened(qtbot)) == kinds
    settings.set_text("device", "mps" if system == "linux" else "cuda")
    dialog = reopened(qtbot)
    assert set(choices(dialog)) > set(kinds)
    assert dialog.device.currentData() == settings.device()
    settings.set_text("device", "auto")


def test_that_a_gpu_that_cannot_be_used_is_said_once_and_in_the_about_box(
    tmp_path, monkeypatch, qtbot
):
    from engine.plan import slots
    from gui.shell.about import AboutDialog, versions
    from gui.shell.menus import device_line

    reason = "the GPU's driver is too old for CUDA 13.0; update the driver"
    monkeypatch.setattr(slots, "automatic", lambda: ("cpu", reason))
    settings.set_text("device", "auto")
    workspace, said = Workspace(), []
    workspace.message.connect(lambda text, error: said.append((text, error)))
    for name in ("a", "b"):
        assert workspace.open_study(tmp_path / f"{name}.isthmus", create=True)
    errors = [text for text, error in said if error]
    assert errors == [f"Computing on the processor: {reason}"]
    line = device_line(workspace.runner.slots)
    assert line == f"cpu; {reason}"
    assert f"device cpu; {reason}" in versions(line)
    qtbot.addWidget(AboutDialog(line))
    assert workspace.runner.shutdown()


def test_that_a_device_that_is_gone_is_said_and_done_without(tmp_path, monkeypatch):
    from engine.specs.schema import SpecError

    workspace, opened, said = Workspace(), [], []
    workspace.message.connect(lambda text, error: said.append(text) if error else None)

    def open_on(study, device="auto", *cores, workers=None):
        opened.append(device)
        if device == "cuda":
            raise SpecError("device is 'cuda', but there is none")

    monkeypatch.setattr(workspace.runner, "open", open_on)
    settings.set_text("device", "cuda")
    assert workspace.open_study(tmp_path / "a.isthmus", create=True)
    assert opened == ["cuda", "auto"]
    assert said == ["device is 'cuda', but there is none"]


def test_that_its_buttons_have_no_icons_of_the_desktop(qtbot):
    dialog = SettingsDialog()
    qtbot.addWidget(dialog)
    (box,) = dialog.findChildren(QDialogButtonBox)
    for button in box.buttons():
        button.setIcon(dialog.style().standardIcon(QStyle.StandardPixmap.SP_DialogCloseButton))
    dialog.show()
    assert all(button.icon().isNull() for button in box.buttons())
