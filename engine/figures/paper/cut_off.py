"""Find texts of a drawn figure that its edges cut off."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.figure import Figure
from matplotlib.text import Text

ALLOWED_PX = 2.0  # letters of another size are hinted otherwise


def texts_drawn(figure: Figure) -> Iterator[Text]:
    """Yield the texts that a laid out figure shows, without ticks beyond the ends of an axis."""
    unseen = {id(text) for text in _unseen_ticks(figure)}
    for text in figure.findobj(Text):
        shown = text.get_visible() and text.get_text().strip() and id(text) not in unseen
        if isinstance(text, Text) and shown:
            yield text


def cut_off(figure: Figure) -> list[str]:
    """Return the texts that reach beyond the figure."""
    whole = figure.bbox.padded(ALLOWED_PX)
    found = []
    for text in texts_drawn(figure):
        box = text.get_window_extent()
        corners = ((box.x0, box.y0), (box.x1, box.y1))
        if not all(whole.containsx(x) and whole.containsy(y) for x, y in corners):
            found.append(text.get_text())
    return found


def _unseen_ticks(figure: Figure) -> Iterator[Text]:
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                if not (low <= tick.get_loc() <= high and axis.get_visible()):
                    yield tick.label1
                    yield tick.label2
