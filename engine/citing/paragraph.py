"""What a study did, in the words of a methods section, with the works that it rests on.

Everything is read from the specs of the records, so nothing can be claimed that was not computed,
and a new method stands here by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.citing.reference import Reference
from engine.citing.sources import cited
from engine.program import VERSION
from engine.specs.attacks import AttackSpec
from engine.specs.attributions import AttributionSpec
from engine.specs.images import ImagesSpec
from engine.specs.measures import MetricSpec
from engine.specs.methods import source_of
from engine.specs.networks import NetworkSpec
from engine.specs.optimizers import OptimizerSpec
from engine.specs.retraining import RankingSpec
from engine.specs.schema import Spec, fields_of, specs_inside
from engine.specs.schemes.base import SchemeSpec
from engine.store.study import Study, spec_of
from engine.texts import one_line, shortened

MANY = 6  # more values than these are given as a range
# How a sentence on the kinds of a family begins, in the order of the sentences.
OPENINGS: tuple[tuple[str, type[Spec]], ...] = (
    ("The images were", ImagesSpec),
    ("The architectures were", NetworkSpec),
    ("The training schemes were", SchemeSpec),
    ("The optimiser was", OptimizerSpec),
    ("The attacks were", AttackSpec),
    ("Attributions were", AttributionSpec),
    ("Pixels were ranked by", RankingSpec),
    ("Metrics were", MetricSpec),
)
_TOLD = tuple(base for _, base in OPENINGS)
# Names and files of one machine, which say nothing about a method.
_NOT_TOLD = ("digest", "name", "entry")
_LONGEST = 40  # letters of a version
# Records of strangers name versions and settings, which must name no command of LaTeX.
_ESCAPED = str.maketrans(
    {mark: f"\\{mark}" for mark in "&%$#_{}"}
    | {
        "\\": "\\textbackslash{}",
        "~": "\\textasciitilde{}",
        "^": "\\textasciicircum{}",
        "<": "\\textless{}",
        ">": "\\textgreater{}",
    }
)


@dataclass(frozen=True)
class Methods:
    """A methods section.

    Attributes
    ----------
    text
        Sentences; works are cited as [Madry 2018], or by their keys for LaTeX.
    references
        The works that are cited, in the order of the text.
    """

    text: str
    references: tuple[Reference, ...]

    def bibtex(self) -> str:
        """Return the bibliography."""
        return "\n\n".join(reference.bibtex() for reference in self.references)


def methods_of(study: Study, *, latex: bool = False) -> Methods:
    r"""Return the methods section of everything a study holds.

    Parameters
    ----------
    latex
        Cite by ``\cite`` and escape LaTeX's own characters.

    Raises
    ------
    ValueError
        If the study holds no record.
    """
    entries = study.entries
    if not entries:
        raise ValueError("the study holds no records yet, so there is nothing to describe")
    writer = _Writer(latex)
    records = [spec for spec in map(spec_of, entries) if spec is not None]
    inside = _with_all_inside(records)
    sentences = [writer.family(opening, base, inside) for opening, base in OPENINGS]
    sentences.append(writer.records([spec for spec in records if not isinstance(spec, _TOLD)]))
    sentences.append(writer.software(study.read(entries[-1].key).provenance))
    return Methods(" ".join(filter(None, sentences)), tuple(writer.references))


class _Writer:
    """Writes sentences and collects what they cite."""

    def __init__(self, latex: bool):
        self._latex = latex
        self.references: dict[Reference, None] = {}

    def family(self, opening: str, base: type[Spec], specs: Iterable[Spec]) -> str:
        """Return a sentence that names every kind of a family; "" if there is none."""
        parts = [
            self._kind(of_kind)
            for of_kind in _by_kind(spec for spec in specs if isinstance(spec, base))
        ]
        return f"{opening} {_listed(parts)}." if parts else ""

    def records(self, specs: Sequence[Spec]) -> str:
        """Return a sentence that counts what was computed with all these."""
        parts = [f"{len(found):,} x {self._kind(found)}" for found in _by_kind(specs)]
        return f"With these were computed: {_listed(parts)}." if parts else ""

    def software(self, provenance: Mapping[str, Any]) -> str:
        """Return a sentence on the programs that computed."""
        versions = [f"Isthmus {VERSION}"]
        for name, title in (("torch", "PyTorch"), ("numpy", "NumPy"), ("python", "Python")):
            if name in provenance:
                versions.append(f"{title} {shortened(str(provenance[name]), _LONGEST)}")
        return self._plain(f"All was computed with {_listed(versions)}.")

    def _kind(self, specs: Sequence[Spec]) -> str:
        kind = type(specs[0])
        given = ", ".join(_settings(specs))
        words = self._plain(kind.label + (f" ({given})" if given else ""))
        return words + self._cites(cited(source_of(kind)))

    def _cites(self, references: Sequence[Reference]) -> str:
        self.references.update(dict.fromkeys(references))
        if not references:
            return ""
        if self._latex:
            return "~\\cite{" + ",".join(one.key for one in references) + "}"
        return " [" + "; ".join(one.short for one in references) + "]"

    def _plain(self, text: str) -> str:
        text = one_line(text)
        return text.translate(_ESCAPED) if self._latex else text


def _with_all_inside(specs: Iterable[Spec]) -> dict[Spec, None]:
    """Return specs and, at any depth, the specs in them, each once."""
    found: dict[Spec, None] = {}
    waiting = list(specs)[::-1]
    while waiting:
        spec = waiting.pop()
        if spec not in found:
            found[spec] = None
            waiting += [*specs_inside(spec)][::-1]
    return found


def _by_kind(specs: Iterable[Spec]) -> list[list[Spec]]:
    found: dict[type[Spec], list[Spec]] = {}
    for spec in specs:
        found.setdefault(type(spec), []).append(spec)
    return list(found.values())


def _settings(specs: Sequence[Spec]) -> Iterator[str]:
    """Yield the values that specs of one kind have in each of their fields."""
    for item in fields_of(type(specs[0])):
        values = [getattr(spec, item.name) for spec in specs if not _hidden(spec, item.only)]
        inner = [value for value in values if isinstance(value, Spec) and _is_setting(value)]
        for of_kind in _by_kind(inner):
            yield from _settings(of_kind)
        flat = [one for value in values for one in (value if isinstance(value, tuple) else [value])]
        plain = dict.fromkeys(value for value in flat if _is_told(value))
        if item.name in _NOT_TOLD or not plain:
            continue
        unit = f" {item.unit}" if item.unit and item.unit != "pixel" else ""
        yield f"{item.label} {_values(list(plain))}{unit}"


def _hidden(spec: Spec, only: tuple[str, str] | None) -> bool:
    """Whether a field does not matter, because another one has another value."""
    return only is not None and getattr(spec, only[0]) != only[1]


def _is_setting(spec: Spec) -> bool:
    """Whether a spec inside another one only groups settings, and is told with that one."""
    return not spec.recorded and not isinstance(spec, _TOLD)


def _is_told(value: object) -> bool:
    return isinstance(value, bool | int | float | str) and value != ""


def _values(values: list[Any]) -> str:
    numbers = all(type(value) in (int, float) for value in values)
    if numbers:
        values = sorted(values)
    if numbers and len(values) > MANY:
        return f"{_one(values[0])} to {_one(values[-1])} ({len(values)} values)"
    return _listed([_one(value) for value in values])


def _one(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _listed(parts: Sequence[str]) -> str:
    """Return parts as a list in words; by semicolons where the parts hold commas."""
    if len(parts) < 3:
        return " and ".join(parts)
    mark = "; " if any("," in part for part in parts) else ", "
    return mark.join(parts[:-1]) + (f"{mark}and " if mark == "; " else " and ") + parts[-1]
