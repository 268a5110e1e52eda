"""HTML as text: every string is escaped, unless it was made by a function of this module.

Pictures are held as data URIs. Nothing here can name another file or a script.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.figures.charts import Picture, caption_of, title_of
from engine.figures.drawing import render
from engine.figures.paper.style import FigureStyle
from engine.texts import harmless

MOST_SIDE = 128  # px; larger pictures are shrunk, to keep the page small
CHART = FigureStyle(width_mm=120.0, dpi=170.0)
VOID = ("img", "meta", "br")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def escaped(text: object) -> Markup:
    """Return any text as HTML that shows it; control characters are shown as escapes."""
    if isinstance(text, Markup):
        return text
    return Markup(html.escape(harmless(str(text))))


def element(name: str, /, *content: object, **attributes: object) -> Markup:
    """Return an element; an attribute ``class_`` is written as ``class``, ``None`` left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{''.join(map(escaped, content))}</{name}>")


def paragraphs(texts: Iterable[object], **attributes: object) -> list[Markup]:
    """Return a paragraph for each text."""
    return [element("p", text, **attributes) for text in texts]


def listed(texts: Iterable[object]) -> Markup:
    """Return a list with a point for each text."""
    return element("ul", *(element("li", text) for text in texts))


def table(rows: Sequence[Sequence[object]], *, words: Sequence[int] = (0,)) -> Markup:
    """Return a table, the headings of its columns first.

    Parameters
    ----------
    words
        Columns that hold words, which stand flush left; numbers stand flush right.
    """
    head, *body = rows

    def row(cells: Sequence[object], name: str) -> Markup:
        made = [
            element(name, cell, class_=None if place in words else "n")
            for place, cell in enumerate(cells)
        ]
        return element("tr", *made)

    lines = [row(cells, "td") for cells in body]
    return element("table", element("thead", row(head, "th")), element("tbody", *lines))


def facts(pairs: Iterable[tuple[object, object]]) -> Markup:
    """Return a table of names and values."""
    lines = [element("tr", element("th", name), element("td", value)) for name, value in pairs]
    return element("table", *lines, class_="facts")


# ---------------------------------------------------------------------------------------- pictures


def chart(data: Picture) -> Markup:
    """Return a chart with its caption below."""
    drawn = render(data, "png", CHART)
    words = caption_of(data)
    picture = element("img", src=_uri(drawn), alt=title_of(data) or words or "Chart")
    return element("figure", picture, element("figcaption", words), class_="chart")


def picture(pixels: NDArray[np.uint8], words: str, *, side: int = 96) -> Markup:
    """Return a small picture, uint8 (H, W, 3), with a few words below.

    Parameters
    ----------
    side
        How wide it is shown, in px of the page.
    """
    image = Image.fromarray(np.ascontiguousarray(pixels))
    small = max(image.size) < side
    if max(image.size) > MOST_SIDE:
        image.thumbnail((MOST_SIDE, MOST_SIDE))
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    made = element(
        "img", src=_uri(out.getvalue()), alt=words, width=side, class_="pixels" if small else None
    )
    return element("figure", made, element("figcaption", words), style=f"width:{side}px")


def row_of(pictures: Iterable[Markup]) -> Markup:
    """Return pictures side by side, in as many lines as they need."""
    return element("div", *pictures, class_="row")


def _uri(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"
