"""The figures that a study can draw: one table for the command line, the report and the docs.

The table holds the names of functions instead of importing them, so that listing the figures needs
neither torch nor matplotlib.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    """

    name: str
    heading: str
    kinds: tuple[str, ...] = ()
    make: str | Callable[[Study], Picture] = ""
    tables: str | Callable[[Study], Iterator[Table]] = ""
    write: str | Callable[..., None] = ""
    of_network: bool = False

    def picture(self, study: Study) -> Picture:
        """Return the picture; raise ``FigureError`` if the study has no records for it."""
        drawn: Picture = _function(self.make)(study)
        return drawn

    def tables_of(self, study: Study) -> Iterator[Table]:
        """Yield the tables that the report shows below the figure."""
        if self.tables:
            yield from _function(self.tables)(study)

    def save(self, study: Study, path: Path, network: str = "") -> None:
        """Write the figure to a file; the suffix determines the format.

        The path is looked at before anything is drawn.

        Parameters
        ----------
        network
            Key of the network, for a figure of one network; "" takes the study's only one.

        Raises
        ------
        ValueError
            If a network is given for a figure of the whole study, or the figure cannot be made.
        """
        if network and not self.of_network:
            raise ValueError(
                f"--network is given, but the figure {self.name} shows the whole study; only "
                f"{', '.join(row.name for row in _ROWS if row.of_network)} shows one network"
            )
        if self.of_network:
            _function(self.write)(study, path, network)
        elif self.write:
            _function(self.write)(study, path)
        else:
            named("engine.figures.drawing:check_path")(path)
            named("engine.figures.drawing:save")(self.picture(study), path)


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
        write="engine.figures.images.surface_file:write_surface",
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
    """Yield the figures that draw a picture, that is, all except the reports."""
    yield from (row for row in FIGURES.values() if row.make)
