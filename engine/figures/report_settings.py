"""Describe the settings behind a figure in a sentence: those that all its records share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from engine.specs import (
    VAEGAN,
    AdversarialExamples,
    Boundary,
    Interpretability,
    ManifoldDistance,
    Maps,
    Training,
)
from engine.specs.schema import Spec
from engine.specs.variants import variant
from engine.store.study import Study, spec_of

MOST = 4
Pairs = Sequence[tuple[Any, Mapping[str, Any]]]
"""Specs of one kind, each with the numbers of its record."""


def settings_of(study: Study, kinds: Sequence[str]) -> str:
    """Return the settings of the study's records of these kinds; "" if it has none."""
    found = [(spec_of(entry), entry.numbers) for entry in study.entries if entry.kind in kinds]
    facts: dict[str, str] = {}
    for kind, describe in DESCRIBED.items():
        alike = [(spec, numbers) for spec, numbers in found if spec and spec.kind == kind]
        if alike:
            facts |= describe([spec for spec, _ in alike]) | _counts(kind, alike)
    words = [f"{name} {text}" for name, text in facts.items() if text]
    return f"Settings: {'; '.join(words)}." if words else ""


def _training(specs: Sequence[Training]) -> dict[str, str]:
    return {
        "networks": str(len(specs)),
        "architecture": _each(spec.network.label for spec in specs),
        "images": _each(spec.images.title for spec in specs),
        "optimizer": _each(_optimizer(spec.optimizer) for spec in specs),
        "epochs": _each(spec.epochs for spec in specs),
        "batch size": _each(spec.batch_size for spec in specs),
        "seeds": _seeds(spec.seed for spec in specs),
    }


def _score(specs: Sequence[Interpretability]) -> dict[str, str]:
    return {
        "scores": str(len(specs)),
        "fractions": _each(", ".join(f"{part:g}" for part in spec.fractions) for spec in specs),
        "repeats (n)": _each(spec.repeats for spec in specs),
        "seeds from": _seeds(spec.seed for spec in specs),
        "baseline": _each(spec.baseline.title for spec in specs),
        "random curve": _each(spec.random_baseline for spec in specs),
        "retraining epochs": _each(spec.baseline.epochs for spec in specs),
        "variant": _each(variant(spec) for spec in specs),
    }


def _maps(specs: Sequence[Maps]) -> dict[str, str]:
    return {
        "networks": _count(spec.classifier.key for spec in specs),
        "attributions": _each(spec.attribution.title for spec in specs),
        "images": _each((spec.images or spec.classifier.images).title for spec in specs),
        "n": _each(f"{len(spec.indices)} images" for spec in specs),
    }


def _attacked(specs: Sequence[AdversarialExamples]) -> dict[str, str]:
    return {
        "networks": _count(spec.classifier.key for spec in specs),
        "attacks": _each(spec.attack.title for spec in specs),
        "step size": _each(
            f"{spec.attack.step_size:.4g}" for spec in specs if hasattr(spec.attack, "step_size")
        ),
        "n": _each(f"{len(spec.indices)} images" for spec in specs),
        "seeds": _seeds(spec.seed for spec in specs),
    }


def _distance(specs: Sequence[ManifoldDistance]) -> dict[str, str]:
    return {
        "attacks": _each(spec.attack.title for spec in specs if spec.classifier is not None),
        "generator": _each(spec.generator.title for spec in specs),
    }


def _generator(specs: Sequence[VAEGAN]) -> dict[str, str]:
    return {
        "generators": str(len(specs)),
        "latent size": _each(spec.latent for spec in specs),
        "epochs": _each(spec.epochs for spec in specs),
        "seeds": _seeds(spec.seed for spec in specs),
    }


def _boundary(specs: Sequence[Boundary]) -> dict[str, str]:
    trained = [spec.classifier for spec in specs if isinstance(spec.classifier, Training)]
    return {
        "networks": _count(spec.classifier.key for spec in specs),
        "attack": _each(spec.attack.title for spec in specs),
        "epochs": _each(spec.epochs for spec in trained),
        "seeds": _seeds(spec.seed for spec in trained),
    }


DESCRIBED: dict[str, Callable[..., dict[str, str]]] = {
    "training": _training,
    "interpretability": _score,
    "maps": _maps,
    "adversarial_examples": _attacked,
    "manifold_distance": _distance,
    "vae_gan": _generator,
    "boundary": _boundary,
}


def _counts(kind: str, pairs: Pairs) -> dict[str, str]:
    """Return how many images were used: specs say how many at most, so the records count."""
    if kind == Training.kind:
        return {
            "evaluated under": _each(
                f"{spec.evaluation.title}{_on(numbers, 'robust_images')}" for spec, numbers in pairs
            )
        }
    if kind == ManifoldDistance.kind:
        counts = [numbers["test_images"] for _, numbers in pairs if "test_images" in numbers]
        return {"n": _each(f"{count:,} test images" for count in counts)}
    return {}


def _on(numbers: Mapping[str, Any], name: str) -> str:
    return f" on {numbers[name]:,} images" if name in numbers else ""


def _optimizer(spec: Spec) -> str:
    rate = getattr(spec, "learning_rate", None)
    return spec.label if rate is None else f"{spec.label}, learning rate {rate:g}"


def _each(values: Iterable[object]) -> str:
    """Return the distinct values in order of appearance, or their number if there are many."""
    found = list(dict.fromkeys(map(str, values)))
    return " / ".join(found) if len(found) <= MOST else f"{len(found)} different"


def _seeds(values: Iterable[int]) -> str:
    found = sorted(set(values))
    if len(found) > 2 and found[-1] - found[0] == len(found) - 1:
        return f"{found[0]} to {found[-1]}"
    return _each(found)


def _count(values: Iterable[object]) -> str:
    return str(len(set(values)))
