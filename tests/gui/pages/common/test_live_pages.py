"""The Attack and Maps pages on a network that was really trained: nothing is made up."""

import numpy as np
import pytest

from engine.specs import Glyphs, SmallCNN, Training
from engine.store.study import Study
from gui.pages.attack.page import AttackPage
from gui.pages.maps.page import MapsPage
from gui.session.workspace import Workspace

IMAGES = Glyphs(train=40, test=20)
NETWORK = Training(
    images=IMAGES, network=SmallCNN(width=4, hidden=8), epochs=1, evaluation_images=5
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    from engine.plan.scheduler import Scheduler, slots_on

    study = Study(tmp_path_factory.mktemp("live") / "live.isthmus", create=True)
    scheduler = Scheduler(study, slots_on("cpu"), lambda event: None)
    scheduler.add([NETWORK])
    scheduler.wait()
    assert scheduler.stop(5.0)
    return study


@pytest.fixture
def workspace(study):
    workspace = Workspace()
    assert workspace.open_study(study.path)
    yield workspace
    assert workspace.runner.shutdown()


def test_that_the_attack_page_shows_a_real_attack(qtbot, workspace):
    page = AttackPage(workspace)
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(lambda: bool(page._shown()), timeout=30_000)
    page.form.eps.set_value(0.2)
    column = page.columns[0]
    qtbot.waitUntil(lambda: column.attack.eps == 0.2, timeout=30_000)
    assert 0.19 < np.abs(column.delta).max() <= 0.2 + 1e-6
    assert "L-inf 51/255" in column._verdict.text
    page.form.form.select_kind("fgsm")
    qtbot.waitUntil(lambda: column.attack.kind == "fgsm", timeout=30_000)


def test_that_the_maps_page_shows_real_maps(qtbot, workspace):
    page = MapsPage(workspace)
    qtbot.addWidget(page)
    page.show()
    for box in page.methods.boxes.values():
        box.setChecked(True)
    count = 1 + len(page.methods.boxes)
    qtbot.waitUntil(lambda: len(page.grid._headings) == count, timeout=60_000)
    qtbot.waitUntil(lambda: all(view.view.image for view in page.grid.views[0]), timeout=60_000)


def test_that_images_of_another_shape_are_refused_in_one_sentence(qtbot, workspace):
    from engine.data.images import load

    page = AttackPage(workspace)
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(lambda: bool(page._shown()), timeout=30_000)
    failures = []
    page._previews.failed.connect(lambda spec, text: failures.append(text))
    from engine.specs import AdversarialExamples, Gaussians2D

    points = Gaussians2D(per_class=20)
    assert load(points, workspace.study.locate).shape == (2, 1, 1)
    page._previews.ask([AdversarialExamples(classifier=NETWORK, images=points, indices=(0,))])
    qtbot.waitUntil(lambda: bool(failures), timeout=30_000)
    assert "2 x 1 x 1" in failures[0]
