"""The end of a run: long tables are shortened, and what was found stands where the eye ends."""

import pytest

from engine.figures import tables
from engine.specs import GaussianNoise, Measurement, StrongAccuracy
from tests import made_up_study as made_up

SEEDS = tuple(range(14))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Return a study of 56 networks, and of 14 that are no cell, as nothing attacked them."""
    found = made_up.frontier(tmp_path_factory.mktemp("a long one"), SEEDS)
    for seed in SEEDS:
        made_up.add_network(found, made_up.cell(GaussianNoise(sigma=0.6), seed))
    return found


def lines(study, short=True):
    return tables.as_text(study, short=short).splitlines()


def rows_of(found, name):
    return [line for line in found if line.startswith(name)]


def test_that_a_long_table_has_its_first_rows_and_says_how_to_see_the_others(study):
    found = lines(study)
    assert len(rows_of(found, "Standard, seed")) < len(SEEDS)
    where = f'main.py show --study "{study.path}" lists all'
    assert f"... and 60 more: {where}" in found  # networks
    assert f"... and 158 more: {where}" in found  # metrics: one of strength and two of truth each


def test_that_all_of_it_is_listed_where_it_was_asked_for(study):
    found = lines(study, short=False)
    assert not rows_of(found, "... and")
    for seed in SEEDS:
        # Among the networks, and its accuracy and two metrics of maps among the metrics.
        assert len(rows_of(found, f"Standard, seed {seed} ")) == 4


def test_that_the_frontier_is_whole_and_the_verdicts_are_last(study):
    short, whole = lines(study), lines(study, short=False)
    start = next(n for n, line in enumerate(short) if line.startswith("Frontier: 4 cells"))
    assert short[start:] == whole[whole.index(short[start]) :]
    place = short.index("Verdicts")
    assert [line.split()[0] for line in short[place + 1 :]] == ["The", "1", "Robustness"]


def test_that_a_short_study_is_shown_whole(tmp_path):
    small = made_up.frontier(tmp_path)
    assert lines(small) == lines(small, short=False)


def test_that_doubts_about_networks_that_are_not_shown_are_counted(tmp_path):
    study = made_up.frontier(tmp_path, SEEDS)
    for seed in (12, 13):
        spec = made_up.cell(made_up.CELLS[0][0], seed)
        metric = StrongAccuracy(norm="linf", eps=0.1, level="strong")
        numbers = {"accuracy": 0.2, "test_images": 1000, "no_gradient_share": 0.9}
        made_up.add(study, Measurement(classifier=spec, metric=metric), numbers)
    (line,) = rows_of(lines(study), "2 of those")
    assert line == "2 of those have a doubtful robust accuracy"
