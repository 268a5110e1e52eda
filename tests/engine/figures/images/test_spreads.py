"""Bins name the images that they count."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.figures.images.spreads import doubled, edges, spread
from engine.figures.metrics import record_charts
from tests import made_up_study as made_up

VALUES = st.lists(
    st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0, np.nan, np.inf]), min_size=1, max_size=60
)


def test_that_a_bin_has_its_lower_end_and_the_last_one_both():
    heights, images = spread(np.array([0.0, 0.5, np.nan, 1.0, 0.49]), np.array([0.0, 0.5, 1.0]))
    assert heights.tolist() == [2, 2]
    assert images == ((0, 4), (1, 3))
    assert doubled(images) == ((0, 4), (0, 4), (1, 3), (1, 3))


@given(VALUES)
def test_that_every_finite_value_is_in_one_bin_that_holds_it(values):
    values = np.array(values)
    ends = edges(values)
    heights, images = spread(values, ends)
    assert len(ends) <= 31
    placed = sorted(image for found in images for image in found)
    assert placed == np.flatnonzero(np.isfinite(values)).tolist()
    assert heights.tolist() == [len(found) for found in images]
    for low, high, found in zip(ends, ends[1:], images, strict=False):
        assert ((values[list(found)] >= low) & (values[list(found)] <= high)).all()


def test_that_charts_of_single_images_name_them(tmp_path):
    study = made_up.sweep(tmp_path, eps=(0.02,), norms=("linf",))
    network = made_up.network()
    entry = made_up.add_metric(study, network, values=(0.2, 0.4, 0.9, 0.2))
    (chart,) = record_charts(study.read(entry.key))
    known = [series for series in chart.series if series.images]
    found = {tuple(images) for series in known for images in series.images if images}
    assert found == {(0, 3), (1,), (2,)}
