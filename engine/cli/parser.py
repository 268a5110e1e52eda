"""The argument parser of ``isthmus`` and its messages for mistakes; imports no large library.

:data:`COMMANDS` is the only list of the commands; main.py and the parser read it, and
:mod:`engine.cli.commands` has a function for each.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from engine.figures.catalog import pictured
from engine.figures.paper.colours import PALETTES
from engine.figures.paper.presets import PRESETS
from engine.program import BAD_INPUT, VERSION
from engine.store.files import names_folder
from engine.texts import one_line

NUMBER = re.compile(r"-[\d.]")  # an argument that starts like this is a value, not an option
OPENED = "a study, a folder of images, an image or a file of weights"


class _Parser(argparse.ArgumentParser):
    """A parser that reports every mistake in one line, and checks the names of options first.

    For ``run demo --stdy S``, argparse would only report that --study is missing.
    """

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {one_line(message)}", file=sys.stderr)
        raise SystemExit(BAD_INPUT)

    def _print_message(self, message: str, file: Any = None) -> None:
        """Write a message; argparse itself passes over output that cannot be written."""
        (file or sys.stderr).write(message or "")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Reject unknown options, then parse."""
        self.check_names(sys.argv[1:] if args is None else args)
        return super().parse_known_args(args, namespace)

    def check_names(self, arguments: Sequence[str]) -> None:
        """End the program with one line if an option does not exist."""
        for argument in arguments:
            if argument == "--":
                return
            self.check_option(argument)

    def check_option(self, argument: str) -> None:
        """End the program with one line if the argument is an option that does not exist."""
        name = argument.partition("=")[0]
        if not name.startswith("-") or name == "-" or " " in name or NUMBER.match(name):
            return
        known = [*re.findall(r"--[a-z][a-z-]*", self.format_usage()), "--help"]
        whole = name.startswith("--") and any(other.startswith(name) for other in known)
        if not whole and name != "-h":
            self.error(f"option is {_near(name, known)}, must be one of {', '.join(known)}")


class _MainParser(_Parser):
    """The top-level parser, for the options before the command and the name of the command."""

    def check_names(self, arguments: Sequence[str]) -> None:
        """End the program with one line if the first argument is neither option nor command."""
        for argument in arguments[:1]:
            self.check_option(argument)
            if not argument.startswith("-") and argument not in COMMANDS:
                self.error(
                    f"{_near(argument, list(COMMANDS))} is no command and no path that exists; "
                    f"must be one of {', '.join(COMMANDS)}, or the path of {OPENED}"
                )


def _near(name: str, known: list[str]) -> str:
    """Return the name quoted for a message, with a suggestion if a known name is similar."""
    from engine.specs.errors import shown, suggestion

    return f"{shown(name)}{suggestion(name, known)}"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the headless commands."""
    main = _MainParser(
        prog="isthmus",
        description="Robustness and gradient interpretability, measured. Without a command the "
        f"window opens, with what is named: {OPENED}.",
        epilog="Beside these paths, or alone, --do NAME does a command of the window once they are "
        "open, and can be repeated; --commands prints the names of all commands.",
    )
    main.add_argument("--version", action="version", version=f"isthmus {VERSION}")
    commands = main.add_subparsers(dest="command", required=True, parser_class=_Parser)
    for name, (help, add_arguments) in COMMANDS.items():
        command = commands.add_parser(name, help=help, description=help)
        if name not in WITHOUT_STUDY:
            command.add_argument("--study", required=True, type=Path, help="folder of the study")
        add_arguments(command)
        command.add_argument(
            "--plugin",
            action="append",
            default=[],
            type=Path,
            metavar="FILE.py",
            help="methods of your own, docs/plugins.md; runs the file's code; can be repeated",
        )
    return main


def _add_run(command: argparse.ArgumentParser) -> None:
    command.add_argument("plan", help="a preset's name or a .toml file")
    command.add_argument(
        "--images", type=Path, help="folder, archive or MNIST files to use instead"
    )
    command.add_argument("--device", default="auto", help=DEVICE_HELP)
    command.add_argument("--seed", type=int, help="seed of every training in the plan")
    command.add_argument("--set", action="append", default=[], metavar="SPEC.FIELD=VALUE")
    command.add_argument(
        "--faithful", action="store_true", help="as the code released with the paper does"
    )
    command.add_argument(
        "--image-memory",
        metavar="PERCENT",
        help="share of memory that a set of images may take, 1 to 90 (25); a larger set is read "
        "from a file in the study as it is used. ISTHMUS_IMAGE_MEMORY sets it too",
    )
    command.add_argument("--download", action="store_true", help="fetch the data if it is not here")
    _add_cores(command)
    command.add_argument(
        "--yes", action="store_true", help="begin work of more than a day without a question"
    )
    command.add_argument(
        "--shard",
        metavar="I/N",
        help="compute one of n shares of the plan, the others by the same command elsewhere, such "
        "as 2/8; the study's folder is all that they share",
    )
    command.add_argument(
        "--take-over",
        type=float,
        metavar="MINUTES",
        help="after which a shard computes what it needs of one that has not begun or died (10)",
    )
    command.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="start so many workers here, each on a GPU of its own where there are several, and "
        "lead them; needs the extra cluster",
    )
    command.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="lead the workers of this scheduler of dask: tcp://127.0.0.1:8786, or tls://...",
    )


def _add_cores(command: argparse.ArgumentParser) -> None:
    command.add_argument("--jobs", type=int, help="computations side by side")
    command.add_argument("--threads", type=int, help="processor threads of each computation")


def _add_import(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", type=Path, help="weights: .safetensors, or what torch.save wrote")
    command.add_argument(
        "--images", type=Path, help="labelled images to measure it on; else those of the study"
    )
    command.add_argument("--network", help="the architecture; else it is found out")
    command.add_argument("--entry", help="where in the file the weights are, such as last or ema")
    command.add_argument("--size", type=int, help="side in pixels at which the images are read")
    command.add_argument("--device", default="auto", help=DEVICE_HELP)
    command.add_argument("--json", action="store_true")


def _add_list(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true")
    command.add_argument(
        "--unfinished",
        action="store_true",
        help="list only what was asked for and has no result; running its plan again goes on",
    )


def _add_show(command: argparse.ArgumentParser) -> None:
    command.add_argument("key", nargs="?", help="a record's key or the beginning of it")
    command.add_argument("--json", action="store_true")


def _file(text: str) -> Path:
    """Return the path of a file to write."""
    if names_folder(text):
        raise argparse.ArgumentTypeError(f"is {text!r}, must be a file and names a folder")
    return Path(text)


def _add_export(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "figure",
        help=f"{', '.join(row.name for row in pictured())}, or report: all of them and the "
        "settings behind them, as one .pdf, or network: one network, as one .html, or surface: "
        "loss and decisions around the first attacked image, computed when it is drawn",
    )
    out = "file, .pdf .svg .png .csv or .h5; .html of a network"
    command.add_argument("--out", required=True, type=_file, help=out)
    _add_replace(command, "a file that Isthmus did not write")
    command.add_argument(
        "--network", default="", metavar="KEY", help="the network of the figure network, its key"
    )
    command.add_argument(
        "--preset",
        default="",
        metavar="NAME",
        help=f"size and letters of a journal: {', '.join(PRESETS)}; the command methods "
        "figure_presets lists what each asks for",
    )
    for name, (kind, metavar, help) in STYLE_OPTIONS.items():
        command.add_argument(f"--{name}", type=kind, metavar=metavar, help=help)
    command.add_argument("--caption", action="store_true", help="write the caption below")
    command.add_argument("--no-title", action="store_true", help="leave the title to the paper")
    command.add_argument("--transparent", action="store_true", help="no white background")


def size_mm(text: str) -> tuple[float, float | None]:
    """Return width and height in mm of a text such as 85x60; a height of None if it has none."""
    width, _, height = text.partition("x")
    return float(width), float(height) if height else None


# Options of export that change a preset: their type, and their help.
STYLE_OPTIONS: dict[str, tuple[Callable[[str], Any], str, str]] = {
    "size": (size_mm, "WIDTH[xHEIGHT]", "in mm, such as 85 or 85x60; else the content's height"),
    "font": (str, "FAMILY", "family of its letters"),
    "font-size": (float, "POINTS", "size of its letters"),
    "dpi": (float, "DPI", "dots per inch of a .png"),
    "palette": (str, "NAME", f"colours of the series: {', '.join(PALETTES)}"),
}


def _add_pack(command: argparse.ArgumentParser) -> None:
    command.add_argument("--out", required=True, type=_file, help="file, .h5")
    _add_replace(command, "a packed study with records that this study lacks")


def _add_replace(command: argparse.ArgumentParser, what: str) -> None:
    command.add_argument("--replace", action="store_true", help=f"replace also {what}")


def _add_unpack(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", type=Path, help="file that pack wrote")


def _add_check(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--repair",
        action="store_true",
        help="move what is damaged aside and compute it again; write a lost study.json anew",
    )
    _add_cores(command)


def _add_methods(command: argparse.ArgumentParser) -> None:
    command.add_argument("family", nargs="?", default="", help="one family, such as attacks")
    command.add_argument("--json", action="store_true")
    command.add_argument(
        "--template",
        metavar="FAMILY",
        help="write a method of your own to start from: attribution, attack, scheme or metric",
    )
    command.add_argument("--out", type=_file, metavar="FILE.py", help="file of the template")


def _add_cite(command: argparse.ArgumentParser) -> None:
    command.add_argument("--latex", action="store_true", help="cite by \\cite")
    command.add_argument("--json", action="store_true")


# Name of each command -> its help text, and the function that adds its arguments except --study.
COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "run": ("compute what a plan asks for and the study lacks", _add_run),
    "import": ("find out which network a weights file holds, and record it", _add_import),
    "list": ("list the study's records", _add_list),
    "show": ("print one record's numbers, or the trade-off table", _add_show),
    "export": ("draw a figure from the study's records", _add_export),
    "cite": ("print the study's methods section with its references", _add_cite),
    "pack": ("write a copy of the study as one HDF5 file", _add_pack),
    "unpack": ("make a study folder of such a file", _add_unpack),
    "check": ("verify every record of the study", _add_check),
    "methods": (
        "list every attack, attribution, scheme, network, metric and figure",
        _add_methods,
    ),
}
DEVICE_HELP = "auto: a CUDA GPU if there is one; or cpu, cuda, xpu (Intel), mps (Apple)"
WITHOUT_STUDY = ("methods",)
