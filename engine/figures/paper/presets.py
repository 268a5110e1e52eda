"""Sizes and fonts of figures that journals and conferences ask for: the table PRESETS.

Widths are those of columns; heights are those of a page, of which the caption takes its part too.
The program chooses the size of letters within what a publisher allows. Listing them needs neither
numpy nor matplotlib.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.figures.paper.style import FigureStyle

SANS = ("Arial", "Helvetica", "Liberation Sans", "DejaVu Sans")
SERIF = ("Times New Roman", "Times", "Liberation Serif", "STIXGeneral")
INCH = 25.4
EXACT_MM = 0.1  # what a printer does not tell apart, and a size in inches rounds
GAP_MM = 2.0  # between two figures side by side, half of it for each


@dataclass(frozen=True)
class Preset:
    """Size and letters of a figure for one place of publication.

    Attributes
    ----------
    name, label
        Name on the command line, and in the window.
    width_mm, most_height_mm
        Width of the column, and height of the page; None where no page is known.
    font_size, least_size
        Of titles and labels of axes, and of the smallest text, in points.
    fonts
        Families in the order of preference; the first that is installed is used.
    dpi
        Of a PNG.
    """

    name: str
    label: str
    width_mm: float
    most_height_mm: float | None
    font_size: float
    least_size: float
    fonts: tuple[str, ...]
    dpi: float = 300.0

    @property
    def words(self) -> str:
        """Size and letters in words."""
        page = "" if self.most_height_mm is None else f", at most {self.most_height_mm:g} mm high"
        sizes = dict.fromkeys(f"{size:g}" for size in (self.least_size, self.font_size))
        return f"{self.width_mm:g} mm{page}, {' to '.join(sizes)} pt, {self.dpi:g} dpi"

    def style(self, font: str = "") -> FigureStyle:
        """Return the style, in this font, or in the first of the preset's that is installed."""
        from engine.figures.paper.style import FigureStyle

        if not font:
            from engine.fonts import installed  # loads matplotlib

            font = next(filter(installed, self.fonts), self.fonts[-1])
        return FigureStyle(
            width_mm=self.width_mm,
            most_height_mm=self.most_height_mm,
            font_size=self.font_size,
            least_size=self.least_size,
            dpi=self.dpi,
            font=font,
            palette="okabe_ito",
        )


def _columns(
    name: str, label: str, one_mm: float, two_mm: float, **looks: Any
) -> tuple[Preset, Preset]:
    """Return the presets of a page of two columns."""
    return (
        Preset(name, f"{label}, one column", one_mm, **looks),
        Preset(f"{name}-2", f"{label}, two columns", two_mm, **looks),
    )


def _plain() -> tuple[Preset, ...]:
    """No publisher: half and whole width of the text on A4 with margins of 20 mm.

    Source: the choice of this program.
    """
    looks = {"most_height_mm": None, "font_size": 8.0, "least_size": 6.0}
    return _columns("plain", "Plain", 85.0, 170.0, fonts=("DejaVu Sans",), **looks)


def _neurips() -> tuple[Preset, ...]:
    """NeurIPS: one column of 5.5 x 9 inches, in 10 point Times; figures have no rule of their own.

    "neurips-half" is for two figures side by side. Source: Formatting Instructions for NeurIPS
    2024, section 2, "General formatting instructions".
    """
    return _conference("neurips", "NeurIPS")


def _iclr() -> tuple[Preset, ...]:
    """ICLR: one column of 5.5 x 9 inches, in 10 point Times.

    "iclr-half" is for two figures side by side. Source: Formatting Instructions for ICLR 2025
    Conference Submissions, section 2, "General formatting instructions".
    """
    return _conference("iclr", "ICLR")


def _conference(name: str, label: str) -> tuple[Preset, ...]:
    looks: dict[str, Any] = {"most_height_mm": 228.6, "font_size": 8.0, "least_size": 6.0}
    looks["fonts"] = SERIF
    whole = 5.5 * INCH
    return (
        Preset(name, f"{label}, width of the text", round(whole, 1), **looks),
        Preset(f"{name}-half", f"{label}, half of it", round(whole / 2 - GAP_MM, 1), **looks),
    )


def _icml() -> tuple[Preset, ...]:
    """ICML: 6.75 x 9 inches in two columns of 3.25 inches, 10 point Times, captions in 9 point.

    Source: Submission and Formatting Instructions for ICML 2025, section 2, "Format of the Paper".
    """
    looks = {"most_height_mm": 228.6, "font_size": 8.0, "least_size": 6.0}
    one, two = round(3.25 * INCH, 2), round(6.75 * INCH, 2)
    return _columns("icml", "ICML", one, two, fonts=SERIF, **looks)


def _ieee() -> tuple[Preset, ...]:
    """IEEE: one column of 3.5 inches or two of 7.16, in Helvetica, Arial or Times New Roman.

    Letters in figures are 8 to 10 points, so none is smaller here. Pages have columns of 9.25
    inches; line art has 600 dpi. Source: IEEE Author Center, "Size Requirements for Graphics" and
    "Resolution and Size"; IEEE, "Preparation of Papers for IEEE Transactions and Journals".
    """
    looks = {"most_height_mm": 234.9, "font_size": 8.0, "least_size": 8.0, "dpi": 600.0}
    return _columns("ieee", "IEEE", 88.9, round(7.16 * INCH, 1), fonts=SANS, **looks)


def _nature() -> tuple[Preset, ...]:
    """Nature: 89 or 183 mm wide, at most 170 mm high, 5 to 7 point Arial or Helvetica, 300 dpi.

    Source: Nature research figure guide, "Building and exporting figure panels" and "Preparing
    figures: our specifications", which also names the colours of Okabe and Ito.
    """
    looks = {"most_height_mm": 170.0, "font_size": 7.0, "least_size": 5.0}
    return _columns("nature", "Nature", 89.0, 183.0, fonts=SANS, **looks)


def _pnas() -> tuple[Preset, ...]:
    """PNAS: 87 or 178 mm wide, at most 225 mm high, letters of 6 to 8 points.

    Source: PNAS, "Digital Art Guidelines".
    """
    looks = {"most_height_mm": 225.0, "font_size": 8.0, "least_size": 6.0}
    return _columns("pnas", "PNAS", 87.0, 178.0, fonts=SANS, **looks)


def _elsevier() -> tuple[Preset, ...]:
    """Elsevier: 90 or 190 mm wide, at most 240 mm high, letters of 7 points; with images, 500 dpi.

    Source: Elsevier, "Artwork and media instructions", "Artwork sizing".
    """
    looks = {"most_height_mm": 240.0, "font_size": 8.0, "least_size": 7.0, "dpi": 500.0}
    return _columns("elsevier", "Elsevier", 90.0, 190.0, fonts=SANS, **looks)


PUBLISHERS: tuple[Callable[[], tuple[Preset, ...]], ...] = (
    _plain, _neurips, _icml, _iclr, _ieee, _nature, _pnas, _elsevier,
)  # fmt: skip
PRESETS: dict[str, Preset] = {row.name: row for make in PUBLISHERS for row in make()}


def style_of(preset: str, changes: Mapping[str, Any] | None = None) -> FigureStyle:
    """Return the style of a preset, with some of its fields changed.

    Parameters
    ----------
    preset
        A key of :data:`PRESETS`; "" for the program's usual style.
    changes
        Fields of :class:`FigureStyle` and their values.

    Raises
    ------
    FigureError
        If there is no such preset, or a value is out of range.
    """
    from engine.figures.charts import FigureError
    from engine.figures.paper.style import FigureStyle
    from engine.specs.errors import suggestion

    if preset and preset not in PRESETS:
        near = suggestion(preset, list(PRESETS))
        raise FigureError(f"preset is {preset!r}{near}, must be one of {', '.join(PRESETS)}")
    style = PRESETS[preset].style() if preset else FigureStyle()
    return replace(style, **changes) if changes else style


def replaced_font(preset: str, font: str = "") -> str:
    """Return one sentence if the font that was chosen, or a preset's own, is not installed."""
    from engine.fonts import OWN, installed  # loads matplotlib
    from engine.specs.errors import shown

    if font:
        if installed(font):
            return ""
        return f"the font {shown(font)} is not installed: the letters are {OWN}"
    if not preset:
        return ""
    row = PRESETS[preset]
    used, wanted = row.style().font, row.fonts[:2]
    if used in wanted:
        return ""
    return f"{' or '.join(wanted)} is asked for and not installed: the letters are {used}"


def too_large(preset: str, width_mm: float, height_mm: float) -> str:
    """Return one sentence if a figure is larger than the column or the page of a preset, else "".

    Parameters
    ----------
    preset
        A key of :data:`PRESETS`; "" for no column and no page.
    """
    row = PRESETS.get(preset)
    if row is None:
        return ""
    found = []
    if width_mm > row.width_mm + EXACT_MM:
        wide = f"{width_mm - row.width_mm:.1f} mm wider than its column of {row.width_mm:g} mm"
        found.append(wide)
    page = row.most_height_mm
    if page is not None and height_mm > page + EXACT_MM:
        found.append(f"{height_mm - page:.1f} mm higher than its page of {page:g} mm")
    return f"Too large for {row.label}: {' and '.join(found)}." if found else ""


def as_lines() -> Iterator[str]:
    """Yield a line a preset: its name, and its size and letters in words."""
    for row in PRESETS.values():
        yield f"{row.name:16} {row.label}: {row.words}"
