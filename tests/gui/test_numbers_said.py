"""Every accuracy, count and radius that is said has its source in the study's records.

A study with numbers that occur nowhere else, and records of every kind, is shown on every page with
every tab, in the queue, in the tour, written as a report and listed by ``show``. All texts with
digits are collected, those of charts and exported figures too; each share in percent must be a
number of a record rounded to the digits that are shown, each count of images, networks, records,
epochs and retrainings that of the study, and each radius one that a spec has.
"""

import re

import pytest

from engine.cli.main import main
from engine.figures import report_page
from engine.figures.network_page.page import network_html
from engine.figures.report import report_pdf
from engine.jobs.events import Progress, Queued, Started
from engine.store.study import Study
from engine.tradeoff.scores import record_words
from gui.queue.job_dock import JobDock
from gui.shell.tour.facts import facts_of
from gui.shell.tour.steps import steps
from tests import made_up_study as made_up
from tests.gui import said
from tests.gui.said_numbers import (
    PERCENT,
    counts_of,
    radii_of,
    sources,
    unnamed_attacks,
    untrue_counts,
    untrue_places,
    untrue_radii,
    untrue_scores,
    untrue_shares,
    untrue_units,
)
from tests.gui.whole_study import (
    CLEAN,
    EPS,
    EXPLAINED,
    ROBUST,
    SCORES,
    plane_study,
    whole_study,
    workspace_on,
)

TEST, TRAIN = made_up.IMAGES.test, made_up.IMAGES.train
# Counts that pages may say of this study: those of its sets, of each class, and of one image.
IMAGES = {TRAIN, TEST, TRAIN // 10, TEST // 10, 3}
# Radii of the published figures, and those that forms propose or give as examples.
FIXED = {0.01, 0.02, 0.05, 0.1, 0.125, 0.2, 0.25, 0.5, 0.8, 1.0, 2.0, 5.6}
ALL = ("Data", "Train", "Attack", "Maps", "Manifold", "Retrain", "Trade-off", "Records")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return whole_study(tmp_path_factory.mktemp("numbers"))


def texts_on(qtbot, workspace, only=()):
    """Return the texts of every page and tab by the page's title, each kind of record shown."""
    found = {}
    for title, page in said.pages_on(qtbot, workspace, only):
        texts = found.setdefault(title, [])
        for _ in said.each_tab(page):
            texts += said.seen_texts_of(page)
        if title == "Records":
            kinds = {entry.kind: entry.key for entry in workspace.study.entries}
            for key in kinds.values():
                page.show_record(key)
                said.wait(100)
                texts += said.seen_texts_of(page)
        texts += said.exported_texts(page)
    return found


@pytest.fixture
def pages(qtbot, study):
    workspace = workspace_on(study)
    yield texts_on(qtbot, workspace)
    workspace.runner.shutdown()


@pytest.fixture
def outside(study, monkeypatch, capsys):
    """Return the texts of ``show``, of the report and of every network's page, line by line."""
    written, write = [], report_page._write

    def noting(place, x, y, text, *rest, **options):
        written.append(text)
        write(place, x, y, text, *rest, **options)

    monkeypatch.setattr(report_page, "_write", noting)
    report_pdf(study)
    assert main(["show", "--study", str(study.path)]) == 0
    htmls = [network_html(study, e.key) for e in study.entries if e.kind == "training"]
    bare = [re.sub(r'(?s)<(style|script|svg).*?</\1>|data:image[^"]*', " ", text) for text in htmls]
    lines = [line for text in bare for line in re.sub(r"<[^>]+>", "\n", text).splitlines()]
    # What published lists ask for is no result of the study.
    lines = [line for line in lines if "Not evaluated by AutoAttack" not in line]
    return {"report": written, "show": capsys.readouterr().out.splitlines(), "networks": lines}


def assert_true(places, study, images=frozenset(IMAGES), fixed=frozenset(FIXED)):
    """Find no number in texts, by where they are, that the study does not have."""
    shares, counts = sources(study, TEST), counts_of(study, set(images))
    radii = radii_of(study) | set(fixed)
    wrong = []
    for name, texts in places.items():
        # What would tell a correlation from noise is advice, and no number of the study.
        told = [text for text in dict.fromkeys(texts) if "retrainings a point" not in text]
        found = [
            *untrue_shares(told, shares),
            *untrue_counts(told, counts),
            *untrue_radii(told, radii),
            *untrue_places(told, TEST, max(counts["epochs"])),
            *untrue_units(told),
            *unnamed_attacks(told),
            *untrue_scores(told, SCORES, 0.01, 2),
        ]
        wrong += [(name, one) for one in found]
    assert wrong == [], "\n".join(map(str, wrong))


def test_that_a_number_of_nobody_is_found():
    assert untrue_shares(["87.1 % right", "95 % of all", "12.3%"], {0.8713}) == [("12.3", "12.3%")]
    known = {"images": {40}, "networks": {4}}
    assert untrue_counts(["1,000 test images", "40 images"], known) == [
        ("1,000", "images", "1,000 test images")
    ]
    assert untrue_radii(["eps 0.053", "L-inf 8/255", "L2 0.5"], {0.053, 8 / 255}) == [
        ("0.5", "L2 0.5")
    ]
    assert untrue_places(["image 39 of 40", "image 40", "epoch 3"], 40, 2) == [
        ("image", "40", "image 40"),
        ("epoch", "3", "epoch 3"),
    ]
    line = "0.1 in [0, 1]  ·  25.5/255  ·  {} in the paper's"
    assert untrue_units([line.format("0.2"), line.format("0.1")]) == [line.format("0.1")]
    assert unnamed_attacks(["40 % robust", "40 % robust at L-inf 8/255"]) == ["40 % robust"]
    assert untrue_scores(["+0.035 ± 0.010 (2)", "+0.036 ± 0.010 (2)"], [0.0347], 0.01, 2) == [
        "+0.036 ± 0.010 (2)"
    ]
    assert untrue_scores(["+0.035 ± 0.010 (3)", "+0.035 ± 0.020 (2)"], [0.0347], 0.01, 2) != []


def test_that_the_numbers_on_every_page_are_those_of_records(pages, study):
    assert set(pages) >= set(ALL)
    assert_true(pages, study)
    train = " ".join(pages["Train"])
    assert all(f"{100 * clean:.1f} %" in train for clean in CLEAN)
    assert any(f"{100 * EXPLAINED:.0f} %" in text for text in pages["Manifold"])
    assert any("± 0.010 (2)" in text for text in pages["Retrain"])


def test_that_the_numbers_of_report_and_show_are_those_of_records(outside, study):
    assert radii_of(study) >= set(EPS[1:])
    assert_true(outside, study)
    for name in ("report", "show", "networks"):
        text = "\n".join(outside[name])
        for value in (*CLEAN, *ROBUST):
            assert f"{100 * value:.1f}" in text, (name, value)


def test_that_the_numbers_of_the_lab_of_the_plane_are_those_of_its_records(qtbot, tmp_path):
    found = plane_study(tmp_path)
    workspace = workspace_on(found)
    texts = texts_on(qtbot, workspace, ("Boundary", "Records"))
    workspace.runner.shutdown()
    assert_true(texts, found, images={20}, fixed=FIXED | {0.0})
    assert any("Boundary of L2 0.137" in text for text in texts["Records"])


def test_that_the_numbers_of_the_tour_are_those_of_records(study):
    facts = facts_of(study)
    texts = [step.text(facts) for step in steps() if step.there(facts)]
    assert len(texts) > 4
    assert_true({"tour": texts}, study)
    assert any(f"{100 * CLEAN[0]:.1f}" in text for text in texts)
    assert any(PERCENT.search(text) for text in texts)


def test_that_the_numbers_of_the_queue_are_those_of_what_runs(qtbot, study):
    workspace = workspace_on(study)
    dock = JobDock(workspace)
    qtbot.addWidget(dock)
    dock.resize(1366, 300)
    dock.show()
    dock.set_expanded(True)
    specs = [made_up.network("linf", eps, seed=1) for eps in EPS[1:]]
    for spec in specs:
        workspace.engine_event.emit(Queued(spec.key, spec.kind, spec.title))
    workspace.engine_event.emit(Started(specs[0].key, specs[0].kind, specs[0].title))
    workspace.engine_event.emit(Progress(specs[0].key, 1, 2, "epoch"))
    said.wait(300)
    texts = said.texts_of(dock)
    workspace.runner.shutdown()
    assert any(specs[1].title in text for text in texts)
    assert_true({"queue": texts}, study)


def test_that_a_record_without_a_count_is_said_to_have_none(tmp_path):
    bare = Study(tmp_path / "bare.isthmus", create=True)
    made_up.add_images(bare)
    entry = made_up.add_network(bare, made_up.network("linf", 0.1), 0.8, 0.25)
    words = record_words(bare, entry).splitlines()[0]
    assert words.startswith("25.0 % under ")
    assert "on a number of images that is not recorded" in words
    assert not re.search(r"\b0 images", words)
