"""The data of the Manifold page, read from the study's records on a lane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.specs import VAEGAN, ImagesSpec, ManifoldDistance, Measurement, TangentShare
from engine.store.study import Study, spec_of

if TYPE_CHECKING:
    from engine.manifold.order import Distances
    from engine.manifold.panels import Panel

Tone = Literal["good", "warning", "error"]
READ = ("curve/", "probes/", "samples")

Numbers = Mapping[str, float | int | str]


@dataclass(frozen=True, eq=False)
class PanelView:
    """The curves and texts of one panel, such as one norm and loss.

    Attributes
    ----------
    name
        Distinguishes the panel from the generator's other panels.
    detail
        Attack, number of test images and variant, in words.
    tone
        Tone of the verdict.
    caption
        Caption of the exported figure.
    """

    name: str
    detail: str
    curves: tuple[Distances, ...]
    verdict: str
    tone: Tone
    caption: str


@dataclass(frozen=True, eq=False)
class ManifoldContent:
    """Everything that the page reads from the study.

    Attributes
    ----------
    panels
        Panels of the chosen generator.
    shares
        Key of a network -> the numbers of its share in the tangent space.
    history
        The chosen generator's curves and pictures; None if it has no record or was read before.
    """

    panels: tuple[PanelView, ...] = ()
    shares: Mapping[str, Numbers] = field(default_factory=dict)
    history: Mapping[str, NDArray[Any]] | None = None


def collect(
    study: Study, images: ImagesSpec, generator: VAEGAN | None, *, with_history: bool
) -> ManifoldContent:
    """Read the results of a generator, and the shares of the networks of its images."""
    stored = generator is not None and study.has(generator)
    history = _history(study, generator.key) if stored and with_history and generator else None
    key = "" if generator is None else generator.key
    panels = _panels(study, key) if stored else ()
    return ManifoldContent(panels, _shares(study, images, key), history)


def _history(study: Study, key: str) -> dict[str, NDArray[Any]]:
    arrays = study.read(key).arrays
    return {name: np.asarray(found) for name, found in arrays.items() if name.startswith(READ)}


def _panels(study: Study, generator: str) -> tuple[PanelView, ...]:
    from engine.manifold import panels as manifold_panels

    found = [
        (panel, spec)
        for panel in manifold_panels.panels(study)
        if (spec := _spec_behind(study, panel)) is not None and spec.generator.key == generator
    ]
    names = manifold_panels.titles([panel for panel, _ in found])
    known = "explained" in study.entry(generator).numbers
    return tuple(
        _panel(panel, spec, name, known=known)
        for (panel, spec), name in zip(found, names, strict=True)
    )


def _spec_behind(study: Study, panel: Panel) -> ManifoldDistance | None:
    """Return the spec of the last curve of a panel, which is always one of an attack."""
    spec = spec_of(study.entry(panel.curves[-1].key))
    return spec if isinstance(spec, ManifoldDistance) else None


def _panel(panel: Panel, spec: ManifoldDistance, name: str, *, known: bool) -> PanelView:
    from engine.figures.manifold import density_chart

    detail = f"{spec.attack.title}, {panel.test_images:,} test images, {panel.variant}"
    verdict = panel.verdict if known else _UNKNOWN
    chart = density_chart(panel, name)
    return PanelView(
        name=name,
        detail=detail,
        curves=panel.curves,
        verdict=verdict,
        tone=tone_of(panel) if known else "warning",
        caption=chart.caption if known else chart.caption.replace(panel.verdict, verdict),
    )


_UNKNOWN = (
    "No verdict: the generator's record does not say which share of the images' variance its "
    "reconstructions hold; train it anew."
)


def tone_of(panel: Panel) -> Tone:
    """Return the tone of a verdict: good, an error if the claim fails, or a warning if in doubt.

    With too few seeds to judge, it is that of the test images.
    """
    orders = {panel.order}
    if panel.trusted and panel.over_seeds.judged:
        orders.add(panel.over_seeds.order)
    if "does not hold" in orders:
        return "error"
    return "good" if orders == {"holds"} else "warning"


def _shares(study: Study, images: ImagesSpec, generator: str) -> dict[str, Numbers]:
    """Return the newest shares of each network, those measured with this generator if it has any.

    Estimates of other generators are left out, because the page shows this generator's name.
    """
    found: dict[str, Numbers] = {}
    for entry in study.entries:
        of_kind = entry.spec.get("metric", {}).get("kind") == TangentShare.kind
        spec = spec_of(entry) if of_kind else None
        if not isinstance(spec, Measurement) or not isinstance(spec.metric, TangentShare):
            continue
        if spec.classifier.images != images:
            continue
        own = spec.metric.generator is not None and spec.metric.generator.key == generator
        numbers = entry.numbers if own else _without(entry.numbers, ("estimated", "overlap"))
        before = found.get(spec.classifier.key, {})
        if numbers and (own or "estimated" not in before):
            found[spec.classifier.key] = numbers
    return found


def _without(numbers: Numbers, starts: Sequence[str]) -> dict[str, float | int | str]:
    """Return the numbers whose names have none of these prefixes; none without a known share."""
    kept = {name: value for name, value in numbers.items() if not name.startswith(tuple(starts))}
    return kept if "known" in kept else {}
