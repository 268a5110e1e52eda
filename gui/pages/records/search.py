"""What a search of the records page looks for, and where.

A bare setting such as eps=0.1 is a record's own: of several settings of one name the outermost
counts, so that seed=1 is the network's seed and not that of its images. Settings that nearly all
records of a study share, because each network is evaluated and its gradients are watched alike,
are found with their part only: evaluation.eps=0.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.store.index import Entry
from engine.texts import folded
from gui.widgets.forms.number_boxes import in_ascii

ASIDE = ("evaluation", "baseline", "live_maps")
KIND = "kind"
NORM_WORDS = {"linf": "norm=linf", "l2": "norm=l2"}
MOST_PARTS = 50

Needle = tuple[bool, str]
"""Whether a text is a whole setting, and the text to look for."""


@dataclass(frozen=True)
class Searched:
    """What is known of a record, in lower case, with spaces around every word.

    Attributes
    ----------
    text
        Title, kind, key, note and the record's own settings, as "name=value".
    settings
        The same settings and those with the name of their part, such as "evaluation.eps=0.1".
    """

    text: str = ""
    settings: str = ""

    def has(self, needle: Needle) -> bool:
        """Return whether a word occurs, or a setting as a whole."""
        whole, word = needle
        return word in (self.settings if whole else self.text)


def searched(entry: Entry, kind: str, note: str = "") -> Searched:
    """Return what a search looks through; ``kind`` is the display name of the record's kind."""
    found = list(_settings(entry.spec))
    depth: dict[str, int] = {}
    for path, name, _ in found:
        if not _is_aside(path):
            depth[name] = min(depth.get(name, len(path)), len(path))
    own = [
        f"{name}={value}"
        for path, name, value in found
        if not _is_aside(path) and (name == KIND or len(path) == depth[name])
    ]
    of_parts = [f"{_part(path)}.{name}={value}" for path, name, value in found if path]
    words = [entry.title, entry.kind, kind, entry.key, note, *dict.fromkeys(own)]
    return Searched(_joined(words), _joined(dict.fromkeys([*own, *of_parts])))


def needles(search: str) -> list[tuple[Needle, ...]]:
    """Return, for each word of a search, the alternatives of which a record must have one.

    "name=value" matches whole settings only, and its value may be a fraction, such as eps=8/255.
    A norm alone, such as linf, is the record's setting, not a part of any word.
    """
    found: list[tuple[Needle, ...]] = []
    for word in folded(search).split():
        name, equals, value = NORM_WORDS.get(word, word).partition("=")
        if equals and name and value:
            found.append(tuple((True, f" {name}={text} ") for text in _ways_to_write(value)))
        else:
            found.append(((False, word),))
    return found


def _settings(form: Any, path: tuple[str, ...] = (), name: str = "") -> Iterator[Any]:
    """Yield the path of fields to each setting, its name, and its value."""
    if isinstance(form, Mapping):
        inside = (*path, name) if name else path
        for inner, part in form.items():
            yield from _settings(part, inside, str(inner))
    elif isinstance(form, list):
        for part in form[:MOST_PARTS]:
            yield from _settings(part, path, name)
    elif form is not None:
        yield path, name, str(form).replace(" ", "_")


def _is_aside(path: tuple[str, ...]) -> bool:
    return any(part in ASIDE for part in path)


def _part(path: tuple[str, ...]) -> str:
    return next((part for part in path if part in ASIDE), path[-1])


def _joined(words: Any) -> str:
    return folded(f" {' '.join(words)} ").replace("\n", " ")


def _ways_to_write(value: str) -> list[str]:
    """Return a setting's value as typed and, if it is a number or fraction, as Python writes it.

    For example, ".1" and "0,1" give also "0.1", and "1" gives also "1.0".
    """
    top, slash, bottom = in_ascii(value).replace(",", ".").partition("/")
    try:
        number = float(top) / float(bottom) if slash else float(top)
    except (ValueError, ZeroDivisionError):
        return [value]
    return list(dict.fromkeys((value, str(number))))
