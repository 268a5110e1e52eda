import numpy as np
import pytest
from PySide6.QtCore import Qt

from engine.boundary.lab import Lab, recorded
from engine.figures.drawing import render
from engine.jobs.events import Ended, Queued, Snapshot, Started
from engine.specs import Gaussians2D
from engine.store.study import Result, Study
from engine.tradeoff import published
from gui.pages.boundary.page import BoundaryPage
from gui.pages.boundary.view import TOP, PlaneView, arrows
from gui.session.workspace import Workspace
from tests import made_up_study as made_up
from tests.gui.made_up_workspace import new_study, stored, workspace_on

WAIT_MS = 20_000


def store(study, network, angle=30.0):
    """Store a network of the lab and its boundary."""
    made_up.add(study, network, {"clean_accuracy": 1.0, "robust_accuracy": 0.5})
    return made_up.add(study, recorded(network), {"angle_degrees": angle})


def a_look(angle=30.0, points=300):
    """Return what a look at a network may hold."""
    axis = np.linspace(0, 1, 5, dtype=np.float32)
    spots = np.array([[0.8, 0.5], [0.2, 0.5]], np.float32)
    numbers = {"clean_accuracy": 1.0, "robust_accuracy": 0.75, "test_points": points}
    return Result(
        {"angle_degrees": angle, **numbers},
        {
            "grid_axis": axis,
            "grid_logits": np.stack([axis * np.ones((5, 1)), 0.5 * np.ones((5, 5))], axis=2),
            "normal": np.array([1.0, 0.0], np.float32),
            "points": spots,
            "labels": np.array([0, 1]),
            "attacked_points": spots,
            "adv_points": spots[::-1],
            "zero_line": np.array([[0.5, 0.0, 0.5, 1.0]]),
        },
    )


class Looks:
    """Stands in for the preview lane: notes what is asked, answers when told to."""

    def __init__(self, workspace):
        self.asked = []
        workspace.runner.preview = self.preview

    def preview(self, channel, specs, done, failed, *, compute=None):
        self.asked.append((channel, specs[0], compute.keywords, done, failed))

    def answer(self, result=None):
        asked, self.asked = self.asked, []
        for _, _, _, done, _ in asked:
            done([result or a_look()])

    @property
    def specs(self):
        return [spec for _, spec, *_ in self.asked]


@pytest.fixture
def opened(qtbot):
    """Return a function that shows the page on a study."""

    def make(study):
        workspace, ran = workspace_on(study)
        looks = Looks(workspace)
        page = BoundaryPage(workspace)
        page.resize(1180, 700)
        qtbot.addWidget(page)
        page.show()
        return workspace, ran, looks, page

    return make


@pytest.fixture
def full(tmp_path, opened):
    """Return the page on a study that has the paper's three networks."""
    study = new_study(tmp_path)
    for network, angle in zip(Lab().networks(), (36.0, 10.0, 2.0), strict=True):
        store(study, network, angle)
    return opened(study)


def test_that_the_empty_page_has_one_button_that_queues_the_three_records(tmp_path, opened, qtbot):
    workspace, ran, _, page = opened(new_study(tmp_path))
    workspace.runner.loaded = True
    assert page.stack.currentIndex() == 0
    qtbot.mouseClick(page.empty.lead, Qt.MouseButton.LeftButton)
    assert page.stack.currentIndex() == 1
    assert ran == [recorded(network) for network in Lab().networks()]
    assert page.controls.train.text() == "Stop"


def test_that_without_a_study_the_button_makes_one(opened, qtbot):
    workspace, ran, _, page = opened(None)
    workspace.runner.loaded = True
    made = []
    workspace.importer.create_study = lambda name: made.append(name)
    page.empty.lead.click()
    assert made == ["boundary-lab"]
    assert not ran  # the study could not be made
    assert page.stack.currentIndex() == 0


def test_that_the_button_waits_for_the_engine(tmp_path, opened):
    workspace, ran, _, page = opened(new_study(tmp_path))
    page.empty.lead.click()
    assert not ran
    workspace.runner.loaded = True
    workspace.runner.ready.emit()
    assert len(ran) == 3


def test_that_stored_networks_are_looked_at_and_never_trained_again(full):
    _, ran, looks, page = full
    assert page.stack.currentIndex() == 1
    assert [spec.classifier for spec in looks.specs] == list(Lab().networks())
    assert all(keywords["weights"] is None for _, _, keywords, *_ in looks.asked)
    assert not page.controls.train.isEnabled()
    page.train()
    assert not ran


def test_that_the_points_are_there_before_the_networks_are(tmp_path, opened):
    workspace, _, _, page = opened(new_study(tmp_path))
    workspace.runner.loaded = True
    page.begin()
    assert all(panel.view.filled for panel in page.panels)
    assert all(panel.result is None for panel in page.panels)


def test_that_moving_eps_looks_at_all_networks_anew(full):
    _, _, looks, page = full
    looks.answer()
    page.controls.eps.set_value(0.3)
    assert [spec.attack.eps for spec in looks.specs] == [0.3] * 3
    assert {spec.attack.step_size for spec in looks.specs} == {1.0}
    looks.answer()
    page.controls.steps.setValue(7)
    assert [spec.attack.steps for spec in looks.specs] == [7] * 3
    looks.answer()
    page.controls.norm.setCurrentIndex(1)
    assert {spec.attack.norm for spec in looks.specs} == {"linf"}
    assert {spec.attack.eps for spec in looks.specs} == {0.1}


def test_that_all_points_are_attacked_once_the_slider_rests(full, qtbot):
    _, _, looks, page = full
    assert {keywords["points"] for _, _, keywords, *_ in looks.asked} == {300}
    looks.answer()
    qtbot.waitUntil(lambda: len(looks.asked) == 3, timeout=WAIT_MS)
    assert {keywords["points"] for _, _, keywords, *_ in looks.asked} == {None}
    page.controls.eps.set_value(0.2)  # a full look must not hold up what moves
    assert {keywords["points"] for _, _, keywords, *_ in looks.asked[3:]} == {300}


def test_that_the_numbers_are_those_of_the_look(full):
    _, _, looks, page = full
    looks.answer(a_look(angle=12.34, points=6000))
    panel = page.panels[1]
    assert panel.numbers.text == "tilt 12.3°"
    assert panel.accuracies.text == "clean 100.0 %\nrobust 75.0 % at 0.125, of 6,000"
    assert panel.units.text == "(paper: 0.25)"


def test_that_another_radius_trains_its_network_after_a_moment(full, qtbot):
    _, ran, _, page = full
    page._due.setInterval(0)
    page.panels[2].eps.setValue(0.3)
    assert page.panels[2].numbers.text == "not trained yet"
    qtbot.waitUntil(lambda: bool(ran), timeout=WAIT_MS)
    assert ran == [recorded(Lab((0.125, 0.3)).networks()[2])]


def test_that_a_training_that_is_not_wanted_any_more_is_stopped(full, qtbot):
    workspace, ran, _, page = full
    cancelled = []
    workspace.runner.cancel = cancelled.append
    page.panels[2].eps.setValue(0.3)
    page.train()
    first = ran[0]
    page.panels[2].eps.setValue(0.4)
    page.train()
    assert cancelled == [first.key]


def test_that_a_training_begun_elsewhere_is_left_alone(full):
    workspace, _, _, page = full
    cancelled = []
    workspace.runner.cancel = cancelled.append
    workspace.engine_event.emit(Queued("key of another page", "training", "title"))
    page.panels[2].eps.setValue(0.3)
    page.train()
    assert not cancelled


def test_that_the_boundary_follows_the_training(tmp_path, opened, qtbot):
    workspace, _, looks, page = opened(new_study(tmp_path))
    workspace.runner.loaded = True
    page.begin()
    network = Lab().networks()[1]
    panel = page.panels[1]
    panel._frame.setInterval(0)
    workspace.engine_event.emit(Queued(network.key, "training", ""))
    assert panel.numbers.text == "waits for its training"
    workspace.engine_event.emit(Started(network.key, "training", ""))
    weights = {"weights/0": np.ones(2)}
    workspace.engine_event.emit(Snapshot(network.key, 2.5, weights))
    qtbot.waitUntil(lambda: bool(looks.asked), timeout=WAIT_MS)
    (asked,) = looks.asked
    assert asked[1].classifier == network
    assert asked[2] == {"weights": weights, "points": 300}
    looks.answer(a_look(angle=20.0))
    assert panel.numbers.text == "tilt 20.0°  ·  epoch 2.5 of 10"
    page._draw_tilts()
    cloud = page.tilts._lab[1]
    assert (cloud.x[0], cloud.y[0]) == (0.25, 20.0)


def test_that_a_finished_training_is_looked_at_from_its_record(tmp_path, opened):
    study = new_study(tmp_path)
    workspace, _, looks, page = opened(study)
    workspace.runner.loaded = True
    page.begin()
    network = Lab().networks()[0]
    workspace.engine_event.emit(Snapshot(network.key, 9.9, {}))
    entry = made_up.add(study, network, {"clean_accuracy": 1.0})
    stored(workspace, entry)
    assert looks.asked[-1][2]["weights"] is None
    looks.answer()
    assert page.panels[0].numbers.text == "tilt 30.0°"


def test_that_a_failed_training_says_why(tmp_path, opened):
    workspace, _, _, page = opened(new_study(tmp_path))
    workspace.runner.loaded = True
    page.begin()
    key = Lab().networks()[2].key
    workspace.engine_event.emit(Ended(key, "failed", message="the device is out of memory"))
    assert page.panels[2].numbers.text == "the device is out of memory"


def test_that_stop_cancels_what_the_lab_waits_for(tmp_path, opened):
    workspace, ran, _, page = opened(new_study(tmp_path))
    workspace.runner.loaded = True
    cancelled = []
    workspace.runner.cancel = cancelled.append
    page.begin()
    page.controls.train.click()
    assert cancelled == [spec.key for spec in ran]
    for spec in ran:
        workspace.engine_event.emit(Ended(spec.key, "cancelled"))
    assert page.controls.train.text() == "Train"
    assert page.controls.train.isEnabled()


def test_that_seed_and_epochs_ask_for_other_networks_and_the_paper_s_come_back(full):
    _, ran, _, page = full
    page.controls.seed.setValue(4)
    page.controls.epochs.setValue(3)
    page.train()
    wanted = Lab(seed=4, epochs=3).networks()
    assert ran == [recorded(network) for network in wanted]
    page.panels[1].eps.setValue(0.2)
    page.controls.paper.click()
    assert page.lab() == Lab()
    assert not page.missing()


def test_that_the_chart_shows_the_study_and_the_best_line(tmp_path, opened):
    study = new_study(tmp_path)
    for seed, angle in enumerate((34.0, 36.0, 38.0)):
        store(study, Lab(seed=seed).networks()[0], angle)
    store(study, Lab().networks()[1], 10.0)
    _, _, _, page = opened(study)
    line, known, single, *_, several = page.tilts.plot.data().series
    assert line.y[0] == pytest.approx(76.5, abs=0.1)
    assert list(known.y) == [each.angle_degrees for each in published.BEST_LINEAR]
    assert (list(single.x), list(single.y)) == ([0.25], [10.0])
    assert (several.y[0], several.high[0]) == (36.0, 38.0)


def test_that_the_figure_holds_the_planes_that_are_shown(full):
    _, _, looks, page = full
    assert page.figure() == []
    assert not page._exports[0].isEnabled()
    looks.answer()
    charts = page.figure()
    assert [chart.title.splitlines()[0] for chart in charts] == [
        "Standard",
        "Trained at eps 0.25 in [−1, 1]",
        "Trained at eps 0.5 in [−1, 1]",
    ]
    assert page._exports[0].isEnabled()
    assert render(charts, "pdf")  # in the size that the dialog proposes


def test_that_another_study_clears_the_page(full, tmp_path):
    workspace, _, looks, page = full
    looks.answer()
    workspace.study = Study(tmp_path / "other.isthmus", create=True)
    workspace.study_changed.emit()
    assert page.stack.currentIndex() == 0
    assert page.figure() == []
    assert not len(page.tilts._lab[0].x)


def test_that_points_of_the_plane_do_not_replace_the_user_s_images(tmp_path, qtbot):
    study = new_study(tmp_path)
    made_up.add_images(study)
    made_up.add(study, Gaussians2D(), {"classes": 2})
    workspace = Workspace()
    chosen = []
    workspace.choose_images = chosen.append
    assert workspace.open_study(study.path)
    assert chosen == [made_up.IMAGES]
    assert workspace.runner.shutdown()


def test_that_an_arrow_ends_where_the_attack_does():
    begin, end = np.array([[0.0, 0.0]]), np.array([[1.0, 0.0]])
    pieces = arrows(begin, end, 0.1).reshape(3, 2, 2)
    np.testing.assert_allclose(pieces[0], [[0, 0], [1, 0]])
    np.testing.assert_allclose(pieces[1:, 0], [[1, 0], [1, 0]])
    np.testing.assert_allclose(np.linalg.norm(pieces[1:, 1] - [1, 0], axis=1), 0.1)
    assert (pieces[1:, 1, 0] < 1).all()
    assert pieces[1, 1, 1] == -pieces[2, 1, 1] != 0


def test_that_a_unit_is_as_long_upwards_as_across(qtbot):
    view = PlaneView("plane")
    qtbot.addWidget(view)
    view.show()
    for size in ((420, 300), (420, 160), (240, 500)):
        view.resize(*size)
        box = view._view.getPlotItem().getViewBox()
        qtbot.waitUntil(lambda: view._view.width() <= view.width(), timeout=1000)
        qtbot.wait(20)
        assert box.height() / box.width() == pytest.approx(TOP, abs=0.03)


def test_that_the_lab_really_follows_eps(tmp_path, qtbot):
    """Train a standard network for one epoch, and attack it with two radii."""
    workspace = Workspace()
    assert workspace.open_study(tmp_path / "real.isthmus", create=True)
    page = BoundaryPage(workspace)
    page.controls.epochs.setValue(1)
    page._due.stop()
    page._begun = True
    panel = page.panels[0]
    heard = []
    panel.looked.connect(lambda: heard.append(dict(panel.result.numbers)))
    qtbot.addWidget(page)
    page.show()
    workspace.runner.run([Lab(epochs=1).networks()[0]])
    try:
        qtbot.waitUntil(lambda: panel.state == "stored", timeout=60_000)
        qtbot.waitUntil(lambda: heard[-1:] and heard[-1]["test_points"] == 6000, timeout=60_000)
        before = heard[-1]["robust_accuracy"]
        page.controls.eps.set_value(0.4)
        qtbot.waitUntil(lambda: panel.shown.attack.eps == 0.4, timeout=60_000)
        assert heard[-1]["robust_accuracy"] < before
    finally:
        assert workspace.runner.shutdown()
