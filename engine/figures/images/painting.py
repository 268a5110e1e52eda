"""A painted class as a figure of some frames, and as an animated picture of all."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from engine.figures.chart_file import new_figure_file
from engine.figures.charts import MapGridData
from engine.figures.grids import rgb_row
from engine.figures.images.film import spread
from engine.figures.paper.style import FigureStyle
from engine.store.outputs import ANIMATION, MADE_BY
from engine.store.study import Result
from engine.texts import percent

SHOWN = 7
FRAME_MS, LAST_FRAME_MS = 90, 1800
DPI = 120
COLUMN_MM, LEAST_MM = 38.0, 60.0
Check = Callable[[], None]
Titled = Sequence[tuple[str, Result]]


def painting_grid(
    results: Titled, names: Sequence[str], caption: str, most: int = SHOWN
) -> MapGridData:
    """Return some frames of every network as a row of a figure.

    Parameters
    ----------
    results
        Title of each network, and what :func:`engine.measures.around.painting.painting` found.
    names
        Of the classes; classes without one are named by their number.
    caption
        Names where the attack began, its radius, and the target.
    """
    rows, notes = [], []
    for _, result in results:
        frames = result.arrays["frames"]
        places = spread(len(frames), most)
        rows.append(rgb_row(frames, places))
        notes.append(tuple(said(result, place, names) for place in places))
    first = results[0][1].arrays["frames"] if results else ()
    share = [place / max(1, len(first) - 1) for place in spread(len(first), most)]
    return MapGridData(
        images=tuple(rows),
        row_titles=tuple(title for title, _ in results),
        column_titles=tuple("start" if not part else percent(part, 0) for part in share),
        title="A painted class",
        caption=caption,
        notes=tuple(notes),
    )


def said(result: Result, frame: int, names: Sequence[str]) -> str:
    """Return the class that the network sees in a frame, and its probability, in words."""
    logits = np.asarray(result.arrays["logits"][frame], dtype=np.float64)
    shares = np.exp(logits - logits.max())
    best = int(logits.argmax())
    name = names[best] if best < len(names) else str(best)
    return f"{name}, {percent(shares[best] / shares.sum(), 0)}"


def animated(
    results: Titled, names: Sequence[str], title: str, check: Check = lambda: None
) -> Iterator[Image.Image]:
    """Yield the frames of an animated picture, with the networks side by side.

    Parameters
    ----------
    title
        Stands above every frame.
    check
        Called before each frame is drawn; may raise to cancel.
    """
    from engine.figures.drawing import render  # matplotlib, which the window's start can do without

    count = max((len(result.arrays["frames"]) for _, result in results), default=0)
    style = FigureStyle(width_mm=max(LEAST_MM, COLUMN_MM * len(results)), dpi=DPI, font_size=7.5)
    for frame in range(count):
        check()
        places = [min(frame, len(result.arrays["frames"]) - 1) for _, result in results]
        pairs = [(result, place) for (_, result), place in zip(results, places, strict=True)]
        grid = MapGridData(
            images=(tuple(rgb_row(r.arrays["frames"], [place])[0] for r, place in pairs),),
            column_titles=tuple(shown for shown, _ in results),
            title=title,
            notes=(tuple(said(result, place, names) for result, place in pairs),),
        )
        yield Image.open(io.BytesIO(render(grid, "png", style))).convert("RGB")


def write_animation(
    results: Titled, names: Sequence[str], title: str, path: Path, check: Check = lambda: None
) -> None:
    """Write an animated picture: .gif, which every program plays, or .png, with all colours.

    Parameters as of :func:`animated`.

    Raises
    ------
    FigureError
        If there is nothing to draw, or it cannot be written there.
    """
    with new_figure_file(path, ANIMATION, "animation") as temporary:
        first, *rest = animated(results, names, title, check)
        times = [FRAME_MS] * len(rest) + [LAST_FRAME_MS]
        kind = "GIF" if path.suffix.lower() == ".gif" else "PNG"
        with open(temporary, "wb") as opened:
            texts = PngInfo()
            texts.add_text("Software", MADE_BY)
            made = {"comment": MADE_BY} if kind == "GIF" else {"pnginfo": texts}
            options = {"duration": times, "loop": 0, **made}
            first.save(opened, kind, save_all=True, append_images=rest, **options)
