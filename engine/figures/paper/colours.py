"""Colours of series, distinguishable with common colour blindness. Imports nothing."""

from __future__ import annotations

# The window's series colours in light mode: hues of Okabe and Ito (2008), darkened so that a line
# in each is visible on white paper. A test checks that the two lists are equal.
SERIES = (
    "#0072b2", "#c94f00", "#00835f", "#b0538b", "#9a6a00", "#2a86b8", "#5d6570", "#4b3fa0",
)  # fmt: skip
# Further palettes of eight colours, distinguishable with common colour blindness and in print.
PALETTES: dict[str, tuple[str, ...]] = {
    "screen": SERIES,
    # Okabe and Ito 2008, in the order of SERIES. Its yellow is too pale for a line on white: a grey
    # takes its place, dark because a lighter one is the green as some see it.
    "okabe_ito": (
        "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#505050", "#000000",
    ),
    # Paul Tol's "bright" and one of his "vibrant".
    "tol": (
        "#4477aa", "#ee6677", "#228833", "#aa3377", "#ccbb44", "#66ccee", "#bbbbbb", "#ee7733",
    ),
    # Without colour, dashes and marks distinguish the curves.
    "grey": (
        "#000000", "#5a5a5a", "#8c8c8c", "#2d2d2d", "#737373", "#a6a6a6", "#444444", "#999999",
    ),
}  # fmt: skip
