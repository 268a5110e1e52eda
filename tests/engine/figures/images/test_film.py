"""Maps over epochs, from what training records keep."""

import numpy as np
import pytest

from engine.attribution import pictures
from engine.figures.charts import FigureError
from engine.figures.images.film import epoch_name, film_figure, film_grid, film_of, spread
from engine.store.study import Study
from tests.engine.conftest import training


def arrays(maps=4, *, seed=0):
    drawn = np.random.default_rng(seed)
    scale = np.arange(1, maps + 1)[:, None, None, None, None]
    return {
        "probes/images": drawn.integers(0, 255, (3, 1, 5, 5), dtype=np.uint8),
        "probes/attributions": (drawn.normal(size=(maps, 3, 1, 5, 5)) * scale).astype(np.float32),
        "probes/steps": np.arange(maps, dtype=np.float64),
        "epochs/step": np.arange(1, maps, dtype=np.float64),
        "epochs/clean_accuracy": np.linspace(0.5, 1.0, maps - 1),
        "epochs/robust_accuracy": np.linspace(0.0, 0.5, maps - 1),
    }


def test_that_a_film_holds_what_the_record_keeps_and_nothing_else():
    kept = arrays()
    film = film_of(kept, 1, [0, 3])
    np.testing.assert_array_equal(film.attributions, kept["probes/attributions"][[0, 3], 1])
    np.testing.assert_array_equal(film.image, kept["probes/images"][1])
    assert film.steps.tolist() == [0, 3]
    assert [film.note(place) for place in range(2)] == ["", "100 % / 50 %"]


def test_that_a_record_without_maps_is_named():
    kept = arrays()
    del kept["probes/steps"]
    with pytest.raises(FigureError, match="probes/steps is missing"):
        film_of(kept, 0)
    with pytest.raises(FigureError, match="probe image 3 is missing"):
        film_of(arrays(), 3)


@pytest.mark.parametrize(("count", "most"), [(3, 9), (9, 9), (40, 9), (7, 2)])
def test_that_the_first_and_the_last_epoch_are_always_shown(count, most):
    places = spread(count, most)
    assert places[0] == 0
    assert places[-1] == count - 1
    assert len(places) == min(count, most)
    steps = np.diff(places)
    assert steps.max() - steps.min() <= 1


def test_that_each_map_has_its_own_scale_or_all_have_one():
    film = film_of(arrays(), 0)
    own, shared = film.values(), film.values(shared=True)
    np.testing.assert_allclose(np.abs(own).max((1, 2)), 1.0)
    limits = pictures.symmetric_limit(film.attributions)
    np.testing.assert_allclose(np.abs(shared).max((1, 2)), limits / limits.max(), rtol=0.1)


def test_that_the_figure_has_a_row_for_each_network_and_a_column_for_each_epoch():
    grid = film_grid([("A", film_of(arrays(), 0)), ("B", film_of(arrays(seed=1), 0))])
    assert grid.row_titles == ("A", "B")
    assert grid.column_titles == ("image", "start", "epoch 1", "epoch 2", "epoch 3")
    np.testing.assert_allclose(grid.values[1][2], film_of(arrays(seed=1), 0).values()[1])
    assert grid.notes[0][-1] == "100 % / 50 %"


def test_that_networks_of_other_epochs_say_theirs_below():
    films = [("A", film_of(arrays(5), 0, [0, 2, 4])), ("B", film_of(arrays(4), 0, [0, 3]))]
    grid = film_grid(films)
    assert grid.column_titles == ("image", "", "", "")
    assert grid.notes[1][2] == "epoch 3\n100 % / 50 %"
    assert grid.images[1][3] is None


def test_that_a_map_is_named_by_its_epoch():
    assert [epoch_name(step) for step in (0.0, 2.0)] == ["start", "epoch 2"]


def test_that_the_study_s_figure_shows_trained_networks(computed, study):
    computed(training(), training(seed=1))
    grid = film_figure(study)
    assert len(grid.row_titles) == 2
    assert grid.column_titles == ("image", "start", "epoch 1", "epoch 2")


def test_that_a_study_without_networks_says_so(tmp_path):
    with pytest.raises(FigureError, match="no networks with maps over epochs"):
        film_figure(Study(tmp_path / "study", create=True))
