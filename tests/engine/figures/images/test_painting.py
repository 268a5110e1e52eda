"""A painted class as a figure and as an animated picture."""

import numpy as np
import pytest
from PIL import Image

from engine.figures.charts import FigureError
from engine.figures.images.painting import animated, painting_grid, said, write_animation
from engine.jobs.context import Cancelled
from engine.store.study import Result

NAMES = ("cat", "dog")


def painted(count=9, seed=0):
    drawn = np.random.default_rng(seed)
    logits = np.stack([np.linspace(3, -3, count), np.linspace(-3, 3, count)], 1)
    frames = drawn.random((count, 1, 6, 6)).astype(np.float32)
    return Result({"target": 1, "probability": 0.99}, {"frames": frames, "logits": logits})


def test_that_the_figure_shows_frames_from_the_start_to_the_end():
    result = painted()
    grid = painting_grid([("A", result), ("B", painted(seed=1))], NAMES, "", 3)
    assert grid.column_titles == ("start", "50 %", "100 %")
    assert grid.notes[0] == ("cat, 100 %", "cat, 50 %", "dog, 100 %")
    expected = np.rint(255 * result.arrays["frames"][-1, 0])
    np.testing.assert_array_equal(grid.images[0][-1][..., 0], expected)


def test_that_a_class_without_a_name_is_its_number():
    assert said(painted(), 8, ()) == "1, 100 %"


@pytest.mark.parametrize("suffix", [".gif", ".png"])
def test_that_every_frame_is_written_and_the_last_one_stays_longest(tmp_path, suffix):
    path = tmp_path / f"painted{suffix}"
    write_animation([("A", painted()), ("B", painted(seed=1))], NAMES, "Towards dog", path)
    with Image.open(path) as opened:
        assert opened.n_frames == 9
        times = []
        for frame in range(9):
            opened.seek(frame)
            opened.load()
            times.append(opened.info["duration"])
    assert times[-1] == max(times) > 5 * times[0]
    write_animation([("A", painted(2))], NAMES, "", path)  # replaces its own kind
    with Image.open(path) as opened:
        assert opened.n_frames == 2


def test_that_no_file_of_another_kind_is_replaced(tmp_path):
    path = tmp_path / "mine.gif"
    path.write_text("my notes")
    with pytest.raises(FigureError, match="is not an animated picture"):
        write_animation([("A", painted(2))], NAMES, "", path)
    assert path.read_text() == "my notes"
    with pytest.raises(FigureError, match=r"must be a file that ends in \.gif or \.png"):
        write_animation([("A", painted(2))], NAMES, "", tmp_path / "mine.mp4")


def test_that_it_stops_between_frames():
    drawn = []

    def check():
        if len(drawn) == 2:
            raise Cancelled

    frames = animated([("A", painted(4))], NAMES, "", check)
    drawn += [next(frames), next(frames)]
    with pytest.raises(Cancelled):
        next(frames)
