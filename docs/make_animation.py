"""Make docs/images/sharpening.gif: gradient maps of the same images, epoch by epoch.

    uv run docs/make_animation.py --study resources/demo.isthmus

Every training record contains the maps of its probe images before training and after each epoch.
The functions that draw the window's figures draw the frames from these records.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from PIL import Image

from engine.attribution import pictures
from engine.figures.charts import MapGridData
from engine.figures.drawing import render
from engine.figures.paper.style import FigureStyle
from engine.store.study import Record, Study

SHOWN = 6
FRAME_MS = 700
LAST_FRAME_MS = 2800
DPI = 110


def frame(trained: list[Record], epoch: int) -> Image.Image:
    """Return the maps of all networks after an epoch."""
    first = trained[0].arrays
    rows = [tuple(pictures.image_rgb(first["probes/images"][:SHOWN]))]
    for record in trained:
        found = record.arrays["probes/attributions"][epoch][:SHOWN]
        rows.append(tuple(pictures.colour(pictures.picture(found))))
    grid = MapGridData(
        tuple(rows),
        ("Image", *(record.entry.title.split(",")[0] for record in trained)),
        title="Before training" if epoch == 0 else f"After epoch {epoch}",
    )
    style = FigureStyle(width_mm=150, height_mm=120, dpi=DPI, font_size=9)
    return Image.open(io.BytesIO(render(grid, "png", style))).convert("RGB")


def main() -> None:
    """Draw the frames and write them as one animated GIF."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--study", type=Path, required=True, help="a computed demo study")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "sharpening.gif")
    options = parser.parse_args()
    study = Study(options.study)
    trained = [study.read(entry.key) for entry in study.entries if entry.kind == "training"]
    epochs = min(len(record.arrays["probes/steps"]) for record in trained)
    frames = [frame(trained, epoch) for epoch in range(epochs)]
    shown = [FRAME_MS] * (epochs - 1) + [LAST_FRAME_MS]
    frames[0].save(
        options.out, save_all=True, append_images=frames[1:], duration=shown, loop=0, optimize=True
    )
    print(f"{options.out.name}: {epochs} frames, {options.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
