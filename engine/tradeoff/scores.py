"""Networks and their scores in words: values, spreads, and the retrainings behind them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.specs import Measurement, Spec
from engine.specs.schema import kind_label
from engine.store.index import Entry
from engine.store.study import Study, spec_of
from engine.texts import percent
from engine.tradeoff.leaderboard import standings
from engine.tradeoff.metrics import beside_text, limits_text, measured
from engine.tradeoff.points import MODES, NetworkPoint, attributions_in
from engine.tradeoff.robustness import (
    Robustness,
    attacked_network,
    measured_findings,
    robustness,
    sentence,
)

VERDICTS = {"ok": "ok", "doubtful": "doubtful", "unchecked": "not yet checked"}
LEFT = (0, 4, 5)  # columns of words
ROBUST_NOTE = (
    "robust %: the lowest accuracy that any attack in the study left at the threat of the "
    "network's evaluation, with its 95 % Wilson interval. Not yet checked: only that evaluation's "
    "own attack was made."
)
ONE_RETRAINING = "1 retraining, spread unknown"
SHORT = {"gradient": "G", "gradient_x_input": "GX"}  # in the headings of tables


def table(points: Sequence[NetworkPoint]) -> str:
    """Return the networks as a table of aligned text: accuracies in percent, scores unscaled.

    Behind every score is its standard deviation over retrainings and their number; below the table
    is what that means.
    """
    kinds = attributions_in(points) or list(SHORT)
    columns = score_columns(kinds)
    rows = [
        ["network", "clean %", "robust %", "95 %", "attack", "verdict"]
        + [heading for _, _, heading in columns]
    ]
    for point in points:
        clean = point.clean_accuracy
        rows.append(
            [
                point.network,
                "-" if clean is None else f"{100 * clean:.1f}",
                *robust_texts(point),
                *(score_text(point, mode, kind, 4) for mode, kind, _ in columns),
            ]
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    found = [
        "  ".join(
            text.ljust(width) if column in LEFT else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    notes = [ROBUST_NOTE, short_note(kinds), retrainings_note(points), *doubts(points)]
    return "\n".join([*found, *filter(None, notes)]).rstrip()


def score_columns(kinds: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return mode, kind of attribution and heading of every column of scores, such as "ROAR G"."""
    return [
        (mode, kind, f"{mode.upper()} {SHORT.get(kind) or kind_label(kind)}")
        for mode in MODES
        for kind in kinds
    ]


def short_note(kinds: Iterable[str]) -> str:
    """Say what the short names in the headings stand for; "" if there are none."""
    words = ", ".join(
        f"{SHORT[kind]}: {kind_label(kind).lower()}" for kind in kinds if kind in SHORT
    )
    return f"{words}." if words else ""


def robust_texts(point: NetworkPoint) -> tuple[str, str, str, str]:
    """Return the lowest accuracy under attack in percent, its interval, attack, and verdict."""
    left = point.lowest
    if left is None or point.robustness is None:
        return "-", "-", "-", "-"
    low, high = left.interval
    verdict = VERDICTS[point.robustness.verdict]
    return (
        f"{100 * left.accuracy:.1f}",
        f"{100 * low:.0f} to {100 * high:.0f}" if left.images else "-",
        point.robustness.attack_of(left),
        verdict,
    )


def robust_words(found: Robustness) -> str:
    """Return the lowest accuracy under attack with its attack and n, the verdict and findings."""
    left = found.lowest
    if left is None:
        return "No accuracy under attack."
    interval, count = "", "on a number of images that is not recorded"  # before version 1.0
    if left.images:
        low, high = left.interval
        interval, count = f" [{100 * low:.0f}, {100 * high:.0f}]", f"{left.images:,} images"
    first = (
        f"{percent(left.accuracy)}{interval} under {found.attack_of(left)}, {count}: "
        f"{VERDICTS[found.verdict]}."
    )
    return "\n".join([first, *found.findings])


def record_words(study: Study, entry: Entry) -> str:
    """Return what is to be said about a record's accuracy under attack, in lines; "" if nothing.

    Of a network: its lowest accuracy, verdict and findings over the whole study, and where it was
    evaluated by AutoAttack, its place among published networks. Of a measurement with checks:
    those that failed, or that none did. Of a score: its baselines, and what it does not show. Of
    all that attacks a network: what the study knows against the network's accuracy under attack.
    """
    known = robustness(study)
    if entry.key in known:
        ranked = [one.words for one in standings(study, entry.key) if one.robust is not None]
        return "\n".join([robust_words(known[entry.key]), *ranked])
    spec = spec_of(entry)
    checks = measured_findings(entry, spec) if isinstance(spec, Measurement) else []
    said = [sentence(check) for check in checks if not check.passed]
    if checks and not said:
        said = [f"All {len(checks)} checks passed."]
    said = said or _score_words(entry, spec)
    attacked = attacked_network(spec)
    if attacked is not None and attacked.key in known:
        said += network_doubts(known[attacked.key])
    return "\n".join(dict.fromkeys(said))


def network_doubts(found: Robustness) -> list[str]:
    """Return why an accuracy of this network under attack is not to be trusted; [] if it is."""
    if found.verdict == "ok":
        return []
    return [f"The network's accuracy under attack: {VERDICTS[found.verdict]}.", *found.findings]


def _score_words(entry: Entry, spec: Spec | None) -> list[str]:
    """Return the value of a score with its interval, its baselines, and its caveat."""
    if not isinstance(spec, Measurement) or not spec.metric.caveat:
        return []
    found = measured(entry, spec)
    if found.value is None:
        return [spec.metric.caveat]
    words = f"{spec.metric.title}: {found.value:.4g}"
    if limits := limits_text(found):
        words += f" ({limits}, 95 % over the images)"
    if beside := beside_text(found):
        words += f"; {beside}"
    return [f"{words}.", spec.metric.caveat]


def attack_notes(points: Iterable[NetworkPoint]) -> list[str]:
    """Return, for every attack behind a lowest accuracy, a line with its networks and intervals."""
    networks: dict[str, list[str]] = {}
    for point in points:
        left = point.lowest
        if left is not None and point.robustness is not None:
            verdict = VERDICTS[point.robustness.verdict]
            attack = point.robustness.attack_of(left)
            count = f"{left.images:,} images" if left.images else "images not counted"
            head = f"Robust under {attack}, {count} ({verdict})"
            low, high = left.interval
            numbers = percent(left.accuracy)
            numbers += f" [{100 * low:.1f}, {100 * high:.1f}]" if left.images else ""
            networks.setdefault(head, []).append(f"{point.network} {numbers}")
    return [f"{head}: {'; '.join(names)}." for head, names in networks.items()]


def doubts(points: Iterable[NetworkPoint]) -> list[str]:
    """Return a line for every finding about a network whose verdict is "doubtful"."""
    return [
        f"{point.network}: {sentence}"
        for point in points
        if point.robustness is not None and point.robustness.verdict == "doubtful"
        for sentence in point.robustness.findings
    ]


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
    several = "(n): n retrainings a point, ± the standard deviation of the score over them."
    said = [several] * (max(counts) > 1) + [f"(1): {ONE_RETRAINING}."] * (1 in counts)
    return " ".join(said)
