"""The command ``import``: find out what a weights file holds, and record the network."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from engine.cli.reporter import Reporter
from engine.cli.run import tell_unused
from engine.cli.stopping import Ending, stopping
from engine.data.downloads import find_data
from engine.data.folders import LARGEST_DEFAULT
from engine.data.image_set import ImageSet
from engine.data.images import ingest, load
from engine.networks.library import usual_side
from engine.networks.opening.finding import Found, Opened, find, open_file
from engine.networks.opening.tried import keep_tried
from engine.plan.scheduler import Scheduler, slots_on
from engine.program import BAD_INPUT, FAILED, INTERRUPTED, OK
from engine.specs import Gaussians2D, ImagesSpec
from engine.store.study import Study, spec_of
from engine.texts import percent
from engine.tradeoff.robustness import as_json as robustness_json
from engine.tradeoff.robustness import robustness
from engine.tradeoff.scores import robust_words
from engine.training.deciding import Decision, decide
from engine.training.proposing import (
    as_json,
    digest_of,
    has_few_tests,
    imported,
    sentences,
    size_fault,
)

LARGE_SIDE = 224  # px; what networks for ImageNet were trained on
LINE_SECONDS = 5.0


def import_network(
    file: Path,
    folder: Path,
    *,
    images: Path | None = None,
    network: str | None = None,
    entry: str | None = None,
    size: int | None = None,
    device: str = "auto",
    in_json: bool = False,
) -> int:
    """Import the weights in a file into the study at ``folder``; return the exit code.

    Parameters
    ----------
    images
        Labelled images to measure the network on; without them, the newest ones of the study.
    network
        The architecture's name; without it, it is found out.
    entry
        Where in the file the weights are; without it, the place is proposed.
    size
        Side in pixels at which the images are read; without it, as the network needs.

    Raises
    ------
    ValueError
        If the file, study or images cannot be used. The message is one sentence.
    """
    slots = slots_on(device)
    tell_unused(slots)
    opened = open_file(file)
    found = find(opened, name=network, place=entry)
    there = Study(folder) if folder.exists() else None
    given = _images(images, there, found, size)
    if given is None:
        _print(found, None, None, in_json)
        print(
            "isthmus: the study has no images to measure the network on: name some with --images",
            file=sys.stderr,
        )
        return BAD_INPUT
    spec, image_set, place = given
    found = _found_for(opened, image_set, network, entry)
    decision = decide(found, image_set, device=slots.device, progress=_Lines())
    for sentence in sentences(found, image_set, decision):
        print(sentence, file=sys.stderr)
    digest = digest_of(file)
    study = Study(folder, create=True)
    if place is not None:
        study.set_location(getattr(spec, "digest"), place)  # noqa: B009
    study.set_location(digest, file)
    record = imported(found, decision.proposed, spec, image_set, digest)
    keep_tried(study, record.key, decision.tried(decision.proposed))
    code = _compute(study, slots, record)
    if code != OK:
        return code
    judged = robustness(study).get(record.key)
    numbers = {**study.entry(record.key).numbers, **robustness_json(judged)}
    _print(found, decision, numbers, in_json, key=record.key)
    if judged is not None and not in_json:
        print(robust_words(judged))
    return OK


def _found_for(
    opened: Opened, image_set: ImageSet, network: str | None, entry: str | None
) -> Found:
    """Return what the file holds for images of this shape; raise ValueError if nothing."""
    found = find(opened, shape=image_set.shape, name=network, place=entry)
    fault = size_fault(found, image_set)
    if fault:
        raise ValueError(fault)
    return found


def _images(
    path: Path | None, study: Study | None, found: Found, size: int | None
) -> tuple[ImagesSpec, ImageSet, Path | None] | None:
    """Return the images to measure on, and their path if they are new; None if there are none."""
    if path is not None:
        place = find_data(str(path), download=False)
        channels, side, _ = found.shape
        wanted = size or (side if side >= LARGE_SIDE else None)
        # A network of one channel needs grey images; grey ones are repeated for one of three.
        given: dict[str, Any] = {"channels": "grey"} if channels == 1 else {}
        given["largest"] = usual_side(found.network) or LARGEST_DEFAULT
        spec, image_set = ingest(place, image_size=wanted, **given)
        if has_few_tests(image_set):
            # The network was trained on other images, so all of these can judge it.
            spec, image_set = ingest(place, image_size=wanted, test_fraction=1.0, **given)
        return spec, image_set, place
    if study is None:
        return None
    known = [spec for spec in map(spec_of, study.entries) if isinstance(spec, ImagesSpec)]
    known = [spec for spec in known if not isinstance(spec, Gaussians2D)] or known
    if not known:
        return None
    return known[-1], load(known[-1], study.locate), None


def _compute(study: Study, slots: Any, record: Any) -> int:
    reporter = Reporter()
    scheduler = Scheduler(study, slots, reporter)
    queued = scheduler.add([record])
    reporter.begin(f"import of {record.name}", len(queued))
    interrupted = wait(scheduler)
    reporter.close()
    scheduler.stop()
    if interrupted:
        print("stopped; nothing was recorded", file=sys.stderr)
        return INTERRUPTED
    return FAILED if scheduler.outcomes["failed"] else OK


class _Lines:
    """Prints how far the table of accuracies is, every few seconds."""

    def __init__(self) -> None:
        self._start = self._last = time.monotonic()

    def __call__(self, done: float, total: float) -> None:
        now = time.monotonic()
        if now - self._last < LINE_SECONDS or done >= total:
            return
        self._last = now
        left = (now - self._start) * (total - done) / max(done, 1e-9)
        print(f"accuracies: {percent(done / total, 0)}, about {left:.0f} s left", file=sys.stderr)


def _print(
    found: Found,
    decision: Decision | None,
    numbers: dict[str, Any] | None,
    in_json: bool,
    key: str | None = None,
) -> None:
    if in_json:
        names = ("clean_accuracy", "robust_accuracy", *robustness_json(None))
        more = {name: (numbers or {}).get(name) for name in names}
        print(json.dumps({**as_json(found, decision), **more, "key": key}))
        return
    print(f"{found.network.title}, {found.parameters:,} parameters, {found.classes} classes")
    for old, new in found.renamed[:10]:
        print(f"  {old} is {new}")
    if len(found.renamed) > 10:
        print(f"  ... and {len(found.renamed) - 10} more entries with other names")
    if found.left_out:
        print(f"  left out: {', '.join(found.left_out[:10])}")
    for number, choice in enumerate(decision.choices if decision is not None else ()):
        mark = "*" if decision is not None and number == decision.best else " "
        print(
            f"{mark} {percent(choice.accuracy):>8} of {choice.count}  "
            f"normaliser {choice.normalizer}, classes {choice.class_order}"
        )
    if numbers is not None:
        print(f"clean accuracy {percent(numbers['clean_accuracy'], 2)}, record {key}")


def wait(scheduler: Scheduler) -> bool:
    """Wait for what is queued; the first Ctrl-C cancels it, the second ends the process at once.

    What does not end then is waited for as :class:`Ending` says.
    """
    ending = Ending(scheduler)
    with stopping() as stopped:
        while not scheduler.wait(0.2):
            if stopped():
                scheduler.cancel()
                if ending.is_over():
                    break
    return stopped()
