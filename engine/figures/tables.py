"""The results of a study as JSON, text and tables, for the command ``show`` and the report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from engine.boundary import lab
from engine.figures.catalog import Table
from engine.figures.cells import columns
from engine.figures.frontier.tables import frontier_json, frontier_text
from engine.manifold import panels as manifold_panels
from engine.manifold import seeds as manifold_seeds
from engine.manifold.order import OrderStep
from engine.specs import Measurement, TangentShare
from engine.store.study import Study, spec_of
from engine.tradeoff import comparison, scores
from engine.tradeoff import points as tradeoff_points
from engine.tradeoff.metrics import Measured, caveats, limits_text, measured_in
from engine.tradeoff.planning import ASSUMED

T = TypeVar("T")
LONG, SHOWN = 50, 10
"""Rows above which a table is shortened at the end of a run, and rows that are then shown."""
SCORED_CONTROLS = ("sobel", "blurred", "matched", "reversed")
NEEDED = "What would tell these correlations from noise"


def as_json(study: Study) -> dict[str, Any]:
    """Return a study in the form that ``show --json`` prints; its names must not change."""
    points = tradeoff_points.networks(study)
    panels = manifold_panels.panels(study)
    return {
        "tradeoff": [tradeoff_points.as_json(point) for point in points],
        "correlations": [comparison.as_json(row) for row in comparison.rows(points)],
        "manifold": list(map(_panel_json, manifold_panels.names(panels), panels)),
        "tangent_share": tangent_shares(study),
        "metrics": list(map(_measured_json, measured_in(study))),
        "boundary": [_tilt_json(tilt) for tilt in lab.tilts(study)],
        "frontier": frontier_json(study),
    }


def as_text(study: Study, *, short: bool = False) -> str:
    """Return the same as text tables; tables without rows are left out.

    Parameters
    ----------
    short
        Whether to show the first rows of long tables only, for the end of a run. A frontier is
        never shortened: it stands last, and its verdicts are the last lines.
    """
    points = tradeoff_points.networks(study)
    path = study.path if short else None

    def table(title: str, rows: Sequence[list[str]], left: int, note: str = "") -> None:
        listed, more = _first(rows[1:], path)
        if listed:
            parts.append(f"{title}\n{columns([rows[0], *listed], left)}{more}{note}")

    parts = []
    if points:
        listed, more = _first(points, path)
        parts.append(scores.table(listed) + more + _hidden_doubts(points[len(listed) :]))
    table("Scores and their controls", control_rows(points), 3)
    rows = comparison.rows(points)
    if rows:
        title = "Correlations, published and ours"
        table(title, comparison.table(rows), 3, f"\n{comparison.RULE}")
        table(NEEDED, comparison.plans(rows), 4, f"\n{ASSUMED}")
    panels = manifold_panels.panels(study)
    for name, panel in zip(manifold_panels.titles(panels), panels, strict=True):
        title = f"Distance to the manifold, {name}, {panel.variant}"
        table(title, distance_rows(panel), 1, f"\n{panel.verdict}")
    table("Share of the gradient in the tangent space", _share_rows(tangent_shares(study)), 2)
    table("Metrics", metric_rows(study), 2)
    table("Scores and their baselines", beside_rows(study), 2)
    if told := caveats(measured_in(study)):
        parts.append("What they do not show\n" + "\n".join(told))
    table("Boundary tilt", _tilt_rows(lab.tilts(study)), 1)
    if frontier := frontier_text(study):
        parts.append(frontier)
    return "\n\n".join(parts)


def _hidden_doubts(points: Sequence[tradeoff_points.NetworkPoint]) -> str:
    """Return a line on doubtful accuracies of networks that a shortened table does not show."""
    found = [point.robustness for point in points if point.robustness is not None]
    count = sum(one.verdict == "doubtful" for one in found)
    return f"\n{count:,} of those have a doubtful robust accuracy" if count else ""


def _first(items: Sequence[T], path: Path | None) -> tuple[Sequence[T], str]:
    """Return the first of many items and a line on the rest; all and "" without a path."""
    if path is None or len(items) <= LONG:
        return items, ""
    study = f'"{path}"' if " " in str(path) else f"{path}"
    more = f"... and {len(items) - SHOWN:,} more: main.py show --study {study} lists all"
    return items[:SHOWN], f"\n{more}"


def tradeoff_tables(study: Study) -> Iterator[Table]:
    """Yield the tables below the trade-off in a report: correlations, and scores of controls."""
    points = tradeoff_points.networks(study)
    rows = comparison.rows(points)
    if rows:
        for title, part in comparison.parts(rows):
            yield title, part, comparison.IDENTITY
        yield NEEDED, comparison.plans(rows), 4
    controls = control_rows(points)
    if len(controls) > 1:
        yield "Scores and their controls", controls, 3


def manifold_tables(study: Study) -> Iterator[Table]:
    """Yield the tables below the densities in a report: the distances of every panel."""
    panels = manifold_panels.panels(study)
    for name, panel in zip(manifold_panels.titles(panels), panels, strict=True):
        yield name, distance_rows(panel), 1


def metric_tables(study: Study) -> Iterator[Table]:
    """Yield the tables below the charts of metrics in a report: their numbers."""
    rows = metric_rows(study)
    if len(rows) > 1:
        yield "Metrics of networks", rows, 2
    beside = beside_rows(study)
    if len(beside) > 1:
        yield "Scores and their baselines", beside, 2


def metric_rows(study: Study) -> list[list[str]]:
    """Return the metrics that are a single number, one row of texts each, headings first."""
    return [
        ["network", "metric", "value", "95 %", "images"],
        *(
            [
                found.network,
                found.metric.title,
                f"{found.value:.4g}",
                limits_text(found) or "-",
                f"{found.test_images}",
            ]
            for found in measured_in(study)
            if found.value is not None
        ),
    ]


def beside_rows(study: Study) -> list[list[str]]:
    """Return the scores with baselines, one row of texts each, headings first."""
    known = [one for one in measured_in(study) if one.value is not None and one.beside]
    names = list(dict.fromkeys(name for one in known for name in one.beside))
    return [
        ["network", "metric", "value", *names],
        *(
            [
                one.network,
                one.metric.title,
                f"{one.value:.4g}",
                *(f"{one.beside[name]:.4g}" if name in one.beside else "-" for name in names),
            ]
            for one in known
        ),
    ]


def _measured_json(found: Measured) -> dict[str, Any]:
    return {
        "network": found.network,
        "network_key": found.classifier,
        "key": found.key,
        "metric": found.spec.metric.kind,
        "title": found.spec.metric.title,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "beside": found.beside,
        "caveat": found.metric.caveat,
        "test_images": found.test_images,
    }


def control_rows(points: Sequence[tradeoff_points.NetworkPoint]) -> list[list[str]]:
    """Return every score that has controls beside it, headings first."""
    names = ("sobel", "blurred", "matched blur", "DiffROAR")
    rows = [["network", "score", "value", *names, "mask only %", "blurriness"]]
    for point in points:
        for mode, found in point.controls.items():
            for kind, controls in found.items():
                masks, blurriness = controls.get("mask_only"), point.blurriness.get(kind)
                beside = map(controls.get, SCORED_CONTROLS)
                rows.append(
                    [
                        point.network,
                        f"{mode.upper()} {kind}",
                        scores.score_text(point, mode, kind, 4),
                        *("-" if value is None else f"{value:+.4f}" for value in beside),
                        "-" if masks is None else f"{100 * masks:.1f}",
                        "-" if blurriness is None else f"{blurriness:.2f}",
                    ]
                )
    return rows


def distance_rows(panel: manifold_panels.Panel) -> list[list[str]]:
    """Return the curves of a panel as rows of texts in the claimed order, headings first."""
    return [
        ["attacked network", "mean", "mode", "counted"],
        *(
            [curve.name, f"{curve.mean:.3f}", f"{curve.mode:.3f}", f"{len(curve.values)}"]
            for curve in panel.curves
        ),
    ]


def _panel_json(name: str, panel: manifold_panels.Panel) -> dict[str, Any]:
    return {
        "name": name,
        "norm": panel.norm,
        "loss": panel.loss,
        "variant": panel.variant,
        "images": panel.images,
        "test_images": panel.test_images,
        "verdict": panel.verdict,
        "holds": panel.holds,
        "order": panel.order,
        "over_seeds": manifold_seeds.as_json(panel.over_seeds),
        "explained": panel.explained,
        "curves": [
            {
                "name": c.name,
                "eps": c.eps,
                "mean": c.mean,
                "mode": c.mode if math.isfinite(c.mode) else None,
                "n": len(c.values),
            }
            for c in panel.curves
        ],
        "steps": [_step_json(step) for step in panel.steps],
    }


def _step_json(step: OrderStep) -> dict[str, Any]:
    limits = {"low": step.low, "high": step.high}
    known = {name: at if math.isfinite(at) else None for name, at in limits.items()}
    return {**asdict(step), **known}


def tangent_shares(study: Study) -> list[dict[str, Any]]:
    """Return every measured share of the gradient in the tangent space."""
    found = []
    for entry in study.entries:
        spec = spec_of(entry) if entry.kind == Measurement.kind else None
        if isinstance(spec, Measurement) and isinstance(spec.metric, TangentShare):
            found.append({"network": study.title(spec.classifier), **entry.numbers})
    return found


def _share_rows(shares: Sequence[dict[str, Any]]) -> list[list[str]]:
    names = ["known", "known_baseline", "estimated", "estimated_baseline", "overlap"]
    return [
        ["network", *(name.replace("_", " ") for name in names)],
        *(
            [row["network"], *(f"{row[name]:.3f}" if name in row else "-" for name in names)]
            for row in shares
        ),
    ]


def _tilt_json(tilt: lab.Tilt) -> dict[str, Any]:
    return {
        "training": tilt.title,
        "eps": tilt.eps,
        "angle_degrees": tilt.mean,
        "angle_std": tilt.spread if len(tilt.angles) > 1 else None,
        "seeds": len(tilt.angles),
    }


def _tilt_rows(tilts: Sequence[lab.Tilt]) -> list[list[str]]:
    return [
        ["training", "eps", "angle", "std", "seeds"],
        *(
            [
                tilt.title,
                f"{tilt.eps:g}",
                f"{tilt.mean:.1f}",
                f"{tilt.spread:.1f}" if len(tilt.angles) > 1 else "-",
                str(len(tilt.angles)),
            ]
            for tilt in tilts
        ),
    ]
