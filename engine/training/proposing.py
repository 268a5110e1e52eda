"""From a weights file and images to the spec of an import, with what it was decided by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.data.image_set import ImageSet
from engine.networks.library import usual_side
from engine.networks.opening.finding import Found
from engine.networks.opening.formats import WeightsError
from engine.specs import ImagesSpec, Imported
from engine.specs.proposals import evaluation_at, middle, proposals_for
from engine.store import files
from engine.texts import percent
from engine.training.deciding import Choice, Decision

LARGE = 1_000_000  # parameters from which on an attack on 1,000 images takes minutes on a CPU
IMAGES_OF_LARGE = 200
IMAGENET_CLASSES = 1000
FEW = 50  # test images that are too few to judge a network by


def imported(
    found: Found, choice: Choice, images: ImagesSpec, image_set: ImageSet, digest: str
) -> Imported:
    """Return the spec that records a found network as it was chosen.

    The evaluation is that of trainings on such images: PGD-10 at the middle radius that is proposed
    for them; of large networks over fewer images.
    """
    proposals = proposals_for(image_set.shape)
    norm = proposals.norms[0]
    evaluation = evaluation_at(*middle([(norm, eps) for eps in proposals.radii[norm]]))
    fewer: dict[str, Any] = {}
    if found.parameters > LARGE:
        fewer["evaluation_images"] = IMAGES_OF_LARGE
    return Imported(
        images=images,
        network=choice.network,
        evaluation=evaluation,
        name=found.file,
        digest=digest,
        entry=found.place,
        normalizer="network",
        outputs=None if found.classes == image_set.class_count else found.classes,
        class_order=choice.order,
        **fewer,
    )


def sentences(
    found: Found, image_set: ImageSet | None = None, decision: Decision | None = None
) -> list[str]:
    """Return what the user should know about a found network, a sentence each."""
    said = [note[:1].upper() + note[1:] + "." for note in found.notes]
    if image_set is not None:
        said += _on_images(found, image_set)
    if decision is None or image_set is None:
        return said
    if decision.near_chance:
        said.append(
            f"No choice is better than guessing ({percent(decision.chance)}): the network was "
            "trained on other images or classes, or has another architecture with the same entries."
        )
    if found.classes > image_set.class_count:
        said.append(
            f"The network has {found.classes} outputs; those of the images' "
            f"{image_set.class_count} classes come first, and the others stay."
        )
    return said


def _on_images(found: Found, images: ImageSet) -> list[str]:
    said = []
    if side := wished_side(found, images):
        height, width = images.shape[1:]
        said.append(
            f"The published weights of {found.network.title} expect images of {side}x{side} px; "
            f"these are read at {width}x{height} px."
        )
    if has_few_tests(images):
        count, every = len(images.test_images), len(images.test_images) + len(images.train_images)
        said.append(
            f"The record will hold accuracies on the set's {count} test "
            f"image{'' if count == 1 else 's'}; with a test "
            f"fraction of 1 they are on all {every}."
        )
    return said


def wished_side(found: Found, images: ImageSet) -> int | None:
    """Return the side in pixels at which images should be read for ImageNet's weights, if larger.

    Networks of a library with ImageNet's number of classes almost always have its weights.
    """
    if found.classes != IMAGENET_CLASSES:
        return None
    side = usual_side(found.network)
    return side if side is not None and side > min(images.shape[1:]) else None


def has_few_tests(images: ImageSet) -> bool:
    """Whether a set holds back too few images for tests, while it has more to train on."""
    return len(images.test_images) < min(FEW, len(images.train_images))


def size_fault(found: Found, image_set: ImageSet) -> str:
    """Return why a network that was found cannot take these images, or ""."""
    if found.shape == image_set.shape:
        return ""
    channels, height, width = found.shape
    colours = {1: "grey", 3: "RGB"}.get(channels, f"of {channels} channels")
    ours, our_height, our_width = image_set.shape
    return (
        f"{found.file} holds {found.network.title} for {colours} images such as {width}x{height} "
        f"px; the images have {ours} channel{'s' if ours > 1 else ''} and {our_width}x{our_height} "
        "px: read them in that size and colour"
    )


def as_json(found: Found, decision: Decision | None) -> dict[str, Any]:
    """Return what was found as plain values."""
    chosen = decision.proposed if decision is not None else None
    return {
        "file": found.file,
        "network": found.network.title,
        "kind": found.network.kind,
        "parameters": found.parameters,
        "classes": found.classes,
        "entry": found.place,
        "entries": list(found.places),
        "normalizer": chosen.normalizer if chosen is not None else None,
        "mean": list(found.normalizer.mean) if found.normalizer is not None else None,
        "std": list(found.normalizer.std) if found.normalizer is not None else None,
        "class_order": chosen.class_order if chosen is not None else None,
        "accuracies": [_row(choice) for choice in decision.choices] if decision else [],
        "near_chance": decision.near_chance if decision is not None else None,
        "renamed": [list(pair) for pair in found.renamed],
        "left_out": list(found.left_out),
        "notes": list(found.notes),
    }


def _row(choice: Choice) -> dict[str, Any]:
    return {
        "normalizer": choice.normalizer,
        "class_order": choice.class_order,
        "accuracy": choice.accuracy,
        "correct": choice.correct,
        "images": choice.count,
    }


def digest_of(path: Path, check: Callable[[], None] = lambda: None) -> str:
    """Return the SHA-256 of a regular file.

    Raises
    ------
    WeightsError
        If it cannot be read.
    """
    try:
        return files.digest_of(path, check)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise WeightsError(f"{path.name} cannot be read ({why})") from error
