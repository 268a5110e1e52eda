"""The figures that a study can draw: one table for the command line, the report and the docs.

The table holds the names of functions instead of importing them, so that listing the figures needs
neither torch nor matplotlib.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.figures.paper.presets import too_large
from engine.program import named

if TYPE_CHECKING:
    from engine.figures.charts import Picture
    from engine.store.study import Study

Table = tuple[str, Sequence[Sequence[str]], int]
"""A heading, rows of texts with the headings of the columns first, and how many flush left."""


@dataclass(frozen=True)
class StudyFigure:
    """A row of :data:`FIGURES`.

    Attributes
    ----------
    name
        Name of the figure on the command line.
    heading
        Heading of its section in the report.
    kinds
        Kinds of records that the figure is made of; () if it is made of all records.
    make
        Function ``study -> Picture``, or its name as "module:function". It raises
        :class:`~engine.figures.charts.FigureError` if the study has no records for it.
    tables
        Function ``study -> tables`` for the tables below it in the report, or its name; "" for no
        tables.
    write
        Function ``(study, path)`` that writes the file itself, instead of drawing the picture that
        ``make`` returns; or its name.
    of_network
        Whether it shows one network; ``write`` then takes the network's key too.
    computed
        Whether drawing it computes, from networks and images; such a figure is in no report.
    """

    name: str
    heading: str
    kinds: tuple[str, ...] = ()
    make: str | Callable[[Study], Picture] = ""
    tables: str | Callable[[Study], Iterator[Table]] = ""
    write: str | Callable[..., None] = ""
    of_network: bool = False
    computed: bool = False

    def picture(self, study: Study) -> Picture:
        """Return the picture; raise ``FigureError`` if the study has no records for it."""
        drawn: Picture = _function(self.make)(study)
        return drawn

    def tables_of(self, study: Study) -> Iterator[Table]:
        """Yield the tables that the report shows below the figure."""
        if self.tables:
            yield from _function(self.tables)(study)

    def save(
        self,
        study: Study,
        path: Path,
        network: str = "",
        *,
        preset: str = "",
        changes: Mapping[str, Any] | None = None,
    ) -> str:
        """Write the figure to a file; the suffix determines the format.

        The path is looked at before anything is drawn. Returns one sentence if the figure is larger
        than the column or the page of the preset, else "".

        Parameters
        ----------
        network
            Key of the network, for a figure of one network; "" takes the study's only one.
        preset, changes
            Style of the figure, as :func:`engine.figures.paper.presets.style_of` takes them.

        Raises
        ------
        ValueError
            If a network is given for a figure of the whole study, or a style for a report, or the
            figure cannot be made.
        """
        if (preset or changes) and not self.make:
            raise ValueError(
                f"the figure {self.name} has a size of its own: a preset, a size or colours "
                "are for a figure that is a picture"
            )
        if network and not self.of_network:
            raise ValueError(
                f"--network is given, but the figure {self.name} shows the whole study; only "
                f"{', '.join(row.name for row in _ROWS if row.of_network)} shows one network"
            )
        if self.of_network:
            _function(self.write)(study, path, network)
            return ""
        if self.write:
            _function(self.write)(study, path)
            return ""
        named("engine.figures.drawing:check_path")(path)
        style = named("engine.figures.paper.presets:style_of")(preset, changes)
        size = named("engine.figures.drawing:save_as")(self.picture(study), path, style)
        return too_large(preset, *size) if size else ""


def _function(given: str | Callable[..., Any]) -> Callable[..., Any]:
    return named(given) if isinstance(given, str) else given


_ROWS = (
    StudyFigure(
        "curves", "Training", ("training",), "engine.figures.study_figures:training_curves"
    ),
    StudyFigure(
        "tradeoff",
        "Accuracy and interpretability",
        ("interpretability",),
        "engine.figures.study_figures:tradeoff_figure",
        tables="engine.figures.tables:tradeoff_tables",
    ),
    StudyFigure(
        "roar",
        "ROAR: the marked pixels are removed",
        ("interpretability",),
        "engine.figures.study_figures:roar_curves",
    ),
    StudyFigure(
        "kar",
        "KAR: only the marked pixels are kept",
        ("interpretability",),
        "engine.figures.study_figures:kar_curves",
    ),
    StudyFigure(
        "frontier",
        "Accuracy, robustness and alignment together",
        ("measurement",),
        "engine.figures.frontier.charts:frontier_charts",
        tables="engine.figures.frontier.tables:frontier_tables",
    ),
    StudyFigure("maps", "Gradient maps", ("maps",), "engine.figures.grids:gradient_maps"),
    StudyFigure(
        "film", "Maps over epochs", ("training",), "engine.figures.images.film:film_figure"
    ),
    StudyFigure(
        "attacks",
        "Attacked images",
        ("adversarial_examples",),
        "engine.figures.grids:attacked_images",
    ),
    StudyFigure(
        "surface",
        "Loss and decisions around the first attacked image, computed when it is drawn",
        make="engine.figures.images.surface_file:surface_figure",
        computed=True,
    ),
    StudyFigure(
        "metrics",
        "Metrics",
        ("measurement",),
        "engine.figures.metrics:metric_charts",
        tables="engine.figures.tables:metric_tables",
    ),
    StudyFigure(
        "manifold",
        "Distance to the manifold",
        ("manifold_distance",),
        "engine.figures.manifold:distance_densities",
        tables="engine.figures.tables:manifold_tables",
    ),
    StudyFigure(
        "reconstructions",
        "The generator",
        ("vae_gan",),
        "engine.figures.manifold:reconstructions",
    ),
    StudyFigure(
        "boundary",
        "Decision boundaries",
        ("boundary",),
        "engine.figures.study_figures:boundaries",
    ),
    StudyFigure(
        "tilt", "Tilt of the boundary", ("boundary",), "engine.figures.study_figures:tilts"
    ),
    StudyFigure(
        "report",
        "All of them and the settings behind them, as one .pdf",
        write="engine.figures.report:write_report",
    ),
    StudyFigure(
        "network",
        "Report of one network, chosen by --network, as one .html that opens offline",
        write="engine.figures.network_page.page:write_network",
        of_network=True,
    ),
)
FIGURES: dict[str, StudyFigure] = {row.name: row for row in _ROWS}


def pictured() -> Iterator[StudyFigure]:
    """Yield the figures that are pictures of records alone: neither reports nor computed ones."""
    yield from (row for row in FIGURES.values() if row.make and not row.computed)
