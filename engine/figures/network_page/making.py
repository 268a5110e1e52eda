"""The sections on how the network came about: its maps, training, settings and provenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from engine.attribution import pictures
from engine.figures.grids import class_name, rgb_row
from engine.figures.network_page.markup import (
    Markup,
    chart,
    element,
    facts,
    listed,
    picture,
    row_of,
    table,
)
from engine.figures.network_page.mistakes import drawable
from engine.figures.network_page.subject import Subject
from engine.figures.record_pictures import pictures_of
from engine.networks.opening.tried import HEADINGS, tried_in
from engine.specs import Gradient, Imported, Maps, Measurement
from engine.specs.variants import variant
from engine.tradeoff.metrics import measured_in

MOST_MAPS = 8
NO_MAPS = (
    "No maps of this network are stored. In the window: page Maps, choose the network and images, "
    "and keep the maps. Without the window: a plan that asks for kind maps."
)
HOW = (
    "Attributions summed over channels, clipped at the 0.5 and 99.5 percentiles; blue negative, "
    "red positive, each map to its own scale."
)
ORIGIN = {
    "isthmus": "Isthmus",
    "python": "Python",
    "torch": "PyTorch",
    "numpy": "NumPy",
    "platform": "System",
    "device": "Device",
    "device_name": "Device name",
    "threads": "CPU threads",
}


def maps(subject: Subject) -> Iterator[Markup]:
    """Yield a few images with the network's maps: stored ones, else those of its training."""
    stored = [
        (entry, spec)
        for entry, spec in subject.records_of(Maps)
        if spec.images in (None, subject.spec.images)
    ]
    stored.sort(key=lambda pair: isinstance(pair[1].attribution, Gradient))
    if stored:
        entry, spec = stored[-1]
        arrays, name = subject.study.read(entry.key).arrays, spec.attribution.title
        images, labels, found = (arrays[n] for n in ("images", "labels", "attributions"))
    elif len(subject.record.arrays.get("probes/attributions", ())):
        arrays, name = subject.record.arrays, "Gradient, at the end of training"
        images, labels = arrays["probes/images"], arrays["probes/labels"]
        found = arrays["probes/attributions"][-1]
    else:
        yield element("p", NO_MAPS, class_="missing")
        return
    if not drawable(np.asarray(images)):
        yield element("p", "These images are no pictures: they have neither 1 nor 3 channels.")
        return
    shown = range(min(MOST_MAPS, len(images)))
    drawn = pictures.colour(pictures.picture(np.asarray(found, dtype=np.float64)[: len(shown)]))
    names = [class_name(subject.classes, int(labels[k])) for k in shown]
    yield element("p", f"{name}.")
    pairs = zip(rgb_row(images, shown), drawn, names, strict=True)
    yield row_of(
        element("div", picture(image, name), picture(found, "map")) for image, found, name in pairs
    )
    yield element("p", HOW, class_="small")


def curves(subject: Subject) -> Iterator[Markup]:
    """Yield the curves of the training."""
    if isinstance(subject.spec, Imported):
        yield element("p", "The weights come from a file: how they were trained is not known here.")
        yield from _tried(subject)
        return
    found = pictures_of(subject.study, subject.entry.key)[1].charts
    if not found:
        yield element("p", "The record holds no curves.")
    for data in found:
        yield chart(replace(data, title=data.title.replace(subject.entry.title, "")))


def _tried(subject: Subject) -> Iterator[Markup]:
    """Yield the table of accuracies by which the network was opened, if its record has one."""
    rows = tried_in(subject.record)
    if rows:
        yield element("p", "Accuracy on labelled images, by which it was decided how to read them:")
        yield table([HEADINGS, *(row.cells for row in rows)], words=(0, 1, 4))


def settings(subject: Subject) -> Iterator[Markup]:
    """Yield every field of the network's spec, and the images with what was noted on them."""
    yield facts(_flat("", subject.entry.spec))
    if which := variant(subject.spec):
        yield element("p", f"Variant: {which}.")
    record = subject.images
    if record is None:
        yield element("p", "The record of the images is not in the study.", class_="missing")
        return
    yield element("h3", "Images")
    yield facts((name.replace("_", " "), value) for name, value in record.numbers.items())
    notes = [
        str(text)
        for part in ("alarms", "scale", "notes")
        for text in record.documents.get(part, ())
    ]
    if notes:
        yield listed(dict.fromkeys(notes))


def provenance(subject: Subject) -> Iterator[Markup]:
    """Yield where and when the network was computed, and every measurement of it."""
    entry = subject.entry
    known = subject.record.provenance
    yield facts(
        [
            ("Record", f"{entry.kind} {entry.key}"),
            ("Computed", f"{entry.created[:16].replace('T', ' ')}, in {entry.seconds:,.1f} s"),
            *((ORIGIN.get(name, name), value) for name, value in known.items()),
        ]
    )
    yield element("h3", "Measurements in the study")
    values = {found.key: found.value for found in measured_in(subject.study)}
    rows: list[tuple[object, ...]] = [("metric", "value", "test images", "record", "computed")]
    for found, spec in subject.records_of(Measurement):
        value = values.get(found.key)
        count = int(found.numbers.get("test_images", spec.test_images))
        shown = "curve" if value is None else f"{value:.4g}"
        rows.append((spec.metric.title, shown, f"{count:,}", found.key[:10], found.created[:10]))
    if len(rows) > 1:
        yield table(rows, words=(0, 3, 4))
    else:
        yield element("p", "None.")


def _flat(path: str, value: Any) -> Iterator[tuple[str, object]]:
    """Yield the fields of a spec's JSON with their paths, such as "network.width"."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _flat(f"{path}.{name}" if path else str(name), part)
    elif isinstance(value, list | tuple):
        yield path, ", ".join(map(str, value))
    else:
        yield path, "–" if value is None else value
