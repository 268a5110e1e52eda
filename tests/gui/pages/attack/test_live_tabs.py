"""The tabs around one image: its plane, and a painted class."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QEventLoop, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip

from engine.specs import PGD, RobustAccuracy
from engine.store.study import Result
from gui.pages.attack.page import AttackPage
from gui.pages.attack.surface_tab import COARSE, FINE
from tests.gui.pointer import move_to
from tests.gui.synthetic_networks import (
    accuracy_result,
    add_network,
    add_record,
    networks,
    open_workspace,
)

KEYS = [spec.key for spec in networks(3)]


def surroundings(spec, options):
    """Return made-up planes: class 1 to the right of half an eps, and a slope of loss."""
    offsets = np.linspace(-options["reach"], options["reach"], options["grid"])
    along, across = np.meshgrid(offsets, offsets)
    steepness = 1 + KEYS.index(spec.classifier.key)
    attacked = (1.0, 0.0) if options["way"] == "attack" else (np.nan, np.nan)
    angles = np.linspace(0, 2 * np.pi, 50)
    return Result(
        {"eps": spec.attack.eps, "loss": 0.0, "label": 0, "predicted": 0},
        {
            "offsets": offsets,
            "loss": steepness * np.maximum(along + 0 * across, 0),
            "classes": np.where(along > 0.5, 1, 0),
            "edge": np.stack([np.cos(angles), np.sin(angles)], 1),
            "attacked": np.array(attacked),
        },
    )


def painted(spec, options):
    """Return made-up frames that grow brighter, and logits that lead to the target."""
    count = options["frames"] + 1
    share = np.linspace(0, 1, count, dtype=np.float32)
    logits = np.zeros((count, 10), np.float32)
    logits[:, spec.attack.target] = 20 * share - 5
    frames = np.broadcast_to(share[:, None, None, None], (count, 1, 28, 28)).copy()
    return Result(
        {"target": spec.attack.target, "probability": 1.0}, {"frames": frames, "logits": logits}
    )


def answer(spec, options):
    return surroundings(spec, options) if "way" in options else painted(spec, options)


@pytest.fixture
def opened(qtbot, tmp_path):
    workspace, answers = open_workspace(tmp_path)
    answers.instead = answer
    page = AttackPage(workspace)
    qtbot.addWidget(page)
    page.resize(1274, 664)  # the page in a window of 1366 x 768
    page.show()
    yield page, workspace, answers
    workspace.runner.shutdown()


def wait(milliseconds):
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def click_tab(qtbot, page, tab):
    bar = page.tabs.tabBar()
    place = bar.tabRect(page.tabs.indexOf(tab)).center()
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=place)
    wait(50)


def surface_tab(qtbot, page):
    tab = page.image_tabs.surface
    click_tab(qtbot, page, tab)
    assert tab.isVisible()
    return tab


def painting_tab(qtbot, page):
    tab = page.image_tabs.painting
    click_tab(qtbot, page, tab)
    assert tab.isVisible()
    return tab


def seen_colours(view):
    """Return the colours at the left and the right of a plane, away from edge and marks."""
    picture = view.grab().toImage()
    scale = picture.devicePixelRatio()
    ends = (view.point_of(-1.8, 1.8), view.point_of(1.8, 1.8))
    return [picture.pixelColor(round(at.x() * scale), round(at.y() * scale)).name() for at in ends]


def test_that_the_choice_of_image_goes_with_the_tab(qtbot, opened):
    page, *_ = opened
    for tab in (page.image_tabs.surface, page.image_tabs.painting, page.one):
        click_tab(qtbot, page, tab)
        assert page.strip.isVisible()
        assert tab.isAncestorOf(page.strip)
        assert page.form.eps.isVisible() == (tab is not page.image_tabs.painting)


@pytest.mark.parametrize("scale", [1.0, 1.25, 1.5, 2.0])
def test_that_planes_are_as_large_as_a_screen_of_1366_x_768_has_room_for(qtbot, opened, scale):
    page, *_ = opened
    tab = surface_tab(qtbot, page)
    qtbot.waitUntil(lambda: tab.regions[0].plane is not None)
    page.resize(*(round(side / scale) for side in (1274, 664)))
    wait(50)
    count = len(tab.networks)
    width, height = tab._room.width() / count, tab._room.height()
    side = min(tab.regions[0].width(), tab.regions[0].height())
    spare = 30  # between the planes, and their heads
    assert side + spare >= max(min(width / 2, height), min(width, height / 2)) - spare
    unlike = tab.losses[0].size() - tab.regions[0].size()
    assert abs(unlike.width()) <= 1
    assert abs(unlike.height()) <= 1
    for view in (*tab.regions[:count], *tab.losses[:count]):
        assert tab._room.rect().contains(view.geometry())


def test_that_nothing_is_asked_for_out_of_sight(qtbot, opened):
    page, _, answers = opened
    assert not any(answers.options)
    surface_tab(qtbot, page)
    click_tab(qtbot, page, page.one)
    count = len(answers.asked)
    page.form.eps.slider.setValue(30)
    assert not any(answers.options[count:])


def test_that_a_coarse_plane_comes_first_and_a_fine_one_stays(qtbot, opened):
    page, _, answers = opened
    tab = surface_tab(qtbot, page)
    grids = [options["grid"] for options in answers.options if options]
    assert grids[:2] == [COARSE, COARSE]
    assert grids[-2:] == [FINE, FINE]
    assert all(len(result.arrays["offsets"]) == FINE for _, result in tab.shown())
    assert [network.key for network, _ in tab.shown()] == [KEYS[0], KEYS[2]]


def test_that_both_networks_have_the_same_colours_and_one_scale(qtbot, opened):
    page, *_ = opened
    tab = surface_tab(qtbot, page)
    first, second = (seen_colours(view) for view in tab.regions[:2])
    assert first == second
    assert first[0] != first[1]
    losses = [seen_colours(view) for view in tab.losses[:2]]
    assert losses[0][0] == losses[1][0]  # no loss to the left, of either
    assert losses[0][1] != losses[1][1]  # the third network's rises more steeply
    assert tab.scale.limit == pytest.approx(6.0)
    assert tab.legend.names[:2] == ["0", "1"]
    assert tab.legend.names[-1] == "attacked"


def test_that_the_edge_of_the_ball_is_drawn_where_it_is(qtbot, opened):
    page, *_ = opened
    view = surface_tab(qtbot, page).regions[0]
    picture = view.grab().toImage()
    scale = picture.devicePixelRatio()

    def at(along, across):
        """Return the darkest of the pixels there: a line is narrow, and has a bright halo."""
        place = view.point_of(along, across)
        x, y = round(place.x() * scale), round(place.y() * scale)
        around = [(x + right, y + down) for right in (-1, 0, 1) for down in (-1, 0, 1)]
        return min(picture.pixelColor(*pixel).lightness() for pixel in around)

    for angle in (0.9, 2.2, 3.1, 4.4):
        on = at(np.cos(angle), np.sin(angle))
        assert on < at(0.8 * np.cos(angle), 0.8 * np.sin(angle)) - 20


def test_that_the_mouse_says_what_is_at_a_point(qtbot, opened):
    page, *_ = opened
    view = surface_tab(qtbot, page).losses[1]
    place = view.point_of(1.0, -0.5).toPoint()
    move_to(view, place)
    assert view.place_at(QPointF(place)) == pytest.approx((1.0, -0.5), abs=0.05)
    event = QHelpEvent(QHelpEvent.Type.ToolTip, place, view.mapToGlobal(place))
    QApplication.sendEvent(view, event)
    assert "loss 3" in QToolTip.text()
    assert view.plane.describe(1.0, -0.5) == "1, loss 3\nalong 1 eps, across -0.47 eps"
    QToolTip.hideText()


def test_that_a_wider_reach_and_the_gradient_are_asked_for(qtbot, opened):
    page, _, answers = opened
    tab = surface_tab(qtbot, page)
    tab.reach.setCurrentIndex(tab.reach.findData(8.0))
    assert answers.options[-1]["reach"] == 8.0
    tab.way.setCurrentIndex(tab.way.findData("gradient"))
    assert answers.options[-1]["way"] == "gradient"
    assert tab.legend.names[-1] == "image"


def test_that_regions_or_losses_can_have_all_the_room(qtbot, opened):
    page, *_ = opened
    tab = surface_tab(qtbot, page)
    wait(20)
    side = tab.regions[0].field().width()
    tab.look.setCurrentIndex(1)
    wait(50)
    assert tab.regions[0].isVisible()
    assert not tab.losses[0].isVisible()
    assert not tab.scale.isVisible()
    assert tab.regions[0].field().width() > side
    assert len(tab.figure()) == 2


def test_that_moving_eps_asks_again_and_classes_keep_their_colours(qtbot, opened):
    page, _, answers = opened
    tab = surface_tab(qtbot, page)
    before = tab._slots
    page.form.eps.slider.setValue(40)
    assert answers.asked[-1].attack.eps == page.form.eps.value
    assert tab._slots == before
    page.strip.choose([3])
    assert answers.asked[-1].indices == (3,)


def test_that_a_failure_stands_in_place_of_the_plane(qtbot, opened):
    page, _, answers = opened
    tab = surface_tab(qtbot, page)
    answers.failure = "the direction is zero"
    page.form.eps.slider.setValue(20)
    assert tab.regions[0].note == "the direction is zero"
    assert tab.regions[0].plane is None
    assert not tab._exports[0].isEnabled()


def test_that_the_tabs_fit_into_a_small_window(qtbot, opened):
    page, *_ = opened
    page.picker.choose_these(KEYS)
    for tab in (surface_tab(qtbot, page), painting_tab(qtbot, page)):
        assert tab.minimumSizeHint().width() <= 640
    assert page.tabs.minimumSizeHint().height() <= 640


def test_that_the_figure_has_charts_of_every_network(qtbot, opened):
    page, *_ = opened
    charts = surface_tab(qtbot, page).figure()
    assert len(charts) == 4
    assert "test image 0" in charts[0].caption
    assert charts[0].regions.values.shape == (FINE, FINE)


# ----------------------------------------------------------------------------------- painting


def test_that_another_class_than_the_image_s_own_is_painted_at_first(qtbot, opened):
    page, _, answers = opened
    tab = painting_tab(qtbot, page)
    attack = answers.asked[-1].attack
    assert isinstance(attack, PGD)
    assert (attack.norm, attack.target, attack.steps) == ("l2", 1, 40)
    assert attack.eps == pytest.approx(0.2 * 28)
    assert attack.step_size == pytest.approx(2.5 * attack.eps / 40)
    assert answers.options[-1] == {"start": "image", "frames": 24}
    assert tab.target.currentText() == "1"


def test_that_the_frames_are_played_to_the_end(qtbot, opened):
    page, *_ = opened
    tab = painting_tab(qtbot, page)
    assert tab._playing.isActive()
    qtbot.waitUntil(lambda: tab.frame.value() > 2, timeout=5000)
    qtbot.waitUntil(lambda: not tab._playing.isActive(), timeout=10_000)
    assert tab.frame.value() == tab.frame.maximum() == 24
    assert tab.words[0].text == "1, 100 %"
    assert tab.when.text() == "step 40 of 40"


def test_that_the_slider_shows_each_frame_of_every_network(qtbot, opened):
    page, *_ = opened
    tab = painting_tab(qtbot, page)
    tab._playing.stop()
    for frame in (0, 12, 24):
        tab.frame.setValue(frame)
        for view in tab.views[:2]:
            assert view.image.pixelColor(3, 3).red() == round(255 * frame / 24)
    qtbot.mouseClick(tab.play, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    assert tab._playing.isActive()
    assert tab.frame.value() == 0
    qtbot.mouseClick(tab.play, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    assert not tab._playing.isActive()


def test_that_class_start_norm_and_radius_are_asked_for(qtbot, opened):
    page, _, answers = opened
    tab = painting_tab(qtbot, page)
    tab.target.setCurrentIndex(7)
    assert answers.asked[-1].attack.target == 7
    tab.start.setCurrentIndex(1)
    assert answers.options[-1]["start"] == "grey"
    tab.norm.setCurrentIndex(1)
    assert answers.asked[-1].attack.norm == "linf"
    assert answers.asked[-1].attack.eps == pytest.approx(0.3)
    tab.eps.setValue(0.5)
    assert answers.asked[-1].attack.eps == pytest.approx(0.5)
    page.strip.choose([4])
    last = [spec for spec in answers.asked if spec.attack.target is not None][-1]
    assert last.indices == (4,)
    assert last.attack.eps == pytest.approx(0.5)  # a typed radius stays
    assert tab.title() == "7 from grey, L-inf 0.5"


def test_that_the_animation_holds_every_frame(qtbot, opened, tmp_path):
    page, workspace, _ = opened
    tab = painting_tab(qtbot, page)
    path = tmp_path / "painted.gif"
    said = []
    workspace.message.connect(lambda text, error: said.append((text, error)))
    tab.save_animation(path)
    assert said[-1] == ("Saved painted.gif.", False)
    with Image.open(path) as opened_file:
        assert opened_file.n_frames == 25
    tab.save_animation(workspace.study.path / "records" / "a.gif")
    assert said[-1][1]
    assert not (workspace.study.path / "records" / "a.gif").exists()


def test_that_the_figure_of_a_painting_has_a_row_a_network(qtbot, opened):
    page, *_ = opened
    figure = painting_tab(qtbot, page).figure()
    assert len(figure.row_titles) == 2
    assert figure.column_titles[0] == "start"
    assert figure.notes[0][-1] == "1, 100 %"


# ------------------------------------------------------------------------- accuracy, all seeds


def add_seeds(workspace, page, offsets):
    """Store other seeds of the first network, each with a curve that lies so much lower."""
    page.form.set_spec(PGD())
    page.tabs.setCurrentWidget(page.curves)
    first = networks(3)[0]
    for seed, _ in enumerate(offsets[1:], start=1):
        add_network(workspace, replace(first, seed=seed))
    page.picker.choose_only(first.key)
    measured = {spec.classifier.seed: spec for spec in page.curves.specs()}
    for seed, lower in enumerate(offsets):
        result = accuracy_result(measured[seed])
        result.arrays["accuracy"] = result.arrays["accuracy"] - lower
        add_record(workspace, measured[seed], result)
    return measured


def test_that_seeds_are_one_line_with_a_band(opened):
    page, workspace, _ = opened
    measured = add_seeds(workspace, page, (0.0, 0.02, 0.04))
    assert all(isinstance(spec.metric, RobustAccuracy) for spec in measured.values())
    (series,) = page.curves.plot.data().series
    assert series.name == "Standard: mean of 3 seeds, 95 % t-interval"
    assert series.y[0] == pytest.approx(100 * (0.98 - 0.02))
    half = 4.302653 * 2.0 / np.sqrt(3)
    assert series.low[0] == pytest.approx(96 - half, rel=1e-5)
    assert series.high[0] == pytest.approx(min(100, 96 + half), rel=1e-5)
    assert "over seeds as the legend says" in page.curves.note.text()
    page.grab()


def test_that_two_seeds_have_their_range_and_one_its_interval_over_images(opened):
    page, workspace, _ = opened
    add_seeds(workspace, page, (0.0, 0.06))
    (series,) = page.curves.plot.data().series
    assert series.name == "Standard: mean of 2 seeds, range"
    assert (series.low[0], series.high[0]) == (pytest.approx(92), pytest.approx(98))
    page.curves.seeds.setChecked(False)
    (series,) = page.curves.plot.data().series
    assert series.name == "Standard, seed 0"
    assert series.low[0] == pytest.approx(93)
    assert "as the legend says" not in page.curves.note.text()
    assert len(page.curves.specs()) == 1


def test_that_a_hand_picked_pair_of_seeds_is_one_line_too(opened):
    page, workspace, _ = opened
    measured = add_seeds(workspace, page, (0.0, 0.06))
    page.picker.choose_these([spec.classifier.key for spec in measured.values()])
    assert len(page.curves.plot.data().series) == 1
    page.curves.seeds.setChecked(False)
    assert len(page.curves.plot.data().series) == 2
