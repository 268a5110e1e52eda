"""The headless commands: their options, and what each prints on standard output."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from engine.cli.commands import COMMANDS
from engine.figures.catalog import FIGURES, pictured
from engine.program import BAD_INPUT, FAILED, OK, VERSION
from engine.specs.errors import one_of, suggestion
from engine.store.study import Study, StudyError

FIGURES_FAMILY = "figures"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}", file=sys.stderr)
        raise SystemExit(BAD_INPUT)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            names = list(map(str, action.choices))
            raise argparse.ArgumentError(
                None, f"{value!r} is no command{suggestion(value, names)}, must be {one_of(names)}"
            )


def parser() -> argparse.ArgumentParser:
    """Return the parser of the headless commands."""
    main = _Parser(prog="isthmus", description="Robustness and gradient interpretability, measured")
    commands = main.add_subparsers(dest="command", required=True, parser_class=_Parser)

    main.add_argument("--version", action="version", version=f"isthmus {VERSION}")

    def command(name: str, function: Any, *, study: bool = True) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = commands.add_parser(
            name, help=COMMANDS[name], description=COMMANDS[name]
        )
        if study:
            made.add_argument("--study", required=True, type=Path, help="folder of the study")
        made.set_defaults(function=function)
        return made

    run = command("run", _run)
    run.add_argument("plan", help="a preset's name or a .toml file")
    run.add_argument("--images", type=Path, help="folder, archive or MNIST files to use instead")
    run.add_argument("--device", default="auto", help="auto, cpu or cuda")
    run.add_argument("--seed", type=int, help="seed of every training in the plan")
    run.add_argument("--set", action="append", default=[], metavar="SPEC.FIELD=VALUE")
    run.add_argument(
        "--faithful",
        action="store_true",
        help="as the code released with the paper does",
    )
    run.add_argument("--download", action="store_true", help="fetch the data if it is not here")
    listing = command("list", _list)
    listing.add_argument("--json", action="store_true")
    show = command("show", _show)
    show.add_argument("key", nargs="?", help="a record's key or the beginning of it")
    show.add_argument("--json", action="store_true")
    export = command("export", _export)
    export.add_argument(
        "figure",
        help=f"{', '.join(row.name for row in pictured())}, or report: all of them and the "
        "settings behind them, as one .pdf",
    )
    export.add_argument("--out", required=True, type=Path, help="file, .pdf .svg .png .csv or .h5")
    packing = command("pack", _pack)
    packing.add_argument("--out", required=True, type=Path, help="file, .h5")
    unpacking = command("unpack", _unpack)
    unpacking.add_argument("file", type=Path, help="file that pack wrote")
    checking = command("check", _check)
    checking.add_argument(
        "--repair",
        action="store_true",
        help="move what is damaged aside and compute it again",
    )
    listed = command("methods", _methods, study=False)
    listed.add_argument("family", nargs="?", default="", help="one family, such as attacks")
    listed.add_argument("--json", action="store_true")
    return main


def main(arguments: Sequence[str]) -> int:
    """Run one headless command and return its exit code.

    0 done; 1 something failed or is damaged; 2 bad input, one line on standard error; 130 stopped
    by Ctrl-C, to be resumed by the same command.
    """
    try:
        options = parser().parse_args(arguments)
        return int(options.function(options))
    except ValueError as error:
        print(f"isthmus: {error}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        sys.stderr.close()
        return OK


def _run(options: argparse.Namespace) -> int:
    from engine.cli.run import run_plan
    from engine.plan.planfile import find_plan

    path = find_plan(options.plan)
    if options.seed is not None and options.seed < 0:
        raise ValueError(f"--seed is {options.seed}, must be a whole number at least 0")
    return run_plan(
        path,
        options.study,
        images=options.images,
        device=options.device,
        seed=options.seed,
        settings=options.set,
        as_released=options.faithful,
        download=options.download,
    )


def _list(options: argparse.Namespace) -> int:
    entries = Study(options.study).entries
    if options.json:
        names = ("key", "kind", "title", "created", "seconds", "parents")
        print(json.dumps([{name: asdict(entry)[name] for name in names} for entry in entries]))
        return OK
    for entry in entries:
        when = entry.created[:16].replace("T", " ")
        print(f"{entry.key[:10]}  {entry.kind:20}  {when}  {entry.seconds:8.1f} s  {entry.title}")
    print(f"{len(entries)} records", file=sys.stderr)
    return OK


def _show(options: argparse.Namespace) -> int:
    from engine.figures import tables
    from engine.specs.variants import variant

    study = Study(options.study)
    if options.key is None:
        print(json.dumps(tables.as_json(study)) if options.json else tables.as_text(study))
        return OK
    record = study.read(options.key)
    found = {**asdict(record.entry), "provenance": dict(record.provenance)}
    if options.json:
        print(json.dumps(found))
        return OK
    entry = record.entry
    print(f"{entry.title}\n{entry.kind} {entry.key}, {entry.created}, {entry.seconds:.1f} s")
    for name, value in entry.numbers.items():
        print(f"  {name:24} {value:.6g}" if isinstance(value, float) else f"  {name:24} {value}")
    for name, array in record.arrays.items():
        print(f"  {name:24} {array.dtype} {array.shape}")
    if which := variant(record.spec):
        print(f"  {'variant':24} {which}")
    print(json.dumps(entry.spec, indent=1))
    return OK


def _export(options: argparse.Namespace) -> int:
    if options.figure not in FIGURES:
        near = suggestion(options.figure, list(FIGURES))
        known = ", ".join(FIGURES)
        raise ValueError(f"figure is {options.figure!r}{near}, must be one of {known}")
    try:
        FIGURES[options.figure].save(Study(options.study), options.out)
    except OSError as error:
        raise StudyError(f"--out {options.out} cannot be written: {error.strerror}") from error
    print(options.out)
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
    study = Study(options.study)
    if options.repair:
        from engine.cli.repair import repair

        return repair(options.study)
    damaged = list(study.check())
    for path, problem in damaged:
        print(f"{path}: {problem}")
    print(f"{len(study.entries)} readable records, {len(damaged)} damaged", file=sys.stderr)
    return FAILED if damaged else OK


def _methods(options: argparse.Namespace) -> int:
    from engine.specs import methods

    known = [*methods.FAMILIES, methods.OTHER, FIGURES_FAMILY]
    if options.family and options.family not in known:
        near = suggestion(options.family, known)
        raise ValueError(f"family is {options.family!r}{near}, must be one of {', '.join(known)}")
    found = [] if options.family == FIGURES_FAMILY else list(methods.methods(options.family))
    figures = list(FIGURES.values()) if options.family in ("", FIGURES_FAMILY) else []
    if options.json:
        listed = [methods.as_json(method) for method in found]
        listed += [
            {"family": FIGURES_FAMILY, "kind": row.name, "label": row.heading} for row in figures
        ]
        print(json.dumps({"methods": listed}))
        return OK
    lines = ["FIGURES", "", *(f"{row.name:16} {row.heading}" for row in figures)] if figures else []
    print("\n\n".join(part for part in (methods.as_text(found), "\n".join(lines)) if part))
    return OK
