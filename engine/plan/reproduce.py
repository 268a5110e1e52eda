"""Write a spec as a plan file, a command line or Python code that computes its record again.

All three contain the whole spec and define every recorded spec inside it once, under a name. Fields
at their default are left out; the key leaves them out too, so the record computed has the same key.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tomli_w

from engine.program import ROOT
from engine.specs.schema import PLUGIN, Spec, SpecError, fields_of
from engine.specs.variants import origins_in

if TYPE_CHECKING:
    from engine.plugins import Plugin

Shell = Literal["posix", "powershell"]
MAIN = ROOT / "main.py"
LINE = 96
# Delimiter of the here-document; no line of a plan in TOML equals it.
END = "END_OF_PLAN"


def plan_text(spec: Spec) -> str:
    """Return a plan file (see :mod:`engine.plan.planfile`) that asks for this spec.

    Raises
    ------
    SpecError
        If a text in the spec begins with "@", which a plan file would read as a reference.
    """
    tables: dict[str, dict[str, Any]] = {}

    def form(value: Any) -> Any:
        if isinstance(value, Spec):
            if value.recorded:
                return f"@{names.of(value, lambda name: tables.update({name: table(value)}))}"
            return table(value)
        if isinstance(value, tuple):
            return [form(part) for part in value]
        if isinstance(value, str) and value.startswith("@"):
            raise SpecError(f"text is {value!r}: a plan file cannot hold one that begins with @")
        return value

    def table(found: Spec) -> dict[str, Any]:
        own = {} if found.origin is None else {PLUGIN: found.origin.text}
        return {"kind": found.kind} | own | {n: form(value) for n, value in _given(found)}

    names = _Names()
    last = names.of(spec, lambda name: tables.update({name: table(spec)}))
    head = {"title": _one_line(spec.title), "run": [last]}
    return _escaped(tomli_w.dumps({**head, "specs": tables}))


def command_text(spec: Spec, study: Path, shell: Shell | None = None) -> str:
    """Return shell commands that write the plan to a file and compute it into the study.

    Parameters
    ----------
    shell
        The shell whose quoting to use; None means the usual one of this system.

    Raises
    ------
    SpecError
        As :func:`plan_text`.
    """
    name, plan = f"{spec.kind}-{spec.key[:10]}.toml", plan_text(spec)
    windows = sys.platform == "win32" if shell is None else shell == "powershell"
    quote: Callable[[str], str] = _powershell_quoted if windows else _posix_quoted
    run = f"run {name} --study {quote(str(study))}"
    run += "".join(f" --plugin {quote(str(plugin.path))}" for plugin in _plugins_of(spec))
    if windows:
        # Set-Content in old versions of PowerShell writes a byte order mark, which TOML forbids.
        write = f"[IO.File]::WriteAllText(\"$PWD\\{name}\", @'\n{plan}'@)\n"
        return f"{write}& {_program(quote)} {run}\n"
    return f"cat > {name} <<'{END}'\n{plan}{END}\n{_program(quote)} {run}\n"


def python_text(spec: Spec, study: Path) -> str:
    """Return Python code that builds the spec, computes its missing records and prints numbers."""
    classes: set[str] = set()
    lines: list[str] = []
    plugins = {f"plugin_{n}": plugin for n, plugin in enumerate(_plugins_of(spec), 1)}
    modules = {plugin.origin: name for name, plugin in plugins.items()}

    def form(value: Any, indent: int) -> str:
        if isinstance(value, Spec):
            if value.recorded:
                return names.of(value, lambda name: lines.append(f"{name} = {made(value, 0)}"))
            return made(value, indent)
        if isinstance(value, tuple):
            parts = [form(part, indent) for part in value]
            return f"({', '.join(parts)}{',' * (len(parts) == 1)})"
        return repr(value)

    def made(found: Spec, indent: int) -> str:
        name = type(found).__name__
        if found.origin is None:
            classes.add(name)
        else:
            name = f"{modules[found.origin]}.{name}"
        fields = [f"{n}={form(value, indent + 4)}" for n, value in _given(found)]
        short = f"{name}({', '.join(fields)})"
        if len(short) + indent <= LINE and "\n" not in short:
            return short
        space = "\n" + " " * (indent + 4)
        return f"{name}({space}{f',{space}'.join(fields)},\n{' ' * indent})"

    names = _Names()
    last = names.of(spec, lambda name: lines.append(f"{name} = {made(spec, 0)}"))
    imported = "".join(f"    {name},\n" for name in sorted(classes))
    return PYTHON.format(
        title=_one_line(spec.title),
        key=spec.key,
        root=str(MAIN.parent),
        classes=imported,
        plugins="".join(
            f"{name} = api.load_plugin({str(plugin.path)!r}).module\n"
            for name, plugin in plugins.items()
        ),
        specs="\n".join(lines),
        study=str(study),
        name=last,
    )


PYTHON = """\
import sys

# {title}, record {key}
sys.path.insert(0, {root!r})  # where Isthmus is

from engine import api
from engine.specs import (
{classes})

{plugins}{specs}

study = api.open_study({study!r})
(record,) = api.compute(study, [{name}], on_event=print)
print(dict(record.numbers))
"""


def _plugins_of(spec: Spec) -> list[Plugin]:
    """Return the user's files that declare a spec or one inside it."""
    from engine.plugins import loaded  # with torch, which this module else does without

    origins = origins_in(spec)
    return [plugin for plugin in loaded() if plugin.origin in origins]


class _Names:
    """Unique names for specs: the kind, followed by a number if the kind alone is taken."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def of(self, spec: Spec, define: Callable[[str], object]) -> str:
        """Return a spec's name; at the first call for a spec, choose it and call ``define``."""
        if spec.key not in self._names:
            taken = set(self._names.values())
            numbers = (f"{spec.kind}_{n}" for n in range(2, len(taken) + 3))
            name = next(n for n in (spec.kind, *numbers) if n not in taken)
            # A spec cannot contain itself, so ``define`` can define the specs inside it first.
            self._names[spec.key] = name
            define(name)
        return self._names[spec.key]


def _given(spec: Spec) -> list[tuple[str, Any]]:
    """Return the fields that do not hold their default."""
    values = [(item, getattr(spec, item.name)) for item in fields_of(type(spec))]
    return [(item.name, value) for item, value in values if item.required or value != item.default]


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _program(quote: Callable[[str], str]) -> str:
    if getattr(sys, "frozen", False):
        return quote(sys.executable)
    return f"{quote(sys.executable)} {quote(str(MAIN))}"


def _escaped(plan: str) -> str:
    """Write as escapes what a terminal or shell would act on when a plan is pasted into it.

    In a plan made here these stand in texts only. Bash puts old commands in the place of ``!`` even
    inside a here-document.
    """
    return "".join(c if c == "\n" or _is_harmless(c) else _escape(c) for c in plan)


def _is_harmless(letter: str) -> bool:
    return letter != "!" and (letter.isprintable() or 0xD800 <= ord(letter) < 0xE000)


def _escape(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if ord(letter) < 1 << 16 else f"\\U{ord(letter):08x}"


def _posix_quoted(text: str) -> str:
    """Quote for bash or zsh; control characters are named, so that a terminal does not obey them.

    In ``$'...'`` bytes stand as they are in the file system's encoding.
    """
    if text.isprintable():
        return shlex.quote(text)
    named = "".join(
        chr(byte) if 32 < byte < 127 and chr(byte) not in "'\\!" else f"\\{byte:03o}"
        for byte in os.fsencode(text)
    )
    return f"$'{named}'"


def _powershell_quoted(text: str) -> str:
    """Quote for PowerShell, which takes four typographic quotes for the straight one too."""
    return "'" + re.sub("(['\u2018-\u201b])", r"\1\1", text) + "'"
