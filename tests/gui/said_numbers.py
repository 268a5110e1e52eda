"""Numbers in texts, and which of them have no source in the records of a study."""

from __future__ import annotations

import math
import re

from engine.specs.schema import Spec
from engine.store.study import Study, spec_of

# A share of time is an estimate, and no result.
PERCENT = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?) ?%(?! of the time measuring)")
COUNT = re.compile(
    r"(?<![\w.,/=])(\d[\d,]*) (?:test |training |validation |attacked |clean )?"
    r"(images|networks|records|epochs|retrainings)\b"
)
NUMBERED = re.compile(r"\b(image|epoch) (\d+)\b")
RADIUS = re.compile(
    r"\b(?:eps|L-inf|L2|linf|l2)(?: of)?[ =](\d+(?:\.\d+)?)(?![\d.]*%)(/255)?(?! PGD)?"
)
UNITS = re.compile(r"([\d.]+) in \[0, 1\]\s*·\s*([\d.]+)/255\s*·\s*([\d.]+) in the paper's")
ATTACKED = re.compile(r"\d ?% (?:robust|under|of the attacked)")
NAMED = re.compile(r"(?:L-inf|L2) \d")
SCORE = re.compile(r"([+−-]\d\.\d+) ± (\d\.\d+) \((\d+)\)")
# Shares that are settings or levels of confidence, and no result of the study.
SETTINGS = {"0.5", "95", "99.5", "99", "90", "100", "0", "50", "20", "80", "10", "1", "5"}


def sources(study: Study, images: int) -> set[float]:
    """Return all shares that the records hold, and the ends of their 95 % intervals."""
    found: set[float] = set()
    for entry in study.entries:
        record = study.read(entry.key)
        found.update(float(v) for v in record.numbers.values() if isinstance(v, int | float))
        for name, array in record.arrays.items():
            if name.startswith("epochs/") and not name.endswith("step"):
                found.update(map(float, array.ravel()))
    shares = {value for value in found if 0 <= value <= 1}
    return shares.union(*(interval(value, images) for value in shares))


def interval(share: float, count: int, z: float = 1.959964) -> set[float]:
    """Return the ends of the 95 % interval of a share of ``count`` images. Source: Wilson 1927."""
    share = round(share * count) / count
    middle = share + z * z / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return {(middle + sign * half) / (1 + z * z / count) for sign in (-1, 1)}


def values_of(spec: object, name: str) -> set[float]:
    """Return the values of all fields of a name in a spec and in those within it."""
    if not isinstance(spec, Spec):
        return set()
    found = set()
    for field, value in spec.parameters().items():
        if field == name and isinstance(value, int | float):
            found.add(float(value))
        found |= values_of(value, name)
    return found


def radii_of(study: Study) -> set[float]:
    """Return the radii of all specs."""
    specs = [spec_of(entry) for entry in study.entries]
    return set().union(*(values_of(spec, "eps") for spec in specs))


def counts_of(study: Study, images: set[int]) -> dict[str, set[int]]:
    """Return what may be counted in a study: its sets, networks, records, epochs, retrainings."""
    specs = [spec_of(entry) for entry in study.entries]
    networks = [entry for entry in study.entries if entry.kind == "training"]
    return {
        "images": images,  # and not the 1,000 of the specs
        "networks": {len(networks)},
        "records": {len(study.entries)},
        "epochs": {int(e) for spec in specs for e in values_of(spec, "epochs")},
        "retrainings": {int(n) for spec in specs for n in values_of(spec, "repeats")},
    }


def untrue_shares(texts, known):
    """Return the shares of texts that no record has, with the texts."""
    found = []
    for text in texts:
        for shown in PERCENT.findall(text):
            digits = len(shown.partition(".")[2])
            if shown not in SETTINGS and not any(
                f"{100 * value:.{digits}f}" == shown for value in known
            ):
                found.append((shown, text))
    return found


def untrue_counts(texts, known):
    """Return the counts of texts that are not those of the study, with the texts."""
    return [
        (count, what, text)
        for text in texts
        for count, what in COUNT.findall(text)
        if int(count.replace(",", "")) not in known[what]
    ]


def untrue_places(texts, images, epochs):
    """Return the numbers of images and epochs that there are not, with the texts."""
    most = {"image": images - 1, "epoch": epochs}
    return [
        (what, number, text)
        for text in texts
        for what, number in NUMBERED.findall(text)
        if int(number) > most[what]
    ]


def untrue_radii(texts, known):
    """Return the radii of texts that no spec has, with the texts."""
    return [
        (radius, text)
        for text in texts
        for radius, unit in RADIUS.findall(text)
        if not any(abs(float(radius) / (255 if unit else 1) - value) < 5e-4 for value in known)
    ]


def untrue_units(texts):
    """Return the radii whose three units do not fit, with the texts."""
    return [
        text
        for text in texts
        for plain, of_255, paper in UNITS.findall(text)
        if abs(float(of_255) / 255 - float(plain)) > 5e-4
        or abs(float(paper) / 2 - float(plain)) > 5e-4
    ]


def unnamed_attacks(texts):
    """Return the texts with an accuracy under an attack that do not say the norm and the eps."""
    return [text for text in texts if ATTACKED.search(text) and not NAMED.search(text)]


def untrue_scores(texts, scores, spread, repeats):
    """Return the scores of texts that no record has with this spread, with the texts."""
    return [
        text
        for text in texts
        for shown, deviation, count in SCORE.findall(text)
        if int(count) != repeats
        or abs(float(deviation) - spread) > 5e-4
        or not any(abs(float(shown.replace("−", "-")) - value) < 5e-4 for value in scores)
    ]
