"""Turn deep pixel values into 8 bits by one rule for a whole set of images.

Files of 8 bits or fewer keep their values. Unsigned 16-bit files share one bit depth. Files of
other numbers (floating point, 32 bits, signed) share one range, whose ends become black and white.
Where a set is added, :func:`decided` derives depth and range from the values of all its files; the
images' spec holds them from then on. Values beyond them are clipped, never scaled anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.data import deep
from engine.data.deep import DeepColour, Numbers
from engine.specs.images import Beyond, FolderImages

Values = NDArray[Any] | Numbers | DeepColour

_SCALED = " were scaled to 8 bits"
SCALED_16 = f"16-bit values{_SCALED}"
CLIPPED = "values beyond the range were clipped"
FLAT = "the values span less than two of 256 levels of the range"
INVERTED = "zero stands for white in the file, so the values were inverted"
BY_ITSELF = "values were scaled by the image's own minimum and maximum, as version 0.1 did"
NOT_FINITE = "values that are not finite"

FULL_DEPTH = 16
# Depths that are found from the values; 16-bit files of 14 bits cannot be told from dark ones.
FOUND_DEPTHS = (8, 10, 12)
FEW_BITS = tuple(f"up to {2**bits - 1:,}" for bits in FOUND_DEPTHS)
# Share of a range by which resampled values may overshoot it and still count as in it.
OVERSHOOT = 0.1
# Floats above this are taken for values up to 255, not for a range of their own.
BYTES_FROM = 16.0
# A file that reaches so many times the median width beyond the median does not choose the range.
OUTLYING = 16.0
_COMMON = {"unit": (0.0, 1.0), "signed": (-1.0, 1.0), "byte": (0.0, 255.0)}
UNIT = "from 0 to 1"
LARGEST = 1e300  # keeps the width of a range finite
BLOCK = 1 << 20  # values converted at once, so that a large image needs little more memory


@dataclass(frozen=True, slots=True)
class Scale:
    """The rule of a set: which values become black and white.

    Parameters
    ----------
    bit_depth
        Unsigned 16-bit files have values in [0, 2^bit_depth - 1]; None stands for 16.
    black, white
        The range of files of other numbers; None: each file by itself, as version 0.1 did.
    beyond
        What becomes of a file further beyond the rule than the rule is wide.
    settling
        Whether to raise :class:`Undecided` where the rule is None.
    """

    bit_depth: int | None = None
    black: float | None = None
    white: float | None = None
    beyond: Beyond = "clip"
    settling: bool = False

    @classmethod
    def of(cls, spec: FolderImages, *, settling: bool = False) -> Scale:
        """Return the rule that a spec holds."""
        return cls(spec.bit_depth, spec.black, spec.white, spec.beyond, settling)

    def into(self, spec: FolderImages) -> FolderImages:
        """Return the spec with this rule."""
        return replace(
            spec,
            bit_depth=self.bit_depth,
            black=self.black,
            white=self.white,
            beyond=self.beyond,
        )


@dataclass(frozen=True, slots=True)
class ValueRange:
    """The values of one file.

    Parameters
    ----------
    deep
        Whether they are unsigned 16-bit numbers, which have a bit depth.
    whole
        Whether all are whole numbers.
    inverted
        Whether zero stands for white.
    """

    deep: bool
    low: float
    high: float
    whole: bool = True
    inverted: bool = False

    @property
    def words(self) -> str:
        """The kind of range in words, the same for files that one rule suits; "" if unclear."""
        if self.deep:
            return f"up to {2 ** _depth_of(self.high) - 1:,}"
        if self.family in _COMMON:
            return "from {:g} to {:g}".format(*_COMMON[self.family])
        # Coarse words: files of one kind have the same, unless they are of another scale.
        largest = max(abs(self.low), abs(self.high))
        below = " and below zero" if self.low < -OVERSHOOT * largest else ""
        return f"in a range of their own, up to about 1e{math.ceil(math.log10(largest))}{below}"

    @property
    def family(self) -> str:
        """The smallest of the common ranges that they fit in: unit, signed, byte; or ""."""
        low, high = self.low, self.high
        if low >= -OVERSHOOT and high <= 1 + OVERSHOOT:
            return "unit"
        if low >= -1 - 2 * OVERSHOOT and high <= 1 + 2 * OVERSHOOT:
            return "signed" if low < -OVERSHOOT else "unit"
        if self.whole:
            return "byte" if low >= 0 and high <= 255 else ""
        edge = OVERSHOOT * 255
        return "byte" if low >= -edge and BYTES_FROM < high <= 255 + edge else ""


class Undecided(Exception):
    """A file needs a rule that the set does not have yet; ``range`` are the file's values."""

    def __init__(self, found: ValueRange):
        super().__init__()
        self.range = found


class OffScale(ValueError):
    """A file cannot be used under the rule; the message is a short reason."""


# ------------------------------------------------------------------------------------- deciding


def decided(given: Scale, ranges: Sequence[ValueRange]) -> Scale:
    """Return the rule of a set from the values of all its files; what is given stays."""
    sixteen = [found for found in ranges if found.deep]
    wide = [found for found in ranges if not found.deep]
    rule = replace(given, settling=False)
    if sixteen and rule.bit_depth is None:
        rule = replace(rule, bit_depth=_depth(sixteen))
    if wide and rule.black is None:
        black, white = _range(wide)
        rule = replace(rule, black=black, white=white, beyond="skip")
    return rule


def _depth(ranges: Sequence[ValueRange]) -> int:
    """Return the fewest bits that hold all values.

    A picture of one value says nothing about its depth, nor does a set that leaves half of 8 bits
    empty. Files in which zero is white come from scanners and use few of their values, so they
    alone do not speak against their 16 bits.
    """
    telling = [found for found in ranges if found.low < found.high]
    high = max(found.high for found in ranges)
    if not telling or all(found.inverted for found in telling) or high < 128:
        return FULL_DEPTH
    return _depth_of(high)


def _depth_of(high: float) -> int:
    return next((bits for bits in FOUND_DEPTHS if high < 2**bits), FULL_DEPTH)


def _range(ranges: Sequence[ValueRange]) -> tuple[float, float]:
    """Return a common range that holds all files but outlying ones, or else their own."""
    usual = _usual(ranges)
    low, high = min(found.low for found in usual), max(found.high for found in usual)
    whole = all(found.whole for found in usual)
    union = ValueRange(False, low, high, whole)
    if union.family in _COMMON:
        return _COMMON[union.family]
    if whole and low >= 0 and high < 2**FULL_DEPTH:
        return 0.0, 2.0 ** _depth_of(high) - 1
    low, high = max(low, -LARGEST), min(high, LARGEST)
    return (low, high) if high > low else (low, low + max(1.0, abs(low)))


def _usual(ranges: Sequence[ValueRange]) -> Sequence[ValueRange]:
    """Leave out files far beyond the median's range, which would make all others black or white."""
    span = _median([found.high - found.low for found in ranges if found.high > found.low])
    low, high = (_median([getattr(found, end) for found in ranges]) for end in ("low", "high"))
    reach = OUTLYING * (span or abs(high))  # a set of pictures of one value each has no span
    low, high = low - reach, high + reach
    return [found for found in ranges if found.low >= low and found.high <= high] or ranges


def _median(numbers: Sequence[float]) -> float:
    """Return the lower of two middle values; 0 of none."""
    return sorted(numbers)[(len(numbers) - 1) // 2] if numbers else 0.0


# ------------------------------------------------------------------------------------- scaling


def eight_bits(image: Image.Image, scale: Scale) -> tuple[Image.Image, tuple[str, ...], str]:
    """Return a loaded deep grey image in 8 bits, the applied rules, and the kind of range.

    Raises
    ------
    Undecided
        If the rule is not decided yet.
    OffScale
        If values are not finite, or too far beyond the rule.
    """
    values = Numbers(image)
    found = _range_of(values, deep.has_depth(image), deep.is_inverted(image))
    pixels, rules = _by_rule(values, found, scale)
    made = Image.fromarray(pixels)
    clear = image.info.get("transparency")
    if isinstance(clear, int):  # of a PNG: the value that is transparent
        opaque = [np.where(block == clear, 0, 255).astype(np.uint8) for block in _blocks(values)]
        made.putalpha(Image.fromarray(np.concatenate(opaque)))
    image.close()  # free the deep values
    return made, rules, found.words


def eight_bit_colour(
    data: bytes, image: Image.Image, scale: Scale
) -> tuple[Image.Image, tuple[str, ...], str]:
    """Return a loaded image of 16-bit colour by the rule, as :func:`eight_bits`.

    Parameters
    ----------
    data
        The bytes of the file. Pillow has read the upper bytes of the channels only, which is what
        all 16 bits come to; the lower ones are read for a rule of fewer bits.
    """
    full = scale.bit_depth == FULL_DEPTH or (scale.bit_depth is None and not scale.settling)
    colour = None if full else deep.whole_colour(data, image)
    if colour is None:
        upper = np.asarray(image)[..., :3]
        return image, (SCALED_16,), _range_of(upper, True, False, 256).words
    found = _range_of(colour, True, False)
    pixels, rules = _by_rule(colour, found, scale)
    made = Image.fromarray(pixels)
    if image.mode == "RGBA":
        made.putalpha(image.getchannel("A"))
    return made, rules, found.words


def _by_rule(
    values: Values, found: ValueRange, scale: Scale
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    undecided = scale.bit_depth is None if found.deep else scale.black is None
    if undecided and scale.settling:
        raise Undecided(found)
    if found.deep:
        depth = FULL_DEPTH if scale.bit_depth is None else scale.bit_depth
        black, white, rule = 0.0, 2.0**depth - 1, depth_words(depth)
    elif scale.black is None or scale.white is None:
        return _by_itself(values, found), (BY_ITSELF,)
    else:
        black, white = scale.black, scale.white
        rule = f"values from {black:g} to {white:g}{_SCALED}"
    span = white - black
    if scale.beyond == "skip" and (found.low < black - span or found.high > white + span):
        raise OffScale(
            f"values {found.low:.4g} to {found.high:.4g}, the set's are {black:.4g} to {white:.4g}"
        )
    shown = min(found.high, white) - max(found.low, black)
    cases = (
        (rule, True),
        (CLIPPED, found.low < black or found.high > white),
        (INVERTED, found.inverted),
        (FLAT, found.low < found.high and shown < span / 128),
    )
    pixels = _scaled(values, black, white, found.inverted)
    return pixels, tuple(words for words, holds in cases if holds)


def is_scaling(rule: str) -> bool:
    """Return whether a rule says which values became black and white."""
    return rule == BY_ITSELF or rule.endswith(_SCALED)


def depth_words(depth: int) -> str:
    """Return the rule of 16-bit files in words."""
    if depth == FULL_DEPTH:
        return SCALED_16
    return f"16-bit values from 0 to {2**depth - 1:,} ({depth} bits){_SCALED}"


def _range_of(values: Values, is_deep: bool, inverted: bool, unit: int = 1) -> ValueRange:
    """Return the range of values that were divided by ``unit`` and rounded down."""
    ends, whole = [], True
    for block in _blocks(values):
        ends.append((float(block.min()), float(block.max())))
        whole = whole and (block.dtype.kind != "f" or bool((block == np.rint(block)).all()))
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    if not np.isfinite([low, high]).all() or any(low != low for low, _ in ends):
        raise OffScale(NOT_FINITE)
    return ValueRange(is_deep, low * unit, high * unit + unit - 1, whole, inverted)


def _scaled(values: Values, black: float, white: float, inverted: bool) -> NDArray[np.uint8]:
    factor = 255.0 / (white - black)
    made = np.empty(values.shape, np.uint8)
    start = 0
    for numbers in _blocks(values):
        block = (numbers.astype(np.float64) - black) * factor
        np.clip(block, 0.0, 255.0, out=block)
        if inverted:
            np.subtract(255.0, block, out=block)
        made[start : start + len(block)] = np.rint(block)
        start += len(block)
    return made


def _by_itself(values: Values, found: ValueRange) -> NDArray[np.uint8]:
    """Scale an image by its own values, as version 0.1 did: records of that version rely on it."""
    low, high = found.low, found.high
    floating = values[0:1].dtype.kind == "f"
    if not floating and low >= 0 and high <= 65535:
        return _scaled(values, 0.0, 65535.0, False)
    if floating and low >= 0 and high <= 1:
        return _scaled(values, 0.0, 1.0, False)
    if low >= 0 and high <= 255:
        return _scaled(values, 0.0, 255.0, False)
    return _scaled(values, low, high if high > low else low + max(1.0, abs(low)), False)


def _blocks(values: Values) -> Iterator[NDArray[Any]]:
    rows = max(1, BLOCK // math.prod(values.shape[1:]))
    for start in range(0, len(values), rows):
        yield values[start : start + rows]
