"""Grids of maps: large ones are one image, with the pictures and titles of small ones."""

import time
from dataclasses import replace

import numpy as np

from engine.figures import map_grids
from engine.figures.charts import MapGridData
from engine.figures.drawing import draw, save
from engine.figures.paper.style import FigureStyle


def grid(rows, columns=10, side=6):
    pictures = tuple(
        tuple(np.full((side, side, 3), 10 * c, dtype=np.uint8) for c in range(columns))
        for _ in range(rows)
    )
    titles = tuple(f"network {r}" for r in range(rows))
    return MapGridData(pictures, titles, tuple("0123456789"[:columns]))


def test_that_a_large_grid_is_one_image_with_every_picture_and_title():
    data = grid(60)
    assert map_grids.MOST_AXES < 60 * 10
    (ax,) = draw(data, FigureStyle()).axes
    (image,) = ax.images
    pixels = image.get_array()
    assert [text.get_text() for text in ax.get_yticklabels()] == list(data.row_titles)
    across, down = pixels.shape[1] // 10, pixels.shape[0] // 60
    for c in range(10):
        assert (pixels[59 * down : 59 * down + 6, c * across : c * across + 6] == 10 * c).all()


def test_that_a_small_grid_keeps_axes_of_its_own_for_each_picture():
    assert len(draw(grid(3), FigureStyle()).axes) == 30


def test_that_three_hundred_networks_are_drawn_in_seconds(tmp_path):
    begun = time.process_time()
    save(grid(301), tmp_path / "maps.pdf")
    # About 4 s; with axes for every picture it did not end in 200 s.
    assert time.process_time() - begun < 60
    assert (tmp_path / "maps.pdf").read_bytes().startswith(b"%PDF")


def test_that_long_titles_without_spaces_keep_their_beginning_and_their_end():
    titles = tuple("猫" * 60 + f" {number}" for number in range(60))
    (ax,) = draw(replace(grid(60), row_titles=titles), FigureStyle()).axes
    told = [label.get_text() for label in ax.get_yticklabels()]
    assert [text.split()[-1] for text in told] == [title.split()[-1] for title in titles]
    assert all(text.startswith("猫猫") and "…" in text for text in told)
