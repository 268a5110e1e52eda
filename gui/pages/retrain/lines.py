"""The lines of the Retrain page's chart: scores, their controls, and the random baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import Qt

from engine.retraining.curves import Curve
from gui.pages.retrain.view import SCORE

SHARED = ("random", "sobel")
"""What does not depend on the network: drawn once."""

STYLES = {
    SCORE: Qt.PenStyle.SolidLine,
    "random": Qt.PenStyle.DashLine,
    "sobel": Qt.PenStyle.DashDotLine,
    "blurred": Qt.PenStyle.DashLine,
    "mask_only": Qt.PenStyle.DotLine,
    "matched": Qt.PenStyle.DashDotLine,
    "reversed": Qt.PenStyle.DotLine,
}


@dataclass(frozen=True, eq=False)
class CurveLine:
    """One line of the chart, and the curve it shows.

    Attributes
    ----------
    key
        Unique name of the line. For a network's line, the network's key or a string that begins
        with it.
    what
        "none" for the score itself, "random", or a control.
    numbers
        x and y, and the low and high of the band if there is one. Empty for a line that only the
        legend shows: it explains a style, in the colour of the first network that uses it.
    """

    key: str
    what: str
    curve: Curve
    numbers: tuple[Any, ...]


def lines_of(curves: Sequence[Curve]) -> list[CurveLine]:
    """Return each line once: shared lines first, then each network's score and controls."""
    found: dict[str, CurveLine] = {}
    begun = any(curve.own for curve in curves)
    for curve in curves:
        if begun and not curve.own:
            continue  # others share some of its baseline, which would look like one more
        if curve.done > curve.own and curve.spec.control != "reversed":
            key = f"random/{_setting(curve)}"
            numbers = (curve.random_mean, curve.random_low, curve.random_high)
            found.setdefault(
                key, CurveLine(key, "random", curve, (curve.random_fractions, *numbers))
            )
    for curve in sorted(curves, key=lambda curve: curve.spec.control != "sobel"):
        line = _line(curve) if curve.own else None
        if line is not None:
            found.setdefault(line.key, line)
    own = [line for line in found.values() if line.what not in (SCORE, *SHARED)]
    first = {line.what: line.curve for line in reversed(own)}
    nothing = np.empty(0)
    keys = [
        CurveLine(f"legend/{what}", what, first[what], (nothing, nothing))
        for what in STYLES
        if what in first
    ]
    return [*found.values(), *keys]


def suffixes(lines: Sequence[CurveLine]) -> dict[str, str]:
    """Return by key what tells shared lines of one kind apart; nothing where there is only one.

    While more repeats are computed, the networks that have them are compared with another line.
    """
    found: dict[str, str] = {}
    for what in SHARED:
        alike = [line for line in lines if line.what == what]
        if len(alike) > 1:
            for line in alike:
                repeats = line.curve.spec.repeats
                found[line.key] = f", {repeats} repeat" + "s" * (repeats != 1)
    return found


def mean_accuracy(curve: Curve) -> float:
    """Return the mean accuracy over fractions and repeats, without the fractions 0 and 1."""
    inside = (curve.fractions > 0) & (curve.fractions < 1)
    return float(np.nanmean(curve.values[:, inside]))


def _line(curve: Curve) -> CurveLine:
    control, network = curve.spec.control, curve.spec.classifier.key
    if control == SCORE:
        return CurveLine(
            network, control, curve, (curve.fractions, curve.mean, curve.low, curve.high)
        )
    key = f"sobel/{_setting(curve)}" if control == "sobel" else f"{network}/{control}"
    return CurveLine(key, control, curve, (curve.fractions, curve.mean))


def _setting(curve: Curve) -> str:
    """Return a key of the settings that two curves must have in common to share a line."""
    spec = curve.spec
    own = spec.classifier.key if spec.random_baseline == "own" else ""
    return f"{spec.baseline.key}/{spec.fractions}/{spec.repeats}/{spec.seed}/{own}"
