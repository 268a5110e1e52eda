"""As much of the paper's figure as the time allows, in a study that comes back as files.

The networks are taken from the middle of the strengths outwards, each with its scores, so that
every one that is done is a whole point of the figure. Records come back in packed studies of at
most :data:`PART_BYTES`; given again with ``--resume`` they are unpacked first, and what they hold
is not computed again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine.data.images import ingest, options_in
from engine.jobs.events import Ended, Event
from engine.plan.planfile import find_plan, read_plan
from engine.plan.scheduler import Scheduler
from engine.plan.slots import Slots, slots_on
from engine.specs import ClassifierSpec, Interpretability
from engine.specs.schema import Spec
from engine.store.packing import pack, unpack
from engine.store.study import Study
from engine.tradeoff.points import networks
from tests.device.report import Report

SECTION = "figure"
PACKING_SECONDS = 15.0
PART_BYTES = 14 << 20  # files of a device machine come back up to 16 MiB each
MOST_PARTS = 6


def check(
    report: Report,
    device: str,
    archive: Path,
    home: Path,
    out: Path,
    *,
    preset: str,
    settings: list[str],
    resume: list[Path],
    jobs: int | None = None,
) -> None:
    """Compute until little time is left, then pack what there is."""
    study = Study(home / "figure", create=True)
    for number, path in enumerate(resume):
        _take_over(study, path, home / f"resumed-{number}")
    study = Study(study.path)  # it lists what was copied into it
    before = len(study.entries)

    def read(path: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        spec, _ = ingest(archive, **options_in(fields))
        study.set_location(spec.digest, archive)
        return spec.as_dict()

    plan = read_plan(find_plan(preset), settings=settings, ingest_with=read)
    wanted = in_order(plan.specs)
    slots = slots_on(device, jobs)
    failed = _run(study, wanted, slots, lambda: report.left() - PACKING_SECONDS)
    study = Study(study.path)
    done = sum(study.has(spec) for spec in wanted)
    parts = packed(study, home / "parts", out)
    points = networks(study)
    report.add(SECTION, preset, not failed, records=len(study.entries), resumed_from=before,
               asked_for=len(wanted), asked_for_done=done, failures=len(failed),
               parts=len(parts), unpacked_records=len(study.entries) - sum(parts.values()),
               points=sum(bool(point.scores) for point in points))  # fmt: skip
    for message in list(failed.values())[:5]:
        report.add(SECTION, "failure", False, error=message[:300])


def in_order(listed: list[Spec]) -> list[Spec]:
    """Return the specs network by network, each with what is measured of it.

    The first is the standard one, then those in the middle of each sweep, outwards.
    """
    networks = [spec for spec in listed if isinstance(spec, ClassifierSpec)]
    rest = [spec for spec in listed if not isinstance(spec, ClassifierSpec)]
    middle = len(networks) / 2
    networks = networks[:1] + sorted(
        networks[1:], key=lambda one: abs(networks.index(one) - middle)
    )
    found: list[Spec] = []
    for network in networks:
        own = [spec for spec in rest if getattr(spec, "classifier", None) == network]
        found += [network, *sorted(own, key=lambda one: not isinstance(one, Interpretability))]
    return found


def _run(
    study: Study, wanted: list[Spec], slots: Slots, left: Callable[[], float]
) -> dict[str, str]:
    events: list[Event] = []
    scheduler = Scheduler(study, slots, events.append)
    scheduler.add(wanted)
    scheduler.wait(max(1.0, left()))
    scheduler.stop(30)
    ended = (event for event in events if isinstance(event, Ended))
    return {event.key: event.message for event in ended if event.outcome == "failed"}


def _take_over(study: Study, path: Path, folder: Path) -> None:
    """Copy the records of a packed study into another one."""
    part = unpack(path, folder)
    _copy(part, study, [entry.key for entry in part.entries])


def _copy(source: Study, target: Study, keys: list[str]) -> None:
    for key in keys:
        entry = source.entry(key)
        place = Path("records") / entry.kind / f"{key}.h5"
        (target.path / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source.path / place, target.path / place)


def packed(study: Study, home: Path, out: Path) -> dict[Path, int]:
    """Write the records as packed studies of bounded size; return how many each holds.

    The smallest come first: retrainings and scores are what took long, and networks of some MB may
    have to stay behind.
    """
    sized = sorted(
        ((study.path / "records" / entry.kind / f"{entry.key}.h5").stat().st_size, entry.key)
        for entry in study.entries
    )
    groups: list[tuple[int, list[str]]] = []
    for size, key in sized:
        if not groups or groups[-1][0] + size > PART_BYTES:
            groups.append((0, []))
        groups[-1] = groups[-1][0] + size, [*groups[-1][1], key]
    found = {}
    for number, (_, keys) in enumerate(groups[:MOST_PARTS]):
        part = Study(home / f"part-{number}", create=True)
        _copy(study, part, keys)
        path = out / f"figure-{number}.h5"
        pack(Study(part.path), path)
        found[path] = len(keys)
    return found
