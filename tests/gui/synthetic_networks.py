"""A study with networks that were never trained, and previews that answer with made-up results."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from engine.data.image_set import ImageSet
from engine.specs import (
    PGD,
    Adversarial,
    AdversarialExamples,
    ClassifierSpec,
    Glyphs,
    Maps,
    Measurement,
    SmallCNN,
    Training,
)
from engine.specs.schema import Spec
from engine.store.study import Result, Study
from gui.session.workspace import Workspace

SIDE = 28
CLASSES = tuple("0123456789")
GLYPHS = Glyphs(train=100, test=40)


def networks(count: int = 3) -> list[Training]:
    """Return specs of a standard network and of adversarial ones of rising strength."""
    network = SmallCNN()
    specs = [Training(images=GLYPHS, network=network)][:count]
    for place in range(1, count):
        attack = PGD(eps=4 * place / 255) if place % 2 else PGD(norm="l2", eps=0.5 * place)
        scheme = Adversarial(attack=attack)
        specs.append(Training(images=GLYPHS, network=network, scheme=scheme))
    return specs


def image_set(channels: int = 1, test: int = 40) -> ImageSet:
    """Return discs of which place and size follow the class, so that eyes can tell them apart."""
    labels = np.arange(test) % len(CLASSES)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    images = np.zeros((test, channels, SIDE, SIDE), np.uint8)
    for place, label in enumerate(labels):
        centre = 8 + 12 * (label % 3) / 2, 8 + 12 * (label // 3) / 3
        near = np.hypot(rows - centre[0], columns - centre[1]) < 4 + place % 5
        images[place] = np.where(near, 230, 20)
    return ImageSet(
        train_images=images[:10],
        train_labels=labels[:10].astype(np.int64),
        test_images=images,
        test_labels=labels.astype(np.int64),
        classes=CLASSES,
    )


def add_record(workspace: Workspace, spec: Spec, result: Result) -> None:
    """Store a record, and let the workspace say so, as if it had been computed."""
    assert workspace.study is not None
    entry = workspace.study.write(spec, result, seconds=1.0, provenance={})
    workspace.record_added.emit(entry)


def add_network(workspace: Workspace, spec: ClassifierSpec, accuracy: float = 0.97) -> None:
    """Store a network without weights."""
    add_record(workspace, spec, Result({"clean_accuracy": accuracy, "robust_accuracy": 0.5}))


def adversarial_result(spec: AdversarialExamples, images: ImageSet) -> Result:
    """Return made-up adversarial examples: stripes of length eps, and a class one further on."""
    chosen = list(spec.indices)
    pixels, labels = images.test_images[chosen], images.test_labels[chosen]
    stripes = np.where(np.arange(SIDE) % 4 < 2, 1.0, -1.0)
    adv = np.clip(pixels / 255.0 + spec.attack.eps * stripes, 0, 1).astype(np.float32)
    clean = np.eye(10, dtype=np.float32)[labels] * 6
    after = np.eye(10, dtype=np.float32)[(labels + (spec.attack.eps > 0.01)) % 10] * 5
    steps = getattr(spec.attack, "steps", 1)
    trace = np.linspace(0.1, 4.0, steps, dtype=np.float32)[:, None].repeat(len(chosen), 1)
    delta = (adv - pixels / 255.0).reshape(len(chosen), -1)
    return Result(
        {"success_rate": 1.0, "clean_accuracy": 1.0, "robust_accuracy": 0.0},
        {
            "images": pixels,
            "adv_images": adv,
            "labels": labels if spec.images is None else np.full_like(labels, -1),
            "clean_logits": clean,
            "adv_logits": after,
            "rounded_logits": clean,
            "loss_trace": trace,
            "distance_linf": np.abs(delta).max(1),
            "distance_l2": np.linalg.norm(delta, axis=1),
        },
    )


def maps_result(spec: Maps, images: ImageSet) -> Result:
    """Return made-up attributions: a wave whose length follows the network."""
    chosen = list(spec.indices)
    pixels = images.test_images[chosen]
    step = 2 + int(spec.classifier.key, 16) % 9
    wave = np.sin(np.arange(SIDE) / step)[:, None] * np.cos(np.arange(SIDE) / step)
    scale = np.arange(1, len(chosen) + 1)[:, None, None, None]
    attributions = (wave * scale * (pixels / 255.0 + 0.1)).astype(np.float32)
    return Result(
        {"blurriness": 0.5, "images": len(chosen)},
        {
            "images": pixels,
            "labels": images.test_labels[chosen],
            "predicted": images.test_labels[chosen],
            "probability": np.full(len(chosen), 0.9),
            "blurriness": np.linspace(0.2, 0.8, len(chosen)),
            "attributions": attributions,
        },
    )


def accuracy_result(spec: Measurement) -> Result:
    """Return a falling curve with its interval."""
    eps = np.array(spec.metric.eps)  # type: ignore[attr-defined]
    values = np.clip(0.98 - 10 * eps, 0, 1)
    return Result(
        {"test_images": spec.test_images},
        {
            "eps": eps,
            "accuracy": values,
            "accuracy_low": np.clip(values - 0.05, 0, 1),
            "accuracy_high": np.clip(values + 0.05, 0, 1),
        },
    )


class Answers:
    """Stands in for the runner: keeps what is asked for, answers at once or later."""

    def __init__(self, workspace: Workspace, images: ImageSet, *, at_once: bool = True):
        self.images = images
        self.at_once = at_once
        self.asked: list[Spec] = []
        self.open: list[Callable[[], None]] = []
        self.ran: list[Spec] = []
        self.failure = ""
        # If set, answers what a tab computes instead of a record: takes the spec and the options.
        self.instead: Callable[[Any, dict[str, Any]], Result] | None = None
        self.options: list[dict[str, Any]] = []
        runner: Any = workspace.runner
        runner.ask = self.ask
        runner.preview = self.preview
        runner.run = self.run

    def ask(
        self,
        channel: str,
        work: Callable[[Any], Any],
        done: Callable[[Any], None],
        failed: Callable[[str], None],
        *,
        long: bool = False,
    ) -> None:
        """Read at once."""
        try:
            answer = work(None)
        except ValueError as error:
            failed(str(error))
        else:
            done(answer)

    def preview(
        self,
        channel: str,
        specs: Iterable[Spec],
        done: Callable[[Any], None],
        failed: Callable[[str], None],
        *,
        compute: Any = None,
    ) -> None:
        """Take a request as the runner does; ``open`` holds the answers that are due."""
        wanted = list(specs)
        self.asked += wanted
        options = dict(getattr(compute, "keywords", {}))
        self.options += [options for _ in wanted]

        def answer() -> None:
            if self.failure:
                failed(self.failure)
            else:
                instead = self.instead if compute is not None else None
                done([instead(one, options) if instead else self.result(one) for one in wanted])

        if self.at_once:
            answer()
        else:
            self.open.append(answer)

    def run(self, specs: Iterable[Spec]) -> list[Spec]:
        """Queue everything, compute nothing."""
        self.ran += list(specs)
        return list(specs)

    def result(self, spec: Spec) -> Result:
        """Make up a result."""
        if isinstance(spec, AdversarialExamples):
            return adversarial_result(spec, self.images)
        assert isinstance(spec, Maps)
        return maps_result(spec, self.images)


def open_workspace(folder: Path, count: int = 3, channels: int = 1) -> tuple[Workspace, Answers]:
    """Return a workspace with images, networks, and a runner that answers with made-up results."""
    workspace = Workspace()
    images = image_set(channels)
    answers = Answers(workspace, images)
    # Not open_study: the runner would load the engine, which nothing here computes with.
    workspace.study = Study(folder / "made-up.isthmus", create=True)
    workspace.study_changed.emit()
    for spec in networks(count):
        add_network(workspace, spec)
    workspace.choose_images(GLYPHS, images)
    return workspace, answers
