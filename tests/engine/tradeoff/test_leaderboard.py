"""The place among published entries, and every reason not to have one."""

import pytest

from engine.specs import AttackCheck, FolderImages, StrongAccuracy
from engine.specs.measures import Measurement
from engine.store.study import Study, StudyError
from engine.tradeoff.leaderboard import CLASSES, board, standings
from engine.tradeoff.scores import record_words
from tests import made_up_study as made_up

CIFAR = FolderImages(name="cifar10", digest="d")
NUMBERS = {"test_images": 10_000, "classes": 10, "channels": 3, "height": 32, "width": 32}
FILES = tuple(f"test/{name}/{index:05}.png" for name in CLASSES for index in range(1000))
FINE = {
    "accuracy": 0.5,
    "clean_accuracy": 0.9,
    "test_images": 10_000,
    "passes_differ": 0.0,
    "outputs_are_probabilities": 0,
    "nonfinite_images": 0,
    "no_gradient_share": 0.0,
    "zero_pixel_share": 0.0,
}


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "s.isthmus", create=True)


def measured(study, *, metric=None, numbers=(), images=(), files=FILES, classes=CLASSES):
    """Store a network on CIFAR-10 with a measurement; return its standings by norm."""
    documents = {"classes": list(classes), "test_files": list(files)}
    made_up.add(study, CIFAR, {**NUMBERS, **dict(images)}, documents=documents)
    network = made_up.network(images=CIFAR)
    made_up.add_network(study, network)
    if metric is not None:
        spec = Measurement(classifier=network, metric=metric, test_images=10_000)
        made_up.add(study, spec, {**FINE, **dict(numbers)})
    return {found.board.norm: found for found in standings(study, network.key)}


def autoattack(**fields):
    return StrongAccuracy(level="autoattack", **fields)


def test_that_the_table_says_its_source_and_is_in_order():
    for norm, count in (("linf", 76), ("l2", 21)):
        found = board(norm)
        assert len(found.entries) == count
        assert found.source
        assert found.date == "2025-04-11"
        robust = [entry.robust for entry in found.entries]
        assert robust == sorted(robust, reverse=True)
        assert all(entry.robust <= entry.clean <= 100 for entry in found.entries)
    assert ("Carmon2019Unlabeled", 89.69, 59.53) in [e[:3] for e in board("linf").entries]
    assert ("Ding2020MMA", 88.02, 66.09) in [e[:3] for e in board("l2").entries]


def test_that_a_network_evaluated_by_the_protocol_has_its_place(study):
    found = measured(study, metric=autoattack(), numbers={"accuracy": 0.5953})
    linf = found["linf"]
    assert not linf.differences
    assert linf.board.title == "CIFAR-10, L-inf 8/255"
    above = [entry for entry in linf.board.entries if entry.robust >= 59.53]
    assert linf.place == 1 + len(above)
    assert above[-1].name == "Carmon2019Unlabeled"
    near = [entry.name for _, entry in linf.neighbours(1)]
    assert near[0] == "Carmon2019Unlabeled"
    assert len(near) == 2
    assert found["l2"].place is None  # nothing was measured there


def test_that_l2_has_its_own_board_and_the_best_is_first(study):
    metric = autoattack(norm="l2", eps=0.5)
    found = measured(study, metric=metric, numbers={"accuracy": 0.99})
    assert found["l2"].place == 1
    assert found["linf"].differences


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ({"metric": None}, "Not evaluated by AutoAttack at L-inf 8/255"),
        ({"metric": StrongAccuracy(level="strong")}, "APGD-CE + APGD-T, which is not that"),
        ({"metric": StrongAccuracy(level="autoattack_rand")}, "Not evaluated by AutoAttack"),
        ({"metric": autoattack(eps=4 / 255)}, "L-inf 4/255 AutoAttack, which is not that"),
        ({"metric": AttackCheck()}, "Not evaluated by AutoAttack"),
        ({"metric": autoattack(), "numbers": {"test_images": 1000}}, "on 1,000 test images"),
        ({"metric": autoattack(), "numbers": {"passes_differ": 0.5}}, "A check of the evaluation"),
        ({"metric": autoattack(), "images": {"test_images": 2000}}, "There are 2,000 test images"),
        ({"metric": autoattack(), "images": {"height": 64}}, "32 x 64 px with 3 channels"),
        ({"metric": autoattack(), "images": {"channels": 1}}, "with 1 channels"),
        ({"metric": autoattack(), "classes": ("cat", "dog")}, "must be CIFAR-10"),
        (
            {"metric": autoattack(), "files": [f.replace("png", "JPG") for f in FILES]},
            "10,000 of the test images are files like 00000.JPG",
        ),
        (
            {"metric": autoattack(), "files": [f.replace("test/", "train/") for f in FILES]},
            "do not all lie in a folder test/",
        ),
        ({"metric": autoattack(), "files": ()}, "do not all lie in a folder test/"),
    ],
)
def test_that_another_protocol_is_refused_with_what_differs(study, case, says):
    found = measured(study, **case)["linf"]
    assert found.place is None
    assert found.neighbours() == []
    assert len(found.differences) == 1
    assert says in found.differences[0]


def test_that_the_place_stands_with_the_network_in_words(study):
    found = measured(study, metric=autoattack(), numbers={"accuracy": 0.99})
    words = record_words(study, study.entry(made_up.network(images=CIFAR).key))
    assert words.splitlines()[-1] == found["linf"].words
    assert found["linf"].words == (
        "RobustBench, CIFAR-10, L-inf 8/255: place 1 among 76 published entries (2025-04-11) and "
        "this network."
    )
    assert "L2" not in words  # nothing was measured there


def test_that_a_refusal_stands_with_the_network_in_words(study):
    measured(study, metric=autoattack(), numbers={"test_images": 1000})
    words = record_words(study, study.entry(made_up.network(images=CIFAR).key))
    assert words.endswith("AutoAttack was made on 1,000 test images, must be on all 10,000.")


def test_that_other_images_are_refused(tmp_path):
    study = made_up.sweep(tmp_path, eps=(0.02,), norms=("linf",))
    found = standings(study, made_up.network().key)
    assert [one.place for one in found] == [None, None]
    assert all("must be CIFAR-10 with its ten classes" in one.differences[0] for one in found)
    with pytest.raises(StudyError, match="is no network"):
        standings(study, made_up.IMAGES.key)
