"""The line at the bottom says the device, the memory, and how fast images are worked through."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from engine.jobs.events import Ended, Progress
from engine.specs import Glyphs, SmallCNN, Training
from gui.session.files import underway
from gui.session.workspace import Workspace
from gui.shell.memory import gpu_bytes, resident_bytes, size_text
from gui.shell.menus import device_line
from gui.shell.status_line import StatusLine
from gui.shell.throughput import WINDOW_SECONDS, Throughput

TRAINING = Training(images=Glyphs(train=1000, test=50), network=SmallCNN())


class Clock:
    def __init__(self):
        self.seconds = 50.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def rates(clock):
    return Throughput({"a": 1000, "b": 500}.get, clock)


def test_that_epochs_count_as_their_images(rates, clock):
    for step in range(5):
        rates.take(Progress("a", step / 4, 6, "epochs"))
        clock.seconds += 0.5
    assert rates.rate() == pytest.approx(1000 / 2.5)


def test_that_two_that_run_add_up(rates, clock):
    for step in range(5):
        rates.take(Progress("a", step, 9, "epochs"))
        rates.take(Progress("b", step, 9, "epochs"))
        clock.seconds += 1
    assert rates.rate() == pytest.approx((4 * 1000 + 4 * 500) / 5)


def test_that_what_was_done_before_a_resumed_run_does_not_count(rates, clock):
    rates.take(Progress("a", 5, 6, "epochs"))
    clock.seconds += 1
    rates.take(Progress("a", 5.5, 6, "epochs"))
    assert rates.rate() == pytest.approx(500)


def test_that_a_new_phase_begins_at_its_own_count(rates, clock):
    rates.take(Progress("a", 900, 1000, "images"))
    clock.seconds += 1
    rates.take(Progress("a", 0.5, 6, "epochs"))
    clock.seconds += 1
    rates.take(Progress("a", 1.0, 6, "epochs"))
    assert rates.rate() == pytest.approx(500 / 2)


def test_that_the_past_is_forgotten_and_others_count_nothing(rates, clock):
    rates.take(Progress("a", 0, 6, "epochs"))
    clock.seconds += 1
    rates.take(Progress("a", 1, 6, "epochs"))
    rates.take(Progress("a", 4, 5, "radii"))
    rates.take(Ended("a", "finished"))
    assert rates.rate() > 0
    clock.seconds += WINDOW_SECONDS + 2
    assert rates.rate() == 0


@pytest.mark.skipif(sys.platform not in ("linux", "darwin", "win32"), reason="no way to read it")
def test_that_the_memory_is_what_the_process_holds():
    before = resident_bytes()
    held = np.ones(400_000_000, np.uint8)  # beside which little is what earlier tests give back
    grown = resident_bytes() - before
    assert before > 10_000_000
    assert 250_000_000 < grown < 600_000_000
    assert held.sum() == 400_000_000


def test_that_without_a_gpu_none_of_its_memory_is_held(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert gpu_bytes() == 0


def test_that_sizes_are_said_as_a_person_reads_them():
    assert (size_text(840_300_000), size_text(1_234_000_000)) == ("840 MB", "1.2 GB")


@pytest.fixture
def line(qtbot, tmp_path):
    workspace = Workspace()
    assert workspace.open_study(tmp_path / "s.isthmus", create=True)
    found = StatusLine(workspace)
    qtbot.addWidget(found)
    found.refresh()
    yield found
    workspace.runner.shutdown()


def test_that_the_line_says_device_slots_and_memory(line):
    parts = line.device.text().split(" · ")
    assert parts[0] in ("CPU", "GPU")
    assert parts[1].endswith(" at once")
    assert parts[2].endswith(("MB", "GB"))
    assert "images/s" not in line.device.text()


@pytest.mark.parametrize(
    ("devices", "words"),
    [
        ([], "No workers yet"),
        (["CPU"], "1 worker on CPU · 3 at once"),
        (["CPU"] * 4, "4 workers on CPU · 3 at once"),
        (["NVIDIA H200 (0)", "NVIDIA H200 (1)"], "2 workers on GPU · 3 at once"),
        (["CPU", "NVIDIA H200 (0)"], "2 workers on CPU and GPU · 3 at once"),
    ],
)
def test_that_the_line_says_the_workers_where_they_compute(line, monkeypatch, devices, words):
    runner = line._workspace.runner
    runner.on_workers = True
    runner._scheduler.devices = devices
    runner._scheduler.slots = replace(runner.slots, count=3)
    line.refresh()
    assert line.device.text().startswith(f"{words} · ")
    assert line.device.text().count("at once") == bool(devices)
    assert "orkers" in line.device.toolTip()
    about = device_line(runner.slots, runner.workers)
    first = words.partition(" · ")[0]
    assert about.lower() == f"{first}; previews on {runner.slots.device}".lower()


def test_that_the_line_says_how_fast_images_are_worked_through(line, clock, monkeypatch):
    workspace = line._workspace
    monkeypatch.setattr(workspace.runner, "spec", {TRAINING.key: TRAINING}.get)
    line.throughput._clock = clock
    for step in range(5):
        workspace.engine_event.emit(Progress(TRAINING.key, step, 9, "epochs"))
        clock.seconds += 1
    line.refresh()
    assert line.device.text().endswith("800 images/s")
    assert "Training images a second" in line.device.toolTip()


def test_that_what_is_under_way_is_named_letter_by_letter(qtbot, monkeypatch):
    monkeypatch.setattr(underway, "SHOWN_MS", 1)
    workspace = Workspace()
    line = StatusLine(workspace)
    qtbot.addWidget(line)
    line.show()
    assert not line.underway.isVisible()
    workspace.underway.begin("a", "Copying the study to <b>R&D</b>.h5")
    qtbot.waitUntil(line.underway.isVisible, timeout=10_000)
    assert line.underway.text() == "Copying the study to <b>R&&D</b>.h5 ✕"
    assert "<b>" not in line.underway.toolTip()
    workspace.underway.begin("b", "Reading " + "x" * 1000)
    qtbot.waitUntil(lambda: "and 1 more" in line.underway.text(), timeout=10_000)
    assert len(line.underway.text()) < 60
    workspace.underway.end("b")
    workspace.underway.end("a")
    assert not line.underway.isVisible()
    workspace.runner.shutdown()
