"""How images are stored, and whether that tells their class.

Where the images of a class differ from the others in how they are stored, a network can learn
that instead of what the pictures show, and looks better than it is.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PIL import Image

PROFILE = "the file's ICC colour profile was ignored"
GAMMA = "the file's gamma value was ignored"

MODES = {
    "1": "black and white",
    "L": "grey",
    "LA": "grey with transparency",
    "P": "a palette",
    "RGB": "colour",
    "RGBA": "colour with transparency",
    "CMYK": "CMYK",
    "I": "32-bit grey",
    "F": "floating-point grey",
}
_SRGB = (b"sRGB", b"s\0R\0G\0B")  # how profiles spell their name, in ASCII or UTF-16
_USUAL_GAMMA = 0.45455  # 1 / 2.2, near which sRGB is

# A trait coincides with classes if at least this share of their images has it, and at most the
# rest of the others. Images that say nothing (a class of one or two) reach it by chance, so this
# must also be unlikely among images that are shuffled.
MARKED = 0.9
BY_CHANCE = 0.1
MOST_ALARMS = 3  # for each kind of trait
NAMED = 3


@dataclass(frozen=True, slots=True)
class Traits:
    """How an image is stored, in words; equal for images that are stored alike.

    Parameters
    ----------
    format, mode
        The type of the file and of its pixels.
    values
        The kind of range its values are in; "" for plain 8 bits.
    size
        Width and height.
    rules
        The rules that were applied in addition to decoding and fitting.
    """

    format: str = ""
    mode: str = ""
    values: str = ""
    size: tuple[int, int] = (0, 0)
    rules: tuple[str, ...] = ()

    def listed(self) -> list[tuple[str, str]]:
        """Return every trait as its kind and a phrase that can follow "images"."""
        width, height = self.size
        found = [
            ("format", f"are {self.format} files"),
            ("mode", f"are stored as {self.mode}"),
            ("size", f"are {width}x{height} pixels large"),
        ]
        if self.values:
            found.append(("values", f"have values {self.values}"))
        return [*found, *(("rule", f"came under the rule: {rule}") for rule in self.rules)]


def mode_words(image: Image.Image, halved: bool) -> str:
    """Return the type of the pixels in words; ``halved`` says that 16 bits are read as 8."""
    if image.mode.startswith("I;16"):
        return "16-bit grey"
    return ("16-bit " if halved else "") + MODES.get(image.mode, image.mode)


def ignored(image: Image.Image) -> list[str]:
    """Return which statements on colour an image holds that are not followed.

    A profile of sRGB and a gamma of 1/2.2 say what is assumed of every image.
    """
    profile = image.info.get("icc_profile") or b""
    plain = any(name in profile for name in _SRGB)
    found = [PROFILE] if profile and not plain else []
    gamma = image.info.get("gamma", _USUAL_GAMMA)
    if not profile and "srgb" not in image.info and abs(gamma - _USUAL_GAMMA) > 0.005:
        found.append(GAMMA)
    return found


# ------------------------------------------------------------------------------------- the alarm


@dataclass(frozen=True)
class _Coincidence:
    """A trait that marks some classes; ``chance`` is the probability that it does so by chance."""

    chance: float
    trait: str
    marked: frozenset[int]
    others: frozenset[int]
    with_it: int
    among: int
    others_with: int
    others_among: int


def coincidences(traits: Iterable[tuple[int, Traits]], classes: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence for every way of storing images that coincides with classes.

    Parameters
    ----------
    traits
        Label and traits of every image with a label.
    classes
        Names of the classes.
    """
    sizes: Counter[int] = Counter()
    alike = Counter(traits)
    counts: dict[str, dict[str, Counter[int]]] = defaultdict(lambda: defaultdict(Counter))
    for (label, stored), number in alike.items():
        sizes[label] += number
        for kind, trait in stored.listed():
            counts[kind][trait][label] += number
    if len(sizes) < 2:
        return ()
    found: list[str] = []
    for tables in counts.values():
        matches = [_coincidence(trait, table, sizes) for trait, table in tables.items()]
        likely = BY_CHANCE / max(1, len(tables) - 1)
        kept: dict[frozenset[frozenset[int]], _Coincidence] = {}
        for match in sorted((m for m in matches if m), key=_fewest_first):
            if match.chance < likely:  # of two traits that share out the classes, name one
                kept.setdefault(frozenset((match.marked, match.others)), match)
        found += [_sentence(match, classes) for match in list(kept.values())[:MOST_ALARMS]]
    return tuple(dict.fromkeys(found))


def _coincidence(trait: str, table: Counter[int], sizes: Counter[int]) -> _Coincidence | None:
    """Return how a trait shares out the classes; None if it does not."""
    shares = {label: count / sizes[label] for label, count in table.items()}
    marked = frozenset(label for label, share in shares.items() if share >= MARKED)
    others = frozenset(sizes) - marked
    total = sum(sizes.values())
    among = sum(sizes[label] for label in marked)
    with_it = sum(table[label] for label in marked)
    all_with = sum(table.values())
    if not marked or not others or all_with - with_it > (1 - MARKED) * (total - among):
        return None
    # Shuffled among all images, the trait falls on some choice of as many classes.
    chance = (
        _log_choose(len(sizes), len(marked))
        + _log_choose(among, with_it)
        + _log_choose(total - among, all_with - with_it)
        - _log_choose(total, all_with)
    )
    return _Coincidence(
        math.exp(min(0.0, chance)),
        trait,
        marked,
        others,
        with_it,
        among,
        all_with - with_it,
        total - among,
    )


def _fewest_first(match: _Coincidence) -> tuple[int, float, str]:
    return len(match.marked), match.chance, match.trait


def _log_choose(whole: int, part: int) -> float:
    return math.lgamma(whole + 1) - math.lgamma(part + 1) - math.lgamma(whole - part + 1)


def _sentence(found: _Coincidence, classes: Sequence[str]) -> str:
    marked = [classes[label] for label in sorted(found.marked)]
    names = ", ".join(repr(name) for name in marked[:NAMED])
    if len(marked) > NAMED:
        names += f" and {len(marked) - NAMED:,} more"
    noun = "class" if len(marked) == 1 else "classes"
    return (
        f"Alarm: {found.with_it:,} of {found.among:,} images of {noun} {names} and "
        f"{found.others_with:,} of {found.others_among:,} others {found.trait}. "
        "A network can tell the classes by this, whatever the pictures show."
    )
