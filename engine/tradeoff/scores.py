"""Networks and their scores in words: values, spreads, and the retrainings behind them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.tradeoff.points import MODES, NetworkPoint, attributions_in

ONE_RETRAINING = "1 retraining, spread unknown"


def table(points: Sequence[NetworkPoint]) -> str:
    """Return the networks as a table of aligned text: accuracies in percent, scores unscaled.

    Behind every score is its standard deviation over retrainings and their number; below the table
    is what that means.
    """
    kinds = attributions_in(points) or ["gradient", "gradient_x_input"]
    short = {"gradient": "G", "gradient_x_input": "GX"}
    columns = [(mode, kind) for mode in MODES for kind in kinds]
    rows = [
        ["network", "clean %", "robust %"]
        + [f"{mode.upper()} {short.get(kind, kind)}" for mode, kind in columns]
    ]
    for point in points:
        accuracies = (point.clean_accuracy, point.robust_accuracy)
        rows.append(
            [
                point.network,
                *("-" if value is None else f"{100 * value:.1f}" for value in accuracies),
                *(score_text(point, mode, kind, 4) for mode, kind in columns),
            ]
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    found = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
    return "\n".join([*found, retrainings_note(points)]).rstrip()


def score_text(
    point: NetworkPoint, mode: str, kind: str, digits: int = 3, *, short: bool = False
) -> str:
    """Return a score, its spread, and in brackets the retrainings behind it; "-" for none.

    The short form leaves out the brackets where the spread is known.
    """
    value = point.scores.get(mode, {}).get(kind)
    if value is None:
        return "-"
    spread = point.spreads.get(mode, {}).get(kind)
    count = point.retrainings.get(mode, {}).get(kind)
    text = f"{value:+.{digits}f}" + ("" if spread is None else f" ± {spread:.{digits}f}")
    return text if count is None or (short and spread is not None) else f"{text} ({count})"


def score_note(point: NetworkPoint, mode: str, kind: str) -> str:
    """Return what a score's number of retrainings means, in words; "" if it is unknown."""
    count = point.retrainings.get(mode, {}).get(kind)
    if count is None:
        return ""
    return ONE_RETRAINING if count == 1 else f"{count} retrainings"


def retrainings_note(points: Iterable[NetworkPoint]) -> str:
    """Return a sentence on the numbers in brackets behind scores; "" if there are none."""
    counts = {n for point in points for found in point.retrainings.values() for n in found.values()}
    if not counts:
        return ""
    text = "(n): n retrainings a point, ± the standard deviation of the score over them."
    return f"{text} (1): {ONE_RETRAINING}." if 1 in counts else text
