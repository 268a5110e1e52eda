"""The functions that carry out the headless commands; :data:`FUNCTIONS` lists them by name."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engine.devices.found import NAMES
from engine.figures.catalog import FIGURES
from engine.figures.paper.presets import PRESETS, as_lines, replaced_font
from engine.memory import PERCENTS, set_image_percent
from engine.program import FAILED, OK
from engine.specs.errors import suggestion
from engine.specs.images import ImagesSpec
from engine.store.index import lacking
from engine.store.study import Record, Study, StudyError, spec_of
from engine.texts import one_line

if TYPE_CHECKING:
    from engine.cli.share import Asked
    from engine.plan.sharing.cluster import Workers

# What users write for values of --device, and the value to suggest.
MEANT = {"gpu": "cuda", "nvidia": "cuda", "intel": "xpu", "apple": "mps", "metal": "mps"}
FIGURES_FAMILY = "figures"
PRESETS_FAMILY = "figure_presets"


def checked_device(name: str) -> str:
    """Return the value of --device; raise ValueError with the nearest name if it is none."""
    if name not in NAMES:
        near = MEANT.get(name.lower(), name.lower())
        raise ValueError(
            f"device is {name!r}{suggestion(near, list(NAMES))}, must be one of {', '.join(NAMES)}"
        )
    return name


def _run(options: argparse.Namespace) -> int:
    from engine.cli.run import run_plan
    from engine.plan.planfile import find_plan

    path = find_plan(options.plan)
    checked_device(options.device)
    if options.seed is not None and options.seed < 0:
        raise ValueError(f"--seed is {options.seed}, must be a whole number at least 0")
    if options.image_memory is not None:
        set_image_percent(_percent(options.image_memory))
    return run_plan(
        path,
        options.study,
        images=options.images,
        device=options.device,
        seed=options.seed,
        settings=options.set,
        as_released=options.faithful,
        download=options.download,
        jobs=options.jobs,
        threads=options.threads,
        yes=options.yes,
        share=_share(options.shard, options.take_over),
        workers=_workers(options),
    )


def _workers(options: argparse.Namespace) -> Workers | None:
    from engine.plan.sharing.cluster import Workers

    given = [
        f"--{name}"
        for name in ("shard", "workers", "scheduler")
        if getattr(options, name) is not None
    ]
    if len(given) > 1:
        raise ValueError(f"{given[0]} and {given[1]} are two ways to divide a plan; give one")
    if options.scheduler is not None:
        return Workers(scheduler=options.scheduler or "''")
    return None if options.workers is None else Workers(count=options.workers)


def _share(shard: str | None, minutes: float | None) -> Asked | None:
    from engine.cli.share import TAKE_OVER, Asked
    from engine.plan.sharing.bundles import shard_of

    if shard is None:
        if minutes is not None:
            raise ValueError("--take-over is for a run with --shard, which is not given")
        return None
    return Asked(shard_of(shard), TAKE_OVER if minutes is None else minutes)


def _import(options: argparse.Namespace) -> int:
    from engine.cli.import_network import import_network

    return import_network(
        options.file,
        options.study,
        images=options.images,
        network=options.network,
        entry=options.entry,
        size=options.size,
        device=checked_device(options.device),
        in_json=options.json,
    )


def _percent(text: str) -> int:
    low, high = PERCENTS
    if not text.isdecimal() or not low <= int(text) <= high:
        raise ValueError(
            f"--image-memory is {text!r}, must be a whole number from {low} to {high}, in percent"
        )
    return int(text)


def _list(options: argparse.Namespace) -> int:
    from engine.store.checking import unlisted
    from engine.store.unfinished import unfinished

    study = Study(options.study)
    entries, left = study.entries, unfinished(study)
    if options.unfinished:
        entries = []
    if options.unfinished and options.json:
        told = ("key", "kind", "title", "done", "total", "saved", "progress")
        print(json.dumps([{name: getattr(one, name) for name in told} for one in left]))
        return OK
    if options.json:
        names = ("key", "kind", "title", "created", "seconds", "parents")
        print(json.dumps([{name: asdict(entry)[name] for name in names} for entry in entries]))
        return OK
    for entry in entries:
        when, title = entry.created[:16].replace("T", " "), one_line(entry.title)
        print(f"{entry.key[:10]}  {entry.kind:20}  {when}  {entry.seconds:8.1f} s  {title}")
    for one in left:
        state = f"unfinished, {one.progress}"
        print(f"{one.key[:10]}  {one.kind:20}  {state:28}  {one_line(one.title)}")
    said = [] if options.unfinished else [f"{len(entries)} records"]
    if left or options.unfinished:
        said.append(f"{len(left)} unfinished")
    if more := unlisted(study.path, {entry.key for entry in study.entries}):
        said.append(f"{len(more)} more cannot be read, check says why")
    print(", ".join(said), file=sys.stderr)
    _tell_lacking(study)
    return OK


def _tell_lacking(study: Study) -> None:
    """Say which records no loaded file of the user explains, and what they need."""
    if words := lacking(study.entries):
        print(f"{one_line(words)}: --plugin FILE.py loads it", file=sys.stderr)


def _show(options: argparse.Namespace) -> int:
    from engine.figures import tables
    from engine.networks.opening.tried import as_documents, tried_in, words_for
    from engine.specs.variants import variant
    from engine.tradeoff.robustness import as_json as robustness_json
    from engine.tradeoff.robustness import robustness
    from engine.tradeoff.scores import record_words

    study = Study(options.study)
    if options.key is None:
        print(json.dumps(tables.as_json(study)) if options.json else tables.as_text(study))
        _tell_lacking(study)
        return OK
    record = _record(study, options.key)
    tried = tried_in(record)
    if options.json:
        known = robustness(study).get(record.entry.key)
        more = robustness_json(known) if known is not None else {}
        provenance = {"provenance": dict(record.provenance)}
        notes = _image_notes(record)
        more = {**more, "notes": notes} if notes else more
        more = {**more, "accuracies": as_documents(tried)} if tried else more
        print(json.dumps({**asdict(record.entry), **more, **provenance}))
        return OK
    entry = record.entry
    print(one_line(entry.title))
    print(f"{entry.kind} {entry.key}, {entry.created}, {entry.seconds:.1f} s")
    for name, value in entry.numbers.items():
        print(f"  {name:24} {value:.6g}" if isinstance(value, float) else f"  {name:24} {value}")
    for name, array in record.arrays.items():
        print(f"  {name:24} {array.dtype} {array.shape}")
    spec = spec_of(entry)
    if which := variant(spec) if spec is not None else "":
        print(f"  {'variant':24} {which}")
    if entry.lacks:
        print(f"  {'needs':24} {one_line(entry.lacks)}")
    if words := record_words(study, entry):
        print("  " + words.replace("\n", "\n  "))
    for note in (*_image_notes(record), *words_for(tried)):
        print(f"  {note}")
    print(json.dumps(entry.spec, indent=1))
    return OK


def _image_notes(record: Record) -> list[str]:
    """Return what a record of images says about how they were read, alarms first."""
    if not isinstance(spec_of(record.entry), ImagesSpec):
        return []
    known = record.documents
    texts = [known.get(name, ()) for name in ("alarms", "scale", "notes")]
    return [str(text) for text in dict.fromkeys(itertools.chain(*texts))]


def _record(study: Study, key: str) -> Record:
    """Read the record whose key starts with ``key``; if none does, suggest a similar key."""
    keys = [entry.key for entry in study.entries]
    if not any(found.startswith(key) for found in keys):
        near = suggestion(key, [found[: len(key)] for found in keys])
        raise StudyError(
            f"key is {key!r}{near}: no record begins with it in {study.path.name}; the command "
            "list names them"
        )
    return study.read(key)


def _export(options: argparse.Namespace) -> int:
    if options.figure not in FIGURES:
        near = suggestion(options.figure, list(FIGURES))
        known = ", ".join(FIGURES)
        raise ValueError(f"figure is {options.figure!r}{near}, must be one of {known}")
    study = Study(options.study)
    network = options.network
    if network:
        network = _record(study, network).entry.key
    style: dict[str, Any] = {"preset": options.preset, "changes": _style_changes(options)}
    try:
        too_large = FIGURES[options.figure].save(study, options.out, network, **style)
    except OSError as error:
        raise StudyError(f"--out {options.out} cannot be written: {error.strerror}") from error
    print(options.out)
    if too_large:
        print(too_large, file=sys.stderr)
    from engine.fonts import without_font  # loads matplotlib, which makes folders of its own

    if words := without_font(_names_in(study)):
        print(one_line(words), file=sys.stderr)
    if words := replaced_font(options.preset, options.font or ""):
        print(words, file=sys.stderr)
    return OK


def _style_changes(options: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of the style that were given."""
    width, height = options.size or (None, None)
    given = {
        "width_mm": width,
        "height_mm": height,
        "font": options.font,
        "font_size": options.font_size,
        "dpi": options.dpi,
        "palette": options.palette,
        "caption": options.caption or None,
        "transparent": options.transparent or None,
        "title": False if options.no_title else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _names_in(study: Study) -> Iterator[str]:
    """Yield the texts that users give: names, titles and notes of the study, classes of images."""
    yield from (str(study.about.get(name, "")) for name in ("name", "notes"))
    for entry in study.entries:
        yield entry.title
        if isinstance(spec_of(entry), ImagesSpec):
            with suppress(StudyError):  # a damaged record, of which other commands tell
                yield from map(str, study.read(entry.key).documents.get("classes", ()))


def _cite(options: argparse.Namespace) -> int:
    from engine.citing.paragraph import methods_of

    study = Study(options.study)
    methods = methods_of(study, latex=options.latex)
    if options.json:
        works = [vars(work) for work in methods.references]
        print(json.dumps({"text": methods.text, "references": works, "bibtex": methods.bibtex()}))
    else:
        print(f"{methods.text}\n\n{methods.bibtex()}".strip())
    _tell_lacking(study)
    return OK


def _pack(options: argparse.Namespace) -> int:
    from engine.store.packing import pack

    size = pack(Study(options.study), options.out)
    print(f"{options.out}, {size / 1e6:.1f} MB")
    return OK


def _unpack(options: argparse.Namespace) -> int:
    from engine.store.packing import unpack

    study = unpack(options.file, options.study)
    print(f"{options.study}, {len(study.entries)} records")
    return OK


def _check(options: argparse.Namespace) -> int:
    if options.repair:
        from engine.cli.repair import repair

        return repair(options.study, options.jobs, options.threads)
    study = Study(options.study)
    unread: list[tuple[str, str]] = []
    damaged = list(study.check(unread))
    for path, problem in (*damaged, *unread):
        print(one_line(f"{path}: {problem}"))
    counts = f"{len(study.entries)} readable records, {len(damaged)} damaged"
    more = f", {len(unread)} that could not be read" if unread else ""
    print(counts + more, file=sys.stderr)
    _tell_lacking(study)
    return FAILED if damaged or unread else OK


def _template(options: argparse.Namespace) -> int:
    from engine.cli.templates import TEMPLATES
    from engine.store.outputs import check_outside_studies

    name = options.template
    if name not in TEMPLATES:
        near = suggestion(name, list(TEMPLATES))
        raise ValueError(f"--template is {name!r}{near}, must be one of {', '.join(TEMPLATES)}")
    if options.out is None:
        print(TEMPLATES[name], end="")
        return OK
    if options.out.suffix != ".py":
        raise ValueError(f"--out is {str(options.out)!r}, must be a file that ends in .py")
    check_outside_studies(options.out)
    try:
        with open(options.out, "x", encoding="utf-8") as file:
            file.write(TEMPLATES[name])
    except FileExistsError:
        raise ValueError(f"--out {options.out} is there already; it is not replaced") from None
    except OSError as error:
        raise ValueError(f"--out {options.out} cannot be written: {error.strerror}") from error
    print(options.out)
    return OK


def _methods(options: argparse.Namespace) -> int:
    from engine.specs import methods

    if options.template is not None:
        return _template(options)
    if options.out is not None:
        raise ValueError("--out is for --template; methods prints to standard output")
    own = (FIGURES_FAMILY, PRESETS_FAMILY)
    known = [*methods.FAMILIES, methods.OTHER, *own]
    if options.family and options.family not in known:
        near = suggestion(options.family, known)
        raise ValueError(f"family is {options.family!r}{near}, must be one of {', '.join(known)}")
    found = [] if options.family in own else list(methods.methods(options.family))
    figures = list(FIGURES.values()) if options.family in ("", FIGURES_FAMILY) else []
    presets = list(PRESETS.values()) if options.family in ("", PRESETS_FAMILY) else []
    if options.json:
        listed = [methods.as_json(method) for method in found]
        listed += [
            {"family": FIGURES_FAMILY, "kind": row.name, "label": row.heading} for row in figures
        ]
        listed += [
            {"family": PRESETS_FAMILY, "kind": row.name, "label": f"{row.label}: {row.words}"}
            for row in presets
        ]
        print(json.dumps({"methods": listed}))
        return OK
    lines = ["FIGURES", "", *(f"{row.name:16} {row.heading}" for row in figures)] if figures else []
    sizes = ["FIGURE PRESETS", "", *as_lines()] if presets else []
    parts = (methods.as_text(found), "\n".join(lines), "\n".join(sizes))
    print("\n\n".join(filter(None, parts)))
    return OK


FUNCTIONS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": _run,
    "import": _import,
    "list": _list,
    "show": _show,
    "export": _export,
    "cite": _cite,
    "pack": _pack,
    "unpack": _unpack,
    "check": _check,
    "methods": _methods,
}
