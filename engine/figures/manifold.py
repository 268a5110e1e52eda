"""Figures of the approximated manifold: densities of distances, and generated images."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from engine.figures.charts import NEUTRAL, ChartData, FigureError, MapGridData, Picture, Series
from engine.figures.charts import series_colour as colour_of
from engine.figures.grids import rgb_row
from engine.manifold import panels as manifold_panels
from engine.specs import VAEGAN, ManifoldDistance
from engine.store.study import Study, spec_of
from engine.texts import percent

SHOWN = 8
NOTHING = (
    "the study has no distances to a manifold: run the preset manifold-glyphs, or use the page "
    "Manifold"
)


def distance_densities(study: Study) -> Picture:
    """Return one chart per norm and loss: densities of scaled distances."""
    charts = density_charts(study)
    if not charts:
        raise FigureError(NOTHING)
    return charts


def density_charts(study: Study) -> list[ChartData]:
    """Return the charts of :func:`distance_densities`; empty where the study has none."""
    panels = manifold_panels.panels(study)
    return list(map(density_chart, panels, manifold_panels.titles(panels)))


def density_chart(panel: manifold_panels.Panel, name: str) -> ChartData:
    """Return one panel as a chart: clean images dashed, then one colour per network."""
    series = []
    for index, curve in enumerate(curve for curve in panel.curves if len(curve.x)):
        clean = not curve.classifier
        series.append(
            Series(
                f"{curve.name} (mean {curve.mean:.3f}, n = {len(curve.values)})",
                curve.x,
                curve.density,
                colour=NEUTRAL if clean else colour_of(index - 1),
                style="dash" if clean else "solid",
            )
        )
    return ChartData(
        series=tuple(series),
        title=name,
        x_label="Scaled distance to the reconstruction",
        y_label="Density",
        caption=(
            f"{panel.images}, {panel.test_images:,} test images, latent size {panel.latent}, "
            f"{panel.variant}. Distances to the VAE-GAN's reconstruction, min-max scaled by the "
            "clean test images; Gaussian kernels, bandwidth factor 0.25. The reconstructions hold "
            f"{percent(panel.explained, 0)} of the clean images' variance. {panel.verdict}"
        ),
    )


def reconstructions(study: Study) -> Picture:
    """Return test images, their reconstructions, samples, and attacked images with theirs."""
    entry = next((e for e in reversed(study.entries) if e.kind == VAEGAN.kind), None)
    if entry is None:
        raise FigureError(NOTHING)
    arrays = study.read(entry.key).arrays
    spec = spec_of(entry)
    rows = {
        "test image": arrays["probes/images"],
        "reconstruction": arrays["probes/reconstructions"][-1],
        "sample": arrays["samples"],
        **_attacked(study, entry.key),
    }
    columns = min(SHOWN, *(len(images) for images in rows.values()))
    return MapGridData(
        images=tuple(rgb_row(images, range(columns)) for images in rows.values()),
        row_titles=tuple(rows),
        title="" if spec is None else study.title(spec),
        caption=(
            "Test images, their reconstructions by the VAE-GAN, and samples of it; then attacked "
            "images and their reconstructions, of which the distance is taken."
        ),
    )


def _attacked(study: Study, generator: str) -> dict[str, NDArray[Any]]:
    """Return examples and reconstructions of the weakest and the strongest network's attacks."""
    found: list[tuple[float, str, str]] = []
    for entry in study.entries:
        spec = spec_of(entry) if entry.kind == ManifoldDistance.kind else None
        if not isinstance(spec, ManifoldDistance) or spec.classifier is None:
            continue
        if spec.generator.key == generator:
            eps = manifold_panels.training_eps(spec) or 0.0
            found.append((eps, study.title(spec.classifier), entry.key))
    rows: dict[str, NDArray[Any]] = {}
    for _, title, key in sorted({min(found), max(found)} if found else set()):
        arrays = study.read(key).arrays
        rows[f"attack on {title}"] = arrays["shown/examples"]
        rows[f"its reconstruction, {title}"] = arrays["shown/reconstructions"]
    return rows
