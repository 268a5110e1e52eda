"""The report of a study as one PDF: its records and settings, and all figures it can draw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.figures.catalog import pictured
from engine.figures.chart_file import check_path, new_figure_file
from engine.figures.charts import FigureError, Picture
from engine.figures.report_page import (
    TITLE,
    Block,
    facts_block,
    gap,
    heading,
    paragraphs,
    pdf_of,
    picture_blocks,
    table_blocks,
    text_block,
)
from engine.figures.report_settings import settings_of
from engine.jobs.durations import duration
from engine.networks.opening.tried import HEADINGS, tried_in
from engine.plan.planfile import load_preset, presets
from engine.program import VERSION
from engine.specs import ImagesSpec, Imported
from engine.specs.schema import SpecError
from engine.store.index import Entry, lacking
from engine.store.study import Study, StudyError, spec_of
from engine.tradeoff.points import NetworkPoint, attributions_in, networks
from engine.tradeoff.scores import (
    ROBUST_NOTE,
    attack_notes,
    doubts,
    retrainings_note,
    robust_texts,
    score_columns,
    score_text,
    short_note,
)

SUFFIX = ".pdf"
Check = Callable[[], None]


def report_pdf(study: Study, *, now: datetime | None = None, check: Check = lambda: None) -> bytes:
    """Return the report of a study as a PDF.

    Parameters
    ----------
    now
        The date on the first page; None means today.
    check
        Called between figures; may raise to cancel.

    Raises
    ------
    FigureError
        If the study has no record yet.
    StudyError
        If a record cannot be read.
    """
    if not study.entries:
        raise FigureError("the study has no records: there is nothing to report")
    when = now or datetime.now().astimezone()
    blocks = [*_first_page(study, when), *_figures(study, check)]
    name = _name(study)
    about = {"Title": f"{name}: report", "CreationDate": when}
    check()
    return pdf_of(blocks, name, about)


def write_report(study: Study, path: Path, *, check: Check = lambda: None) -> None:
    """Write the report of a study to a file, which must end in .pdf; an older one is replaced.

    Raises
    ------
    FigureError
        If the file has another ending or cannot be written, or as :func:`report_pdf`.
    """
    _write_pdf(path, lambda: report_pdf(study, check=check), "report")


def write_pictures(
    pictures: Sequence[Picture],
    title: str,
    path: Path,
    *,
    notes: str = "",
    check: Check = lambda: None,
) -> None:
    """Write pictures, such as those of a page of the window, to one PDF with their captions.

    ``check`` is called before each, and before the file is written; it may raise to stop.

    Raises
    ------
    FigureError
        If there is none, or the file cannot be written.
    """
    if not pictures:
        raise FigureError("there is no picture to export")
    head = [text_block(title, TITLE, bold=True), gap()]
    if notes:
        head += [*paragraphs(notes), gap()]
    blocks: list[Block] = []
    for data in pictures:
        check()
        blocks += [*picture_blocks(data), gap(8.0)]

    def made() -> bytes:
        found = pdf_of([*head, *blocks], title, {"Title": title})
        check()
        return found

    _write_pdf(path, made, "figure")


def _write_pdf(path: Path, make: Callable[[], bytes], what: str) -> None:
    """Write the bytes that ``make`` returns to a .pdf file, atomically; ``what`` they are."""
    check_path(path, [SUFFIX])
    content = make()
    with new_figure_file(path, what=what) as temporary:
        temporary.write_bytes(content)


# --------------------------------------------------------------------------------------- first page


def _first_page(study: Study, when: datetime) -> Iterator[Block]:
    yield gap(14.0)
    yield text_block(_name(study), TITLE, bold=True)
    yield gap(2.0)
    notes = str(study.about.get("notes", "")).strip()
    if notes:
        yield from paragraphs(notes)
        yield gap()
    yield facts_block(list(_facts(study, when)))
    yield gap(8.0)
    yield from _networks(study)


def _facts(study: Study, when: datetime) -> Iterator[tuple[str, str]]:
    entries = study.entries
    seconds = sum(entry.seconds for entry in entries)
    yield "Report", f"{when:%Y-%m-%d %H:%M}, Isthmus {VERSION}"
    yield "Computed", _span(entries)
    yield "Records", f"{len(entries):,}, {duration(seconds)} of computing"
    images = [
        study.title(spec) + _sizes(entry)
        for entry in entries
        if isinstance(spec := spec_of(entry), ImagesSpec)
    ]
    if images:
        yield "Images", "; ".join(images)
    if words := lacking(entries):
        yield "Left out", words
    complete = _complete_presets(study)
    if complete:
        yield "Presets", ", ".join(complete)
    yield from _origin(study)


def _origin(study: Study) -> Iterator[tuple[str, str]]:
    """Yield versions and devices of the oldest and the newest network, or of any records."""
    trained = [
        entry for entry in study.entries if entry.kind in ("training", "vae_gan", "boundary")
    ]
    looked = trained or study.entries
    found: dict[str, dict[str, None]] = {}
    for entry in dict.fromkeys((looked[0].key, looked[-1].key)):
        with suppress(StudyError):
            facts: Mapping[str, Any] = study.read(entry).provenance
            device = " ".join(str(facts.get(n, "")) for n in ("device", "device_name")).strip()
            names = (("isthmus", "Isthmus"), ("torch", "PyTorch"), ("numpy", "NumPy"))
            versions = [f"{text} {facts[n]}" for n, text in names if n in facts]
            versions += [f"Python {facts['python']}"] if "python" in facts else []
            found.setdefault("Device", {})[device] = None
            found.setdefault("Versions", {})[", ".join(versions)] = None
            found.setdefault("System", {})[str(facts.get("platform", ""))] = None
    for name, texts in found.items():
        shown = "; ".join(text for text in texts if text)
        if shown:
            yield name, shown


def _networks(study: Study) -> Iterator[Block]:
    points = networks(study)
    if not points:
        return
    kinds = attributions_in(points)
    columns = score_columns(kinds)[:6]
    head = ["network", "clean\u00a0%", "robust\u00a0%", *(heading for _, _, heading in columns)]
    rows = [head]
    for point in points:
        clean = point.clean_accuracy
        rows.append(
            [
                point.network,
                "–" if clean is None else f"{100 * clean:.1f}",
                robust_texts(point)[0].replace("-", "–"),
                *(_minus(score_text(point, mode, kind, short=True)) for mode, kind, _ in columns),
            ]
        )
    yield heading("Networks")
    yield from table_blocks(rows)
    yield gap(2.0)
    text = " ".join([f"{ROBUST_NOTE[0].upper()}{ROBUST_NOTE[1:]}", *attack_notes(points), ""])
    if columns:
        text += (
            f"{short_note(kinds)} {retrainings_note(points)} "
            "In ROAR and KAR alike, a higher score means that the marked pixels matter more. "
        )
    text += settings_of(study, ("training",))
    yield from paragraphs(" ".join([text.strip(), *doubts(points)]), 7.5)
    for point in points:
        yield from _opened(study, point)


def _opened(study: Study, point: NetworkPoint) -> Iterator[Block]:
    """Yield the table of accuracies by which a network was opened, if its record has one."""
    if study.entry(point.key).kind != Imported.kind:
        return
    rows = tried_in(study.read(point.key))
    if rows:
        title = f"How {point.network} reads pixels and names classes"
        yield from _table(title, [HEADINGS, *(row.cells for row in rows)], 2)


# ------------------------------------------------------------------------------------------ figures


def _figures(study: Study, check: Check) -> Iterator[Block]:
    """Yield a section for every figure that the study has records for."""
    there = {entry.kind for entry in study.entries}
    for figure in pictured():
        check()
        if not there & set(figure.kinds):
            continue
        try:
            data = figure.picture(study)
        except FigureError:
            continue  # the study has records of these kinds, but none that the figure can show
        text = settings_of(study, figure.kinds)
        yield from (gap(10.0), heading(figure.heading), replace(gap(2.0), leads=True))
        yield from picture_blocks(data, text)
        for title, rows, left in figure.tables_of(study):
            yield from _table(title, rows, left)


def _table(title: str, rows: Sequence[Sequence[str]], left: int) -> Iterator[Block]:
    yield gap(6.0)
    yield text_block(title, 10.0, bold=True, leads=True)
    yield from table_blocks(
        [[_minus(text.replace("_", " ")) for text in row] for row in rows], left, 6.5
    )


# ------------------------------------------------------------------------------------------- texts


def _name(study: Study) -> str:
    return str(study.about.get("name") or study.path.stem)


def _span(entries: Sequence[Entry]) -> str:
    first, last = entries[0].created[:10], entries[-1].created[:10]
    return first if first == last else f"{first} to {last}"


def _sizes(entry: Entry) -> str:
    numbers = entry.numbers
    sides = [numbers.get(name) for name in ("channels", "height", "width")]
    shape = "" if None in sides else f", {sides[2]} x {sides[1]} pixels, channels: {sides[0]}"
    classes = f", {numbers['classes']} classes" if "classes" in numbers else ""
    return f" ({(shape + classes).removeprefix(', ')})" if shape or classes else ""


def _complete_presets(study: Study) -> list[str]:
    """Return the built-in plans whose records are all in the study."""
    found = []
    for name in presets():
        with suppress(SpecError):  # raised by a plan with images that are not on this machine
            if all(study.has(spec) for spec in load_preset(name).specs):
                found.append(name)
    return found


def _minus(text: str) -> str:
    return text.replace("-", "−") if any(letter.isdigit() for letter in text) else text
