"""Labels lie beside their points, off lines, off marks and off each other."""

import numpy as np
import pytest

from engine.figures.paper.label_places import Box, pieces, places

ROOM = Box(0, 0, 100, 100)
SIZE = (20.0, 10.0)


def placed(points, **options):
    points = np.array(points, dtype=float)
    return places(points, [SIZE] * len(points), ROOM, 4.0, **options)


def test_that_a_label_lies_right_of_its_point_where_nothing_is_in_the_way():
    (found,) = placed([(50, 50)])
    assert found.box == Box(54, 45, 74, 55)
    assert not found.on_line


def test_that_a_label_lies_left_at_the_right_end():
    (found,) = placed([(98, 50)])
    assert found.box == Box(74, 45, 94, 55)


@pytest.mark.parametrize("slope", [-1.0, -0.3, 0.0, 0.3, 1.0])
def test_that_no_line_through_its_point_strikes_through_a_label(slope):
    x = np.array([0.0, 100.0])
    line = pieces(x, 50 + slope * (x - 50))
    (found,) = placed([(50, 50)], lines=line)
    assert not found.on_line
    assert not found.box.crossed(line)


def test_that_labels_keep_off_other_points_and_each_other():
    first, second = placed([(50, 50), (60, 50)])
    assert not first.box.has(np.array([[60.0, 50.0]]))
    assert not first.box.overlaps(second.box)


def test_that_a_label_amid_lines_lies_beside_its_point_and_says_so():
    x = np.array([0.0, 100.0])
    lines = np.concatenate([pieces(x, np.full(2, float(y))) for y in range(0, 100, 5)])
    (found,) = placed([(50, 52)], lines=lines)
    assert found.on_line
    assert found.box == Box(54, 47, 74, 57)


def test_that_a_label_covers_no_mark_even_where_lines_are_everywhere():
    x = np.array([0.0, 100.0])
    lines = np.concatenate([pieces(x, np.full(2, float(y))) for y in range(0, 100, 5)])
    mark = np.array([[60.0, 58.5]])  # above the first place of the label, which ends at 57
    (found,) = placed([(50, 52)], lines=lines, marks=mark)
    assert found.on_line
    assert found.box == Box(26, 47, 46, 57)
    beside = [(x, y) for x in (40.0, 60.0) for y in (45.0, 50.0, 55.0, 60.0)]
    assert placed([(50, 52)], lines=lines, marks=np.array(beside)) == [None]


def test_that_a_label_without_room_is_left_out():
    close = [(50 + 0.1 * n, 50) for n in range(20)]
    found = placed(close)
    assert found[0] is not None
    assert found.count(None) > 10
    boxes = [place.box for place in found if place is not None]
    assert not any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[:n])


@pytest.mark.parametrize(
    ("line", "crossed"),
    [
        ((0, 0, 10, 10), True),  # from corner to corner
        ((4, 4, 6, 6), True),  # wholly inside
        ((5, -5, 5, 20), True),  # upright
        ((-5, 5, 20, 5), True),  # level
        ((-5, 5, -1, 5), False),  # ends before it
        ((-5, 11, 20, 11), False),
        ((11, -5, 11, 20), False),
        ((0, 15, 15, 30), False),
        ((5, 5, 5, 5), True),  # of no length, inside
        ((50, 5, 50, 5), False),
    ],
)
def test_that_lines_through_a_box_are_told_from_those_beside_it(line, crossed):
    assert Box(0, 0, 10, 10).crossed(np.array([line], dtype=float)) == crossed
