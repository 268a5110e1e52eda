"""Which sizes of images are taken, and how that is said."""

import pytest

from engine.networks.sizes import Sizes


@pytest.mark.parametrize(
    ("sizes", "shape", "side", "sentence"),
    [
        (Sizes(63), (3, 63, 80), 80, ""),
        (Sizes(63), (3, 62, 80), 80, "images are 80x62 px, it needs at least 63x63 px"),
        (Sizes(16, 16, True), (1, 32, 32), 32, ""),
        (
            Sizes(16, 16, True),
            (1, 32, 48),
            48,
            "images are 48x32 px, it needs square images whose sides are multiples of 16 px, such "
            "as 48x48 px",
        ),
        (
            Sizes(32, 8),
            (3, 16, 16),
            32,
            "images are 16x16 px, it needs images whose sides are multiples of 8 px, at least 32, "
            "such as 32x32 px",
        ),
        (Sizes(colour=True), (4, 8, 8), 8, "images have 4 channels, it takes 1 or 3"),
        (Sizes(), (2, 1, 1), 1, ""),
    ],
)
def test_that_a_fault_says_what_is_taken_and_the_nearest_size(sizes, shape, side, sentence):
    assert sizes.fault(shape, "it") == sentence
    assert sizes.nearest(shape) == side
    assert not sizes.fault((shape[0] if not sizes.colour else 3, side, side), "it")
