"""What there is to choose from: every family of specs, its kinds, their fields and sources.

All of it is read from the specs themselves. The command ``methods``, the glossary of the window and
``docs/methods.md`` are made from it, so a new kind stands in each of them by itself.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.specs.attacks import AttackSpec
from engine.specs.attributions import AttributionSpec
from engine.specs.classifiers import ClassifierSpec
from engine.specs.fields import Field
from engine.specs.images import ImagesSpec
from engine.specs.measures import MetricSpec
from engine.specs.networks import NetworkSpec
from engine.specs.optimizers import OptimizerSpec
from engine.specs.retraining import RankingSpec
from engine.specs.schema import KINDS, Spec, fields_of, kinds_of
from engine.specs.schemes.augmentation import Augmentation
from engine.specs.schemes.base import SchemeSpec

FAMILIES: dict[str, tuple[str, type[Spec]]] = {
    "attacks": ("Attacks", AttackSpec),
    "attributions": ("Attributions", AttributionSpec),
    "schemes": ("Training schemes", SchemeSpec),
    "augmentation": ("Augmentation", Augmentation),
    "networks": ("Networks", NetworkSpec),
    "metrics": ("Metrics of a network", MetricSpec),
    "optimizers": ("Optimisers", OptimizerSpec),
    "images": ("Images", ImagesSpec),
    "rankings": ("Rankings of pixels", RankingSpec),
    "classifiers": ("Classifiers", ClassifierSpec),
}
"""Name of a family -> its heading, and the class below which its kinds stand."""

OTHER = "records"
"""The family of what belongs to no other: kinds of records that a plan can ask for."""


@dataclass(frozen=True)
class Method:
    """One kind of spec, as people are told of it.

    Attributes
    ----------
    family
        A key of :data:`FAMILIES`, or :data:`OTHER`.
    kind, label
        What plan files and what forms call it.
    summary
        What it is, in one paragraph.
    source
        Paper and place, "" where none is named.
    fields
        Its settings, in order.
    caveat
        What a metric does not show; "" for all others.
    """

    family: str
    kind: str
    label: str
    summary: str
    source: str
    fields: tuple[Field, ...]
    caveat: str = ""


def methods(family: str = "") -> Iterator[Method]:
    """Yield every kind of a family, or of all, in the order of :data:`FAMILIES`."""
    told: set[str] = set()
    for name, (_, base) in FAMILIES.items():
        for cls in kinds_of(base):
            told.add(cls.kind)
            if family in ("", name):
                yield _method(name, cls)
    if family in ("", OTHER):
        yield from (_method(OTHER, cls) for kind, cls in KINDS.items() if kind not in told)


def heading_of(family: str) -> str:
    """Return the heading of a family."""
    return FAMILIES[family][0] if family in FAMILIES else "Other records"


def as_json(method: Method) -> dict[str, Any]:
    """Return what ``methods --json`` prints of a kind; no name in it ever changes."""
    return {
        "family": method.family,
        "kind": method.kind,
        "label": method.label,
        "summary": method.summary,
        "source": method.source,
        "caveat": method.caveat,
        "fields": [_field_json(item) for item in method.fields],
    }


def as_text(found: list[Method]) -> str:
    """Return kinds as text for a terminal, by family."""
    lines: list[str] = []
    family = ""
    for method in found:
        if method.family != family:
            family = method.family
            lines += ["", heading_of(family).upper()]
        lines += ["", f"{method.kind}  ({method.label})", f"    {method.summary}"]
        if method.source:
            lines.append(f"    Source: {method.source}")
        if method.caveat:
            lines.append(f"    {method.caveat}")
        for item in method.fields:
            unit = f" [{item.unit}]" if item.unit else ""
            lines.append(f"    {item.name}{unit} = {default_text(item)}: {item.allowed()}")
    return "\n".join(lines).strip()


def as_markdown() -> str:
    """Return all kinds as the page ``docs/methods.md``."""
    lines = [
        "# Methods",
        "",
        "Every kind of spec, with its fields; `main.py methods` prints the same. This page is made",
        "by `python docs/make_methods.py`, and a test fails where it is out of date. Lengths with",
        "the unit `pixel` are in [0, 1]: the paper's, in [-1, 1], are twice as large.",
    ]
    family = ""
    for method in methods():
        if method.family != family:
            family = method.family
            lines += ["", f"## {heading_of(family)}"]
        lines += ["", f"### {method.label} (`{method.kind}`)", "", method.summary]
        if method.source:
            lines += ["", f"Source: {method.source}."]
        if method.caveat:
            lines += ["", method.caveat]
        if method.fields:
            lines += ["", "| field | default | allowed | what |", "|---|---|---|---|"]
        for item in method.fields:
            unit = f" ({item.unit})" if item.unit else ""
            help_ = item.help or ("" if item.label == item.name.replace("_", " ") else item.label)
            cells = (f"`{item.name}`{unit}", default_text(item), item.allowed(), help_)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def default_text(item: Field) -> str:
    """Return a field's default in words: "required" without one, "empty" for None."""
    if item.required:
        return "required"
    return _value_text(item.default)


def _value_text(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, Spec):
        given = [
            f"{item.name} {_value_text(getattr(value, item.name))}"
            for item in fields_of(type(value))
            if item.required or getattr(value, item.name) != item.default
        ]
        return value.kind + (f" ({', '.join(given)})" if given else "")
    if isinstance(value, tuple):
        return ", ".join(map(_value_text, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def in_short(cls: type[Spec]) -> str:
    """Return what a tooltip says of a kind: one line, and for a metric what it does not show."""
    first = (cls.__doc__ or "").strip().splitlines()[0]
    caveat = getattr(cls, "caveat", "")
    return f"{first}\n{caveat}" if caveat else first


def source_of(cls: type[Spec]) -> str:
    """Return the source that a kind's docstring names, "" if none."""
    return _told(cls)[1]


def _method(family: str, cls: type[Spec]) -> Method:
    summary, source = _told(cls)
    caveat = getattr(cls, "caveat", "")
    return Method(family, cls.kind, cls.label, summary, source, fields_of(cls), caveat)


def _told(cls: type[Spec]) -> tuple[str, str]:
    """Return a docstring's first paragraph, and the source, which ends a paragraph."""
    text = inspect.cleandoc(cls.__doc__ or "")
    _, _, told = text.partition("Source: ")
    source = " ".join(told.split("\n\n")[0].split()).removesuffix(".")
    first = text.split("\n\n")[0].partition("Source: ")[0]
    return " ".join(first.split()), source


def _field_json(item: Field) -> dict[str, Any]:
    default: Any = None if item.required else item.default
    if isinstance(default, Spec):
        default = default.as_dict()
    elif isinstance(default, tuple):
        default = [part.as_dict() if isinstance(part, Spec) else part for part in default]
    faithful = item.faithful if item.is_switch else None
    return {
        "name": item.name,
        "label": item.label,
        "required": item.required,
        "default": default,
        "allowed": item.allowed(),
        "unit": item.unit,
        "help": item.help,
        "as_released": None if faithful is dataclasses.MISSING else faithful,
    }
