"""Distinguish items with equal titles by naming the fields in which they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.specs import ClassifierSpec
from engine.specs.schema import KINDS

LONGEST = 40
IMAGES = "images"
NETWORK = "network"
MEASURED_WITH = ("evaluation", "evaluation_images")


def leaves(form: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted name, value) for every value in nested dictionaries."""
    for name, value in form.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def told_apart(
    titles: Sequence[str], settings: Sequence[Mapping[str, Any]], *, brief: bool = False
) -> list[str]:
    """Return the titles; append to equal ones, in brackets, the fields in which they differ.

    For ``settings`` and ``brief`` see :func:`differences`.
    """
    groups: dict[str, list[int]] = {}
    for place, title in enumerate(titles):
        groups.setdefault(title, []).append(place)
    names = list(titles)
    for title, places in groups.items():
        if len(places) > 1:
            alike = [settings[place] for place in places]
            for place, words in zip(places, differences(alike, brief=brief), strict=True):
                names[place] = f"{title} ({words})" if words else title
    return names


def differences(settings: Sequence[Mapping[str, Any]], *, brief: bool = False) -> list[str]:
    """Return for each setting, in words, its values of the fields that differ; "" if none differ.

    Parameters
    ----------
    settings
        The field values of each item by dotted name, see :func:`leaves`.
    brief
        Name only the first fields that are needed to tell the settings apart.
    """
    paths = _differing(settings)
    if brief:
        paths = _enough(paths, settings)
    return [
        ", ".join(_word(path, setting[path]) for path in paths if path in setting)
        for setting in settings
    ]


def networks_apart(titles: Sequence[str], networks: Sequence[ClassifierSpec]) -> list[str]:
    """Return the titles of networks; append briefly to equal titles what distinguishes them.

    Networks of the same images are told apart among themselves, so that the words are the same
    wherever networks of other images are listed or not. The images are named first, differences in
    the evaluation of robust accuracy last.
    """
    alike: dict[str, dict[str, list[int]]] = {}
    for place, (title, network) in enumerate(zip(titles, networks, strict=True)):
        alike.setdefault(title, {}).setdefault(network.images.key, []).append(place)
    names = list(titles)
    for title, of_images in alike.items():
        first = [networks[places[0]].images for places in of_images.values()]
        # Images with equal titles may still differ, for example in their hash or scaling.
        seen = [
            {IMAGES: images.title, **dict(leaves({IMAGES: images.as_dict()}))} for images in first
        ]
        named = differences(seen, brief=True) if len(first) > 1 else [""]
        for places, images in zip(of_images.values(), named, strict=True):
            settings = [_setting(networks[place]) for place in places] if len(places) > 1 else [{}]
            for place, words in zip(places, differences(settings, brief=True), strict=True):
                told = ", ".join(filter(None, (images, words)))
                names[place] = f"{title} ({told})" if told else title
    return names


def data_apart(networks: Sequence[ClassifierSpec]) -> list[str]:
    """Return for each network, in words, what its images and architecture are among all of these.

    "" where all have the same.
    """
    settings = []
    for network in networks:
        form = {NETWORK: network.network.as_dict(), "images": network.images.as_dict()}
        settings.append({IMAGES: network.images.title, **dict(leaves(form))})
    return differences(settings, brief=True)


def _setting(network: ClassifierSpec) -> dict[str, Any]:
    form = network.as_dict()
    del form[IMAGES]
    last = {name: form.pop(name) for name in MEASURED_WITH}
    return dict(leaves({**form, **last}))


def _differing(alike: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of the fields in which settings differ, in field order."""

    def differs(path: str) -> bool:
        return any(other.get(path) != alike[0].get(path) for other in alike)

    found = [path for path in dict.fromkeys(p for one in alike for p in one) if differs(path)]
    kinds = {path for path in found if path.rpartition(".")[2] == "kind"}
    # Specs of different kinds share hardly any fields, so name only the kind.
    return [
        path for path in found if path in kinds or f"{path.rpartition('.')[0]}.kind" not in kinds
    ]


def _enough(paths: Sequence[str], alike: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the first fields that distinguish as many settings as all fields together."""
    kept: list[str] = []
    known = 1
    for path in paths:
        wider = [*kept, path]
        count = len({tuple(repr(setting.get(name)) for name in wider) for setting in alike})
        if count > known:
            kept, known = wider, count
    return kept


def _word(path: str, value: object) -> str:
    name = path.removesuffix(".kind").removeprefix(f"{NETWORK}.")
    name = name.replace(".", " ").replace("_", " ")
    text = f"{value:g}" if isinstance(value, float) else str(value)
    if path.endswith(".kind") and text in KINDS:
        text = KINDS[text].label
    short = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return short if path == IMAGES else f"{name} {short}"
