"""What a search of the records finds: a record's own settings, not what all records share."""

from dataclasses import replace

import pytest

from engine.specs import PGD, AdversarialExamples
from engine.store.index import Entry
from engine.store.study import Study
from gui.pages.records.model import RecordsModel, rows_of
from gui.pages.records.search import searched
from tests import made_up_study as made_up


def test_that_what_is_searched_holds_names_and_values():
    spec = made_up.network("l2", 0.02)
    entry = Entry("0" * 20, "training", spec.title, "2026-01-01", 1.0, (), spec.as_dict())
    found = searched(entry, "Training", "Good\nOne")
    assert " norm=l2 " in found.text
    assert "good one" in found.text
    assert " kind=pgd " in found.settings


@pytest.fixture
def evaluated_alike(tmp_path):
    """A sweep whose networks are all evaluated at the radius that one of them was trained with."""
    study = Study(tmp_path / "alike.isthmus", create=True)
    made_up.add_images(study)
    standard = made_up.network()
    trained = [made_up.network(norm, eps) for norm in ("linf", "l2") for eps in (0.1, 0.2)]
    for spec in (standard, *trained):
        made_up.add_network(study, replace(spec, evaluation=PGD(norm="linf", eps=0.1)))
    own = replace(trained[0], evaluation=PGD(norm="linf", eps=0.1))
    score = made_up.scored(own, replace(standard, evaluation=PGD(norm="linf", eps=0.1)))
    made_up.add_score(study, score, 0.1)
    attacked = AdversarialExamples(classifier=own, attack=PGD(norm="l2", eps=0.1), indices=(0,))
    made_up.add(study, attacked, {"robust_accuracy": 0.1})
    return study


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("linf eps=0.1", ["L-inf 25.5/255 PGD-10", "ROAR score"]),
        ("norm=linf eps=25.5/255", ["L-inf 25.5/255 PGD-10", "ROAR score"]),
        ("l2 eps=0.1", ["L2 0.1 PGD-10, seed 0", "L2 0.1 PGD-10 on L-inf"]),
        ("eps=0.2", ["L-inf 51/255", "L2 0.2"]),
        ("linf eps=0,1", ["L-inf 25.5/255 PGD-10", "ROAR score"]),
        ("linf eps=٠٫١", ["L-inf 25.5/255 PGD-10", "ROAR score"]),
        ("eps=２５.５/２５５ norm=linf", ["L-inf 25.5/255 PGD-10", "ROAR score"]),
        ("linf eps=25,5/255", ["L-inf 25.5/255 PGD-10", "ROAR score"]),
        ("LİNF eps=0.1", ["L-inf 25.5/255 PGD-10", "ROAR score"]),
        ("lınf eps=0.3", []),
        ("linf eps=0.3", []),
        ("standard kind=training", ["Standard, seed 0"]),
    ],
)
def test_that_a_radius_is_that_of_the_training_and_not_of_the_evaluation(
    evaluated_alike, words, found
):
    rows = rows_of(evaluated_alike.entries, evaluated_alike.labels, {})
    model = RecordsModel()
    model.set_rows(rows, "")
    model.search(words, "")
    titles = [model.row(place).entry.title for place in range(model.rowCount())]
    assert len(titles) == len(found)
    assert all(any(title.startswith(start) for title in titles) for start in found)


def test_that_the_evaluations_radius_is_found_by_its_name(evaluated_alike):
    model = RecordsModel()
    model.set_rows(rows_of(evaluated_alike.entries, evaluated_alike.labels, {}), "training")
    model.search("evaluation.eps=0.1", "training")
    assert model.rowCount() == 5
    model.search("seed=3", "")
    assert model.rowCount() == 0
