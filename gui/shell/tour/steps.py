"""The eight steps of the guided tour: the widget each one points at, and its text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QTabWidget, QWidget

from engine.texts import percent
from engine.tradeoff.points import NetworkPoint
from engine.tradeoff.robustness import wilson
from engine.tradeoff.scores import score_note
from gui.pages import ATTACK, BOUNDARY, DATA, MANIFOLD, MAPS, RETRAIN, TRADEOFF, Place
from gui.shell.tour.facts import GRADIENT, Facts

if TYPE_CHECKING:
    from gui.pages.common.page import Page


@dataclass(frozen=True)
class TourStep:
    """One step of the tour.

    Attributes
    ----------
    page
        The page to show.
    title
        The heading of the card.
    part
        Attribute of the page with the widget to point at, or a list of widgets; dots lead to
        attributes of attributes, and a space parts several.
    text
        Returns the text of the card from the facts of the study.
    there
        Returns whether the study has what the page would show; a step over an empty page is left
        out.
    """

    page: Place
    title: str
    part: str
    text: Callable[[Facts], str]
    there: Callable[[Facts], bool] = lambda _: True

    def prepare(self, page: Page, facts: Facts) -> None:
        """Set the page to what the card says: its two networks, its image and its attack."""
        chosen = [point.key for _, point in _both(facts)]
        page.demonstrate(chosen, facts.example)

    def anchors(self, page: QWidget) -> list[QWidget]:
        """Return the widgets that the step points at, or the page if none of them is visible."""
        listed = [widget for part in self.part.split() for widget in _all_of(page, part)]
        return [w for w in listed if isinstance(w, QWidget) and w.isVisible()] or [page]

    def anchor(self, page: QWidget) -> QWidget:
        """Return the first widget that the step points at."""
        return self.anchors(page)[0]

    def reveal(self, page: QWidget) -> None:
        """Show the tab that contains the step's widget."""
        inner = self._part_of(page)
        outer = None if inner is None else inner.parentWidget()
        while inner is not None and outer is not None and inner is not page:
            tabs = outer.parentWidget()
            if isinstance(tabs, QTabWidget) and tabs.indexOf(inner) >= 0:
                tabs.setCurrentWidget(inner)
            inner, outer = outer, outer.parentWidget()

    def _part_of(self, page: QWidget) -> QWidget | None:
        found = _all_of(page, self.part.split()[0])[:1]
        return found[0] if found and isinstance(found[0], QWidget) else None


def _all_of(page: QWidget, part: str) -> list[object]:
    """Return the attribute of a page that a dotted name leads to, or all of a list."""
    found: object = page
    for name in part.split("."):
        found = getattr(found, name, None)
    return found if isinstance(found, list) else [found]


def steps() -> tuple[TourStep, ...]:
    """Return the steps in order."""
    return (
        TourStep(DATA, "Images, and what a network may learn of them", "browser", _images),
        TourStep(ATTACK, "Right on images, wrong beside them", "picker", _accuracies, _trained),
        TourStep(ATTACK, "An attack walks eps away from the image", "one", _attack, _trained),
        TourStep(MAPS, "Robust gradients can be read", "grid", _maps, _trained),
        TourStep(BOUNDARY, "Why: the boundary was tilted", "panels tilts", _tilt, _tilted),
        TourStep(MANIFOLD, "Attacks that stay among images", "distances", _manifold, _on_manifold),
        TourStep(RETRAIN, "Is a readable map a true one?", "plot", _scores, _scored),
        TourStep(TRADEOFF, "The price, and the open question", "plot", _tradeoff, _scored),
    )


def _trained(facts: Facts) -> bool:
    return bool(_both(facts))


def _tilted(facts: Facts) -> bool:
    return facts.tilt is not None


def _on_manifold(facts: Facts) -> bool:
    return bool(facts.tangent)


def _scored(facts: Facts) -> bool:
    return any(point.scores for _, point in _both(facts))


def _images(facts: Facts) -> str:
    if facts.images is None:
        return "This study holds no images yet: drop a folder anywhere on the window."
    name, train, test, classes = facts.images
    counts = (
        f"{name}: {train:,} training and {test:,} test images in {classes} classes. Every network "
        "of this study learned from the same ones."
    )
    question = (
        "The question of this tour: which pixels does a network's answer hang on, and can a person "
        "read them?"
    )
    return f"{counts} {question}"


def _accuracies(facts: Facts) -> str:
    lead = (
        "A network of standard training knows the test images, and yet changes its answer when "
        "they are changed invisibly. Adversarial training shows it attacked images instead."
    )
    plain, robust = facts.standard, facts.robust
    if plain is None or robust is None:
        return f"{lead} {'Train a standard and an adversarial network to compare them.'}"
    return (
        lead
        + " "
        + "Here: {plain}; {robust}.".format(
            plain=_accuracy("standard", plain), robust=_accuracy(_short(robust), robust)
        )
    )


def _attack(facts: Facts) -> str:
    lead = (
        "Move the slider: it is eps, how far every pixel may be moved. The pictures, the magnified "
        "perturbations and the bars of the classes follow at once. Around it shows where else near "
        "the image the answers change, Paint a class where a long walk leads."
    )
    if facts.example is not None and facts.example.falls:
        after = "keeps its own" if facts.example.holds else "does so too"
        lead += f" At {facts.example.attack.ball} the standard network changes its answer to this "
        lead += f"image, and the robust one {after}."
    told = []
    for name, point in _both(facts):
        if point.key in facts.fooled:
            eps, fallen, count = facts.fooled[point.key]
            low, high = wilson(fallen, count)
            told.append(
                f"{name}: {fallen} of {count} attacked images fall at eps {255 * eps:.3g}/255 "
                f"(95 %: {100 * low:.0f} to {percent(high, 0)})"
            )
    return _joined(lead, told)


def _maps(facts: Facts) -> str:
    lead = (
        "The gradient of a standard network says little to the eye, that of a robust one resembles "
        "the object: red pixels speak for the class when they brighten, blue ones against it. Over "
        "epochs shows how they came about."
    )
    told = [
        f"{name} {_within(facts.cosines[point.key])}"
        for name, point in _both(facts)
        if point.key in facts.cosines
    ]
    if not told:
        return lead
    return f"{lead} Cosine between gradient and image, 1 where they are alike: {'; '.join(told)}."


def _tilt(facts: Facts) -> str:
    lead = (
        "In the plane one sees why. A standard boundary leans along the direction in which the "
        "data hardly vary, so a short step crosses it; adversarial training turns it back."
    )
    if facts.tilt is None:
        return f"{lead} {'Run the lab here: its three networks take about a minute.'}"
    told = (
        "Tilt in this study: {a:.1f}° in standard training, {b:.1f}° at the largest eps; the chart "
        "below shows the single networks."
    )
    return f"{lead} {told.format(a=facts.tilt[0], b=facts.tilt[1])}"


def _manifold(facts: Facts) -> str:
    lead = (
        "A boundary that follows the data is crossed along the data: attacks on robust networks "
        "stay closer to the manifold of images, and so do their gradients."
    )
    told = [
        f"{name}: {_within(facts.tangent[point.key])} of the gradient's length lies in the "
        "tangent space"
        for name, point in _both(facts)
        if point.key in facts.tangent
    ]
    if told:
        return _joined(lead, told)
    missing = (
        "This study has not measured it yet; on Glyphs, whose manifold is known, it takes seconds."
    )
    return f"{lead} {missing}"


def _scores(facts: Facts) -> str:
    lead = (
        "Looks prove nothing. ROAR removes the pixels that a map calls important and trains anew; "
        "the area between its curve and that of random pixels is the score. KAR keeps them instead."
    )
    told = [
        ", ".join(
            filter(None, (f"{name}: ROAR {_roar(point):+.3f}", score_note(point, "roar", GRADIENT)))
        )
        for name, point in _both(facts)
        if _roar(point) is not None
    ]
    return _joined(lead, told)


def _tradeoff(facts: Facts) -> str:
    parts = ["Every network is one dot: accuracy to the right, the worth of its map upwards."]
    plain, robust = facts.standard, facts.robust
    if plain and robust and None not in (plain.clean_accuracy, robust.clean_accuracy):
        parts.append(
            f"From standard to {_short(robust)}, accuracy goes from "
            f"{100 * (plain.clean_accuracy or 0):.1f} to "
            f"{percent(robust.clean_accuracy or 0)}."
        )
    if facts.fit is not None:
        sure = "" if facts.limits is None else " (95 %: {:+.2f} to {:+.2f})".format(*facts.limits)
        parts.append(
            f"Over {facts.fit[1]} networks, accuracy and ROAR score correlate by "
            f"{facts.fit[0]:+.2f}{sure}."
        )
    parts.append(
        "Open: does better adversarial training, or a better map, lift the whole line? Add "
        "your own networks and see."
    )
    return " ".join(parts)


def _both(facts: Facts) -> list[tuple[str, NetworkPoint]]:
    """Return the networks that the tour compares, each with the name used in the texts."""
    named = (("standard", facts.standard), ("", facts.robust))
    return [(name or _short(point), point) for name, point in named if point is not None]


def _short(point: NetworkPoint) -> str:
    return point.network.split(",")[0]


def _accuracy(name: str, point: NetworkPoint) -> str:
    clean, robust = (
        "–" if value is None else percent(value)
        for value in (point.clean_accuracy, point.lowest.accuracy if point.lowest else None)
    )
    text = "{name} {clean} right on clean images, {robust} under attack"
    told = text.format(name=name, clean=clean, robust=robust)
    if point.lowest is None or point.robustness is None:
        return told
    low, high = point.lowest.interval
    return f"{told} at {point.robustness.threat} (95 %: {100 * low:.0f} to {percent(high, 0)})"


def _within(mean: tuple[float, float]) -> str:
    """Return a mean with its 95 % interval."""
    return f"{mean[0]:.2f} ({mean[0] - mean[1]:.2f} to {mean[0] + mean[1]:.2f})"


def _roar(point: NetworkPoint) -> float | None:
    return point.scores.get("roar", {}).get(GRADIENT)


def _joined(lead: str, told: list[str]) -> str:
    return f"{lead} {'Here:'} {'; '.join(told)}." if told else lead
