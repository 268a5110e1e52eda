"""Read a plan together with the images that it names by path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from engine.data.downloads import find_data
from engine.data.image_set import ImageSet
from engine.data.images import ingest, options_in
from engine.plan.planfile import Head, Plan, read_plan
from engine.specs.images import StoredImages
from engine.specs.schema import SpecError


class PlanWithImages(NamedTuple):
    """A plan, and what was read for it.

    Attributes
    ----------
    plan
        The plan, whose images have their content hashes.
    places
        Where the images lie, by content hash.
    read
        The images as they were read, with their specs.
    """

    plan: Plan
    places: dict[str, Path]
    read: list[tuple[StoredImages, ImageSet]]

    @property
    def shown(self) -> ImageSet | None:
        """The images that the plan computes with first, if they were read."""
        return next((found for spec, found in self.read if spec == self.plan.images), None)


def found_images(head: Head) -> dict[str, Path]:
    """Return where the images lie that a plan names, as far as they are on this machine.

    A relative path is looked for beside the plan's file, then as a data set's name.
    """
    found = {}
    for name in head.images:
        beside = head.path.parent / name
        try:
            found[name] = beside if beside.exists() else find_data(name)
        except SpecError:
            continue  # the user is asked where they lie
    return found


def read_with_images(
    path: Path,
    places: Mapping[str, Path],
    *,
    progress: Callable[[int, int], None],
    check_cancelled: Callable[[], None],
    cache: Any = None,
) -> PlanWithImages:
    """Read a plan, and every set of images that it names.

    Parameters
    ----------
    places
        Where each of ``Head.images`` lies.
    progress, check_cancelled, cache
        As for :func:`engine.data.images.ingest`.

    Raises
    ------
    SpecError
        If the plan is invalid, its images cannot be read, or are in none of the places.
    """
    lie: dict[str, Path] = {}
    read: list[tuple[StoredImages, ImageSet]] = []

    def take(name: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        if name not in places:
            raise SpecError(f"path is {name!r}, and where that lies was not said")
        spec, found = ingest(
            places[name],
            **options_in(fields),
            progress=progress,
            check_cancelled=check_cancelled,
            cache=cache,
        )
        lie[spec.digest] = places[name]
        read.append((spec, found))
        return spec.as_dict()

    return PlanWithImages(read_plan(path, ingest_with=take), lie, read)
