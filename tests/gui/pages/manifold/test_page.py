import dataclasses
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from engine.data.image_set import ImageSet
from engine.figures.charts import MapGridData
from engine.jobs.events import Ended, Queued, Reconstructions, Scalars, Started
from engine.manifold import panels
from engine.specs import VAEGAN, FolderImages, Glyphs, ManifoldDistance, Measurement, TangentShare
from gui.look.colours import on_paper
from gui.pages import DATA
from gui.pages.manifold.fold import Fold
from gui.pages.manifold.generator import generator_for, papers_generator
from gui.pages.manifold.page import ManifoldPage
from gui.pages.manifold.view import collect, tone_of
from tests import made_up_study as made_up
from tests.gui.made_up_workspace import new_study, stored, workspace_on

PRESETS = Path(__file__).resolve().parents[4] / "resources" / "presets"
GENERATOR = VAEGAN(images=made_up.IMAGES, epochs=3)
COUNT = 40
KNOWN = ("kind", "images")


def images_of(side=28, train=100, channels=1):
    """Return images of which each is brighter than the one before."""
    pixels = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((1, side, side), np.uint8)
    pixels = np.repeat(pixels, channels, axis=1)
    labels = np.arange(10, dtype=np.int64)
    return ImageSet(
        train_images=np.repeat(pixels[:1], train, axis=0),
        train_labels=np.zeros(train, np.int64),
        test_images=pixels,
        test_labels=labels,
        classes=tuple("0123456789"),
    )


def pictures(count=8, value=0.5, side=28):
    return np.full((count, 1, side, side), value, np.float32)


def add_generator(study, spec=GENERATOR, **numbers):
    """Store a generator of three epochs whose reconstructions get brighter by epoch."""
    arrays = {
        "curve/step": np.array([1.0, 2.0, 3.0]),
        "curve/reconstruction": np.array([90.0, 60.0, 50.0]),
        "probes/images": np.zeros((8, 1, 28, 28), np.uint8),
        "probes/reconstructions": np.stack([pictures(value=0.1 * e) for e in (1, 2, 3)]),
        "samples": pictures(64, 0.9),
    }
    return made_up.add(study, spec, numbers, arrays)


def add_distance(study, network=None, shift=0.0, generator=GENERATOR):
    """Store distances that lie between 1 and 2, moved further out."""
    spec = ManifoldDistance(
        generator=generator, classifier=network, baseline=made_up.network() if network else None
    )
    apart = np.linspace(1, 2, COUNT) + shift
    numbers = {"distance_mean": float(apart.mean()), "counted": COUNT, "test_images": COUNT}
    arrays = {"distances": apart, "counted": np.ones(COUNT, bool)}
    return made_up.add(study, spec, numbers, arrays)


def add_share(study, network, generator=GENERATOR, **numbers):
    metric = TangentShare(generator=generator)
    spec = Measurement(classifier=network, metric=metric, test_images=200)
    return made_up.add(study, spec, numbers)


def networks():
    return [made_up.network(), made_up.network("l2", 0.5), made_up.network("l2", 1.0)]


def ordered(study, shifts=(0.6, 0.4, 0.2), explained=0.8):
    """Store the paper's order: the stronger the training, the nearer."""
    add_generator(study, explained=explained)
    add_distance(study)
    for network, shift in zip(networks(), shifts, strict=True):
        add_distance(study, network, shift)


@pytest.fixture
def study(tmp_path):
    study = new_study(tmp_path)
    made_up.add_images(study)
    for spec in networks():
        made_up.add_network(study, spec)
    return study


@pytest.fixture
def opened(qtbot):
    """Return a function that shows the page on a study."""

    def make(study, side=28, images=made_up.IMAGES):
        workspace, ran = workspace_on(study)
        workspace.choose_images(images, images_of(side))
        page = ManifoldPage(workspace)
        page.resize(1180, 700)
        page._due.setInterval(0)
        page._redraw.setInterval(0)
        qtbot.addWidget(page)
        page.show()
        settle(page, qtbot)
        return workspace, page, ran

    return make


def settle(page, qtbot):
    qtbot.waitUntil(
        lambda: not (page._stale or page._due.isActive() or page._redraw.isActive()), timeout=5000
    )


def drawn(page):
    return {item.name: item for item in page.distances.plot.data().series}


def header(page):
    table = page.distances.table
    return [table.horizontalHeaderItem(i).text() for i in range(table.columnCount())]


def row(page, place):
    table = page.distances.table
    return [table.item(place, column).text() for column in range(table.columnCount())]


# ---------------------------------------------------------------------------------------- generator


def test_that_many_images_are_proposed_the_papers_generator_of_their_size():
    assert generator_for(made_up.IMAGES, (1, 28, 28), 60_000) == VAEGAN(images=made_up.IMAGES)
    assert generator_for(made_up.IMAGES, (3, 64, 64), 60_000) is None


@pytest.mark.parametrize(
    ("preset", "shape", "count"),
    [
        ("manifold-glyphs", (1, 28, 28), 6000),
        ("paper-manifold-mnist", (1, 28, 28), 60_000),
        ("paper-manifold-mnist-lite", (1, 28, 28), 6000),
        ("paper-manifold-cifar10", (3, 32, 32), 50_000),
        ("paper-manifold-cifar10-lite", (3, 32, 32), 5000),
    ],
)
def test_that_proposals_are_those_of_the_presets(preset, shape, count):
    written = tomllib.loads((PRESETS / f"{preset}.toml").read_text())["specs"]["generator"]
    folder = FolderImages(name="images", digest="0")
    images = Glyphs(train=6000) if preset == "manifold-glyphs" else folder
    asked = VAEGAN(images=images, **{k: v for k, v in written.items() if k not in KNOWN})
    assert generator_for(images, shape, count) == asked


def test_that_images_of_another_size_have_no_generator_but_a_sentence(study, opened):
    _, page, _ = opened(study, side=64)
    assert "28x28 or 32x32 pixels, these have 64x64" in page.form.own.fault.text()
    assert not page.form.own.train.isEnabled()
    assert page.form.specs() == []
    assert not page.form.measure.isEnabled()


def test_that_other_images_of_the_same_size_keep_what_the_user_chose(study, opened):
    workspace, page, _ = opened(study)
    page.form.own.form.edit_of("latent").show_value(7)
    other = made_up.IMAGES.replace("seed", 3)
    workspace.choose_images(other, images_of())
    assert page.form.vae_gan().latent == 7
    assert page.form.vae_gan().images == other


def test_that_the_papers_values_are_one_click_away(study, opened):
    _, page, _ = opened(study)
    assert page.form.vae_gan().width == 0.25
    page.form.own.papers.click()
    assert page.form.vae_gan() == papers_generator(made_up.IMAGES, (1, 28, 28))


def test_that_the_button_trains_the_generator_of_the_form(study, opened):
    workspace, page, ran = opened(study)
    page.form.own.form.edit_of("epochs").show_value(4)
    page.form.own.train.click()
    assert ran == [page.form.vae_gan()]
    assert ran[0].epochs == 4
    workspace.engine_event.emit(Queued(ran[0].key, "vae_gan", "G"))
    workspace.engine_event.emit(Started(ran[0].key, "vae_gan", "G"))
    assert not page.form.own.train.isEnabled()


def test_that_a_stored_generator_is_not_trained_again_and_folds_the_form(study, opened):
    _, page, _ = opened(study)
    assert page.form.fold.is_open
    spec = page.form.vae_gan()
    stored(page.workspace, add_generator(study, spec))
    assert not page.form.own.train.isEnabled()
    assert not page.form.fold.is_open
    assert page.form.generator() == spec


# ------------------------------------------------------------------------------------- measurements


def test_that_measuring_asks_for_clean_images_and_for_every_network(study, opened):
    _, page, ran = opened(study)
    page.form.measure.click()
    distances = [spec for spec in ran if isinstance(spec, ManifoldDistance)]
    assert distances[0].classifier is None
    assert [spec.classifier for spec in distances[1:]] == networks()
    assert {spec.baseline for spec in distances[1:]} == {made_up.network()}
    assert {spec.generator for spec in distances} == {page.form.vae_gan()}
    attack = distances[1].attack
    assert (attack.norm, attack.eps, attack.step_size, attack.steps) == ("l2", 6.0, 1.0, 40)
    shares = [spec for spec in ran if isinstance(spec, Measurement)]
    assert [spec.classifier for spec in shares] == networks()
    assert {spec.metric.generator for spec in shares} == {page.form.vae_gan()}
    assert page.form.summary.text() == "Measurements: 7, 7 missing."


def test_that_the_switches_of_the_released_code_are_fields(study, opened):
    _, page, _ = opened(study)
    page.form.measure_form.edit_of("judged_by").show_value("standard")
    page.form.measure_form.edit_of("reconstruction").show_value("sampled")
    page.form.measure_form.edit_of("test_images").show_value(30)
    clean, attacked, *_ = page.form.specs()
    assert (attacked.judged_by, attacked.reconstruction) == ("standard", "sampled")
    # The scale of a panel is the clean record with the same reconstruction and images.
    assert (clean.reconstruction, clean.test_images) == ("sampled", 30)


def test_that_judging_by_a_standard_network_needs_one(tmp_path, opened):
    study = new_study(tmp_path)
    made_up.add_network(study, made_up.network("l2", 1.0))
    _, page, _ = opened(study)
    assert page.form.problem() == ""
    page.form.measure_form.edit_of("judged_by").show_value("standard")
    assert page.form.problem().startswith("baseline is missing")
    assert not page.form.measure.isEnabled()


def test_that_what_is_known_exactly_needs_no_generator(study, opened):
    _, page, _ = opened(study)
    page.form.distances.setChecked(False)
    assert {spec.metric.generator for spec in page.form.specs()} == {None}
    add_generator(study)
    page.form.refresh()
    assert {spec.metric.generator for spec in page.form.specs()} == {GENERATOR}


def test_that_nothing_asked_for_is_one_sentence(study, opened):
    _, page, _ = opened(study)
    page.form.distances.setChecked(False)
    page.form.shares.setChecked(False)
    assert "at least one of" in page.form.summary.text()
    assert not page.form.measure.isEnabled()


# ----------------------------------------------------------------------------------------- pictures


def train_events(key, step, value):
    image = np.zeros((8, 1, 28, 28), np.uint8)
    return [
        Scalars(key, step, {"reconstruction": 100.0 * value}),
        Reconstructions(key, step, image, pictures(value=value), pictures(value=1.0)),
    ]


def brightness(page, key="made"):
    return int(page.generator.grid.rows()[key][1][0].mean())


def test_that_pictures_and_loss_follow_a_training(study, opened, qtbot):
    workspace, page, _ = opened(study)
    assert page.generator.stack.currentIndex() == 0
    key = page.form.vae_gan().key
    for event in [Queued(key, "vae_gan", "G"), Started(key, "vae_gan", "G")]:
        workspace.engine_event.emit(event)
    for step, value in ((0.5, 0.2), (1.0, 0.4), (2.0, 0.6)):
        for event in train_events(key, step, value):
            workspace.engine_event.emit(event)
        settle(page, qtbot)
        assert brightness(page) == round(255 * value)
    np.testing.assert_allclose(page.generator.curve.y, [20, 40, 60])
    assert list(page.generator.grid.rows()) == ["", "made", "samples"]
    assert page.generator.when.text() == "epoch 2, in training"
    page.generator.slider.setValue(1)
    assert brightness(page) == round(255 * 0.4)
    workspace.engine_event.emit(Ended(key, "cancelled"))
    settle(page, qtbot)
    assert brightness(page) == round(255 * 0.4)  # where the slider stands
    assert page.form.own.train.isEnabled()


def test_that_a_training_is_shown_while_another_generator_is_chosen(study, opened, qtbot):
    add_generator(study)
    workspace, page, _ = opened(study)
    assert page.generator.when.text() == "epoch 3"
    workspace.engine_event.emit(Started("new", "vae_gan", "another"))
    for event in train_events("new", 1.0, 0.7):
        workspace.engine_event.emit(event)
    settle(page, qtbot)
    assert page.generator.title.text == "another"
    assert brightness(page) == round(255 * 0.7)
    page.form.chosen.setCurrentIndex(1)
    page.form.chosen.setCurrentIndex(0)  # the user's choice counts more
    settle(page, qtbot)
    assert page.generator.title.text == GENERATOR.title


def test_that_events_of_other_computations_change_nothing(study, opened, qtbot):
    workspace, page, _ = opened(study)
    for event in train_events("unknown", 1.0, 0.7):
        workspace.engine_event.emit(event)
    settle(page, qtbot)
    assert page.generator.stack.currentIndex() == 0


def test_that_a_record_gives_the_same_pictures_afterwards(study, opened):
    add_generator(study)
    _, page, _ = opened(study)
    assert brightness(page) == round(255 * 0.3)
    np.testing.assert_allclose(page.generator.curve.y, [90, 60, 50])
    page.generator.slider.setValue(2)
    assert brightness(page) == round(255 * 0.2)
    figure = page.generator.figure()
    assert isinstance(figure, MapGridData)
    assert figure.row_titles == ("Image", "Reconstruction", "Sample")
    assert "epoch 2" in figure.caption


# ---------------------------------------------------------------------------------------- distances


def test_that_densities_are_those_of_the_engine_in_the_pickers_colours(study, opened):
    ordered(study)
    _, page, _ = opened(study)
    (panel,) = panels.panels(study)
    assert page.distances.panel.currentText() == "L2 cross-entropy"
    for curve in panel.curves:
        np.testing.assert_allclose(drawn(page)[curve.name].x, curve.x)
        np.testing.assert_allclose(drawn(page)[curve.name].y, curve.density)
    for network in page.form.networks:
        series = drawn(page)[network.title]
        assert series.colour == on_paper(page.form.picker.series(network.key))
        assert series.style == "solid"
    assert drawn(page)["test data"].style == "dash"
    assert panel.verdict in page.distances.plot.data().caption


def test_that_networks_that_are_not_chosen_get_colours_of_their_own(study, opened):
    ordered(study)
    _, page, _ = opened(study)
    page.form.picker.list.item(1).setCheckState(Qt.CheckState.Unchecked)
    page._refresh()
    colours = [item.colour for item in drawn(page).values()]
    assert len(set(colours)) == 4


def test_that_the_verdict_has_the_colour_of_its_meaning(study, opened):
    ordered(study)
    _, page, _ = opened(study)
    verdict = page.distances.verdict
    assert verdict.sentence.text() == panels.panels(study)[0].verdict
    assert (verdict.tone, verdict.sentence.property("role")) == ("good", "good")


@pytest.mark.parametrize(
    ("shifts", "explained", "tone"),
    [
        ((0.6, 0.4, 0.2), 0.8, "good"),
        ((0.6, 0.4, 0.2), 0.1, "warning"),
        ((0.2, 0.4, 0.6), 0.8, "error"),
    ],
)
def test_that_a_panel_is_good_doubtful_or_against_the_claim(study, shifts, explained, tone):
    ordered(study, shifts, explained)
    (panel,) = panels.panels(study)
    assert tone_of(panel) == tone
    (view,) = collect(study, made_up.IMAGES, GENERATOR, with_history=False).panels
    assert (view.verdict, view.tone) == (panel.verdict, tone)


def test_that_networks_have_the_names_of_the_other_pages(study):
    ordered(study)
    measured = networks()[0]
    made_up.add_network(study, dataclasses.replace(measured, epochs=measured.epochs + 1))
    workspace, _ = workspace_on(study)
    titles = {network.key: network.title for network in workspace.networks.usable()}
    assert titles[measured.key] == f"{measured.title} (epochs {measured.epochs})"
    (view,) = collect(study, made_up.IMAGES, GENERATOR, with_history=False).panels
    drawn = {curve.classifier: curve.name for curve in view.curves if curve.classifier}
    assert measured.key in drawn
    assert drawn == {key: titles[key] for key in drawn}


def test_that_an_order_in_doubt_over_seeds_is_doubtful(study):
    ordered(study)
    for seed, shifts in {1: (0.7, 0.4, 0.2), 2: (0.6, 0.58, 0.2)}.items():
        for network, shift in zip(networks(), shifts, strict=True):
            add_distance(study, network.replace("seed", seed), shift)
    (panel,) = panels.panels(study)
    assert (panel.order, panel.over_seeds.order) == ("holds", "undetermined")
    assert tone_of(panel) == "warning"


def test_that_a_generator_that_says_nothing_of_itself_has_no_verdict(study, opened):
    add_generator(study)
    add_distance(study)
    for network, shift in zip(networks(), (0.6, 0.4, 0.2), strict=True):
        add_distance(study, network, shift)
    _, page, _ = opened(study)
    text = page.distances.verdict.sentence.text()
    assert "does not say which share" in text
    assert "0 %" not in text
    assert text in page.distances.plot.data().caption


def test_that_the_panels_are_those_of_the_chosen_generator(study, opened):
    ordered(study)
    other = GENERATOR.replace("seed", 1)
    add_generator(study, other, explained=0.9)
    _, page, _ = opened(study)
    assert page.form.generator() == other
    assert page.distances.stack.currentIndex() == 0
    page.form.chosen.setCurrentIndex(0)
    page._refresh()
    assert page.form.generator() == GENERATOR
    assert len(drawn(page)) == 4


def test_that_generators_are_told_apart_by_what_differs(study, opened):
    chosen = []
    for change in ({}, {"seed": 1}, {"seed": 1, "epochs": 9}):
        generator = GENERATOR
        for name, value in change.items():
            generator = generator.replace(name, value)
        add_generator(study, generator, explained=0.8)
        _, page, _ = opened(study)
        chosen.append([page.form.chosen.itemText(row) for row in range(len(chosen) + 1)])
    epochs = GENERATOR.epochs
    assert chosen[0] == [f"80 %, latent {GENERATOR.latent}, {epochs} epochs"]
    assert chosen[1] == ["80 %, seed 0", "80 %, seed 1"]
    assert chosen[2] == [
        f"80 %, epochs {epochs}, seed 0",
        f"80 %, epochs {epochs}, seed 1",
        "80 %, epochs 9, seed 1",
    ]


def test_that_a_page_that_is_still_reading_says_so(study, opened):
    ordered(study)
    _, page, _ = opened(study)
    assert page.distances.stack.currentIndex() == 1
    page._on_study()
    assert page.generator.sentence.text().startswith("Reading")
    assert page.distances.sentence.text() == ""
    page._refresh()
    assert page.distances.stack.currentIndex() == 1
    assert not page.generator.sentence.text().startswith("Reading")


def test_that_distances_appear_as_their_records_come_in(study, opened, qtbot):
    add_generator(study, explained=0.8)
    workspace, page, _ = opened(study)
    assert page.distances.stack.currentIndex() == 0
    add_distance(study)
    base, _, strong = networks()
    stored(workspace, add_distance(study, strong, 0.2))
    settle(page, qtbot)
    assert set(drawn(page)) == {"test data", strong.title}
    stored(workspace, add_distance(study, base, 0.4))
    settle(page, qtbot)
    assert base.title in drawn(page)


def test_that_a_page_out_of_sight_reads_nothing_until_it_is_shown(study, opened, qtbot):
    workspace, page, _ = opened(study)
    page.hide()
    ordered(study)
    stored(workspace, add_share(study, networks()[0], known=0.3))
    qtbot.wait(50)
    assert drawn(page) == {}
    page.form.refresh()
    page.show()
    settle(page, qtbot)
    assert len(drawn(page)) == 4


# -------------------------------------------------------------------------------------------- table


def test_that_the_table_has_distances_and_tangent_shares(study, opened):
    ordered(study)
    standard, _, strong = networks()
    both = {"known_baseline": 0.1, "estimated": 0.5, "estimated_baseline": 0.12, "overlap": 0.9}
    add_share(study, strong, known=0.4, **both)
    _, page, _ = opened(study)
    assert header(page) == [
        "Network", "Mean", "Mode", "Counted",
        "Tangent", "random", "Estimate", "random", "Overlap",
    ]  # fmt: skip
    assert row(page, 0)[0] == "test data"
    assert row(page, 0)[1:4] == ["0.500", row(page, 0)[2], "40"]
    assert row(page, 1)[:2] == [strong.title, "0.700"]
    assert row(page, 1)[4:] == ["0.400", "0.100", "0.500", "0.120", "0.900"]
    assert row(page, 3)[:2] == [standard.title, "1.100"]
    assert row(page, 3)[4:] == ["–"] * 5


def test_that_what_no_network_has_is_no_column(study, opened):
    add_generator(study, explained=0.8)
    add_share(study, networks()[1], estimated=0.5, estimated_baseline=0.1)
    _, page, _ = opened(study)
    assert header(page)[4:] == ["Estimate", "random"]
    assert row(page, 0) == [networks()[1].title, "–", "–", "–", "0.500", "0.100"]


def test_that_an_estimate_of_another_generator_is_left_out(study):
    other = GENERATOR.replace("seed", 1)
    network = networks()[1]
    add_share(study, network, other, known=0.3, estimated=0.9, estimated_std=0.1, overlap=0.2)
    found = collect(study, made_up.IMAGES, GENERATOR, with_history=False).shares
    assert found == {network.key: {"known": 0.3}}
    add_share(study, network, known=0.3, estimated=0.5)
    found = collect(study, made_up.IMAGES, GENERATOR, with_history=False).shares
    assert found[network.key]["estimated"] == 0.5


def test_that_a_network_is_highlighted_everywhere(study, opened):
    ordered(study)
    workspace, page, _ = opened(study)
    heard = []
    workspace.highlighted.connect(heard.append)
    strong = networks()[2]
    page.distances.plot.pointed.emit(strong.key)
    assert heard == [strong.key]
    curve = page.distances._drawn[strong.key]
    assert curve._line.opts["pen"].width() == 4
    assert page.distances.table.current_key == strong.key
    workspace.highlighted.emit("")
    assert curve._line.opts["pen"].width() == 2


def test_that_a_row_opens_the_record_of_its_network(study, opened):
    ordered(study)
    workspace, page, _ = opened(study)
    led, selected = [], []
    page.workspace.record_asked.connect(led.append)
    workspace.selected.connect(selected.append)
    page.distances.table.opened.emit("some key")
    page.distances.table.opened.emit("")
    assert (led, selected) == (["some key"], ["some key"])


# -------------------------------------------------------------------------------------------- empty


def test_that_an_empty_workspace_leads_to_images(qtbot):
    workspace, _ = workspace_on(None)
    page = ManifoldPage(workspace)
    qtbot.addWidget(page)
    assert page.stack.currentIndex() == 0
    with qtbot.waitSignal(page.go_to, timeout=1000) as led:
        page.empty.lead.click()
    assert led.args == [DATA]


def test_that_images_without_networks_can_have_a_generator(tmp_path, opened):
    _, page, ran = opened(new_study(tmp_path))
    assert page.stack.currentIndex() == 1
    assert "at least one network" in page.form.summary.text()
    page.form.own.train.click()
    assert ran == [page.form.vae_gan()]


def test_that_another_study_clears_the_page(study, tmp_path, opened, qtbot):
    ordered(study)
    workspace, page, _ = opened(study)
    workspace.study = new_study(tmp_path / "other")
    workspace.images, workspace.image_set = None, None
    workspace.study_changed.emit()
    assert page.stack.currentIndex() == 0
    assert drawn(page) == {}
    assert page.generator.stack.currentIndex() == 0


def test_that_a_fold_opens_itself_only_until_the_user_decided(qtbot):
    fold = Fold("title", QLabel("content"))
    qtbot.addWidget(fold)
    fold.suggest(False)
    assert not fold.is_open
    fold.header.click()
    fold.suggest(False)
    assert fold.is_open
