"""Short names beside the points of a chart; one that would lie on another is left out."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from engine.figures.charts import Series

APART = 3.0  # points between a mark and its label
LABEL = "point-label"


def add_labels(ax: Axes, item: Series, font_size: float) -> None:
    """Write the labels of a series; :func:`thin_labels` removes those without room."""
    for text, x, y in zip(item.labels, item.x, item.y, strict=False):
        if text:
            note = ax.annotate(
                "",
                (x, y),
                xytext=(APART, 0),
                textcoords="offset points",
                va="center",
                fontsize=font_size * 0.8,
                gid=LABEL,
                annotation_clip=True,
            )
            note.set_text(text)
            note.set_parse_math(False)  # a name may hold dollar signs
            # Labels have the room that is left, they take none from the axes.
            note.set_in_layout(False)


def thin_labels(figure: Figure) -> None:
    """Turn labels to the left where the axes end, and hide those that would lie on others."""
    for ax in figure.axes:
        room = ax.get_window_extent()
        taken: list[Bbox] = []
        for note in [text for text in ax.texts if text.get_gid() == LABEL]:
            box = note.get_window_extent()
            if box.x1 > room.x1:
                note.set_position((-APART, 0))
                note.set_horizontalalignment("right")
                box = note.get_window_extent()
            if box.x0 < room.x0 or any(box.overlaps(other) for other in taken):
                note.set_visible(False)
            else:
                taken.append(box)
