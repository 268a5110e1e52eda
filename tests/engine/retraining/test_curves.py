import numpy as np
import pytest

from engine.retraining import curves
from engine.store.study import Study, StudyError
from tests import made_up_study as made_up


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "study", create=True)


@pytest.fixture
def spec():
    base = made_up.network()
    return made_up.scored(made_up.network("linf", 0.1), base)


def test_that_a_finished_curve_begins_at_the_baseline_and_ends_at_chance(study, spec):
    accuracy = [[0.5, 0.2], [0.7, 0.4]]
    entry = made_up.add_score(study, spec, 0.04, accuracy)
    found = curves.curve(study, entry)
    np.testing.assert_allclose(found.fractions, [0, 0.2, 0.8, 1])
    np.testing.assert_allclose(found.mean, [0.9, 0.6, 0.3, 0.1])
    np.testing.assert_allclose(found.low, [0.9, 0.5, 0.2, 0.1])
    np.testing.assert_allclose(found.high, [0.9, 0.7, 0.4, 0.1])
    np.testing.assert_allclose(found.random_mean, [0.9, 0.7, 0.7, 0.1])
    assert (found.score, found.score_std, found.share) == (0.04, 0.01, 1.0)


def test_that_an_unfinished_curve_has_what_its_retrainings_give(study, spec):
    # Fraction-major: both repeats of 0.2, then one of 0.8.
    made_up.add_retrainings(study, spec, "attribution", [0.5, 0.7, 0.2])
    found = curves.partial(study, spec)
    np.testing.assert_allclose(found.fractions, [0.2, 0.8])
    np.testing.assert_allclose(found.mean, [0.6, 0.2])
    assert np.isnan(found.values[1, 1])
    assert (found.done, found.total, found.score) == (3, 8, None)
    assert len(found.random_fractions) == 0


def test_that_the_ends_appear_with_the_records_that_say_them(study, spec):
    made_up.add_images(study)
    assert list(curves.partial(study, spec).fractions) == [1.0]
    made_up.add_network(study, spec.baseline, clean=0.95)
    found = curves.partial(study, spec)
    np.testing.assert_allclose(found.fractions, [0, 1])
    np.testing.assert_allclose(found.mean, [0.95, 0.1])


def test_that_a_curve_of_nothing_is_empty_and_warns_of_nothing(study, spec):
    found = curves.partial(study, spec)
    assert found.share == 0
    for values in (found.mean, found.low, found.high, found.random_mean):
        assert len(values) == 0


def test_that_a_curve_filling_in_ends_as_the_finished_record(study, spec):
    made_up.add_images(study)
    made_up.add_network(study, spec.baseline, clean=0.9)
    made_up.add_retrainings(study, spec, "attribution", [0.5, 0.7, 0.2, 0.4])
    made_up.add_retrainings(study, spec, "random", [0.8, 0.8, 0.6, 0.6])
    entry = made_up.add_score(study, spec, 0.04, [[0.5, 0.2], [0.7, 0.4]], [[0.8, 0.6]] * 2)
    growing, finished = curves.partial(study, spec), curves.curve(study, entry)
    for name in ("fractions", "mean", "low", "high", "random_mean"):
        np.testing.assert_allclose(getattr(growing, name), getattr(finished, name))
    assert growing.share == 1
    assert growing.score == finished.score


def test_that_another_record_is_refused(study):
    entry = made_up.add_network(study, made_up.network())
    with pytest.raises(StudyError, match="must be interpretability"):
        curves.curve(study, entry)
