"""The sections on how often the network is right: clean, under attack, and among published ones."""

from __future__ import annotations

from collections.abc import Iterator

from engine.figures.metrics import record_charts
from engine.figures.network_page.markup import Markup, chart, element, listed, paragraphs, table
from engine.figures.network_page.subject import Subject, interval, missing, wanted
from engine.specs import AttackSpec, RobustAccuracy, StrongAccuracy
from engine.texts import percent
from engine.tradeoff.leaderboard import UNCOMPARED, Standing, standings
from engine.tradeoff.robustness import Left
from engine.tradeoff.scores import VERDICTS

HEAD = ("", "accuracy", "95 % interval", "test images", "attack")


def accuracy(subject: Subject) -> Iterator[Markup]:
    """Yield the accuracies with their intervals, the verdict, and the findings."""
    known = subject.robustness
    yield table([HEAD, *_rows(subject)], words=(0, 4))
    verdict = VERDICTS[known.verdict]
    yield element("p", "Verdict: ", element("strong", verdict, class_=known.verdict), ".")
    if known.findings:
        yield listed(known.findings)
    if known.verdict == "unchecked":
        what = "accuracy under strong attacks at the threat of the network's evaluation"
        yield missing(subject, wanted(subject, StrongAccuracy), what)
    for entry, spec in list(subject.records_of_metric(RobustAccuracy))[-1:]:
        yield element("h3", f"Against eps: {spec.metric.title}")
        for data in record_charts(subject.study.read(entry.key)):
            yield chart(data)


def _rows(subject: Subject) -> Iterator[tuple[object, ...]]:
    numbers, known = subject.record.numbers, subject.robustness
    threat = _threat(subject.spec.evaluation)
    if "clean_accuracy" in numbers:
        count = _clean_images(subject)
        value = float(numbers["clean_accuracy"])
        limits = interval(round(value * count), count)
        yield "clean", percent(value), limits, f"{count:,}" if count else "–", "none"
    lowest = known.lowest
    for left in (known.own, known.strong):
        if left is not None:
            name = "lowest under attack" if left is lowest else "under attack"
            yield f"{name}, {threat}", *_left(left)
    if lowest is None:
        yield f"under attack, {threat}", "not measured", "–", "–", "–"


def _left(left: Left) -> tuple[str, str, str, str]:
    right = round(left.accuracy * left.images)
    return percent(left.accuracy), interval(right, left.images), f"{left.images:,}", left.attack


def _clean_images(subject: Subject) -> int:
    """Return over how many test images the clean accuracy is taken; 0 if that is not known."""
    if "clean_images" in subject.record.numbers:
        return int(subject.record.numbers["clean_images"])
    return int(subject.images.numbers.get("test_images", 0)) if subject.images is not None else 0


def _threat(attack: AttackSpec) -> str:
    return attack.ball if attack.eps else "eps 0"


# ------------------------------------------------------------------------------------------ ranking


def ranking(subject: Subject) -> Iterator[Markup]:
    """Yield the place among published entries, or how the evaluation differs from theirs."""
    found = standings(subject.study, subject.entry.key)
    common = [text for text in found[0].differences if text in found[1].differences]
    if common:
        yield element("p", "Not comparable with RobustBench's entries for CIFAR-10:")
        yield listed(common)
    for standing in found:
        if standing.place is not None:
            yield from _place(standing)
        elif own := [text for text in standing.differences if text not in common]:
            yield element("p", f"{standing.board.title}: ", *(f"{text} " for text in own))


def _place(standing: Standing) -> Iterator[Markup]:
    board = standing.board
    clean, robust = standing.clean or 0.0, standing.robust or 0.0
    yield element("h3", board.title)
    yield element(
        "p",
        f"Place {standing.place} among {len(board.entries)} published entries and this network, by "
        f"robust accuracy: {percent(robust, 2)} under AutoAttack, {percent(clean, 2)} clean.",
    )
    rows: list[tuple[object, ...]] = [("", "network", "clean %", "robust %", "architecture", "")]
    place = standing.place or 0
    own = (place, element("strong", "this network"), f"{100 * clean:.2f}", f"{100 * robust:.2f}")
    for rank, entry in standing.neighbours():
        if rank == place:
            rows.append((*own, "", ""))
        shown = rank if rank < place else rank + 1
        figures = (f"{entry.clean:.2f}", f"{entry.robust:.2f}")
        rows.append((shown, entry.name, *figures, entry.architecture, entry.venue))
    if place > len(board.entries):
        rows.append((*own, "", ""))
    yield table(rows, words=(1, 4, 5))
    yield from paragraphs(
        (
            f"Source: {board.source}, {board.date}. A published robust accuracy is the lowest "
            "known one, in a few cases by another attack than AutoAttack; entries outside that "
            "table are not counted. Networks trained with more data stand beside those without.",
            UNCOMPARED,
        ),
        class_="small",
    )
