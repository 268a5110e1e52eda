"""Compute maps, adversarial examples and measurements of trained classifiers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from engine.attacks.norms import norms
from engine.attacks.table import attack
from engine.attribution.pictures import blurriness
from engine.attribution.table import attribute
from engine.jobs.asked import tell_fewer, tell_no_radius
from engine.jobs.classifiers import classifier
from engine.jobs.context import Context
from engine.jobs.device_images import DeviceImages, device_images, layout
from engine.manifold.tangents import tangent_share
from engine.measures.attack_check import attack_check
from engine.measures.by_class import class_accuracy
from engine.measures.corruptions import corrupted_accuracy
from engine.measures.glyph_truth import glyph_truth
from engine.measures.map_numbers import completeness_gap, known_tangent_share
from engine.measures.scores.table import SCORES
from engine.measures.smallest_eps import smallest_eps
from engine.measures.strong import strong_accuracy
from engine.networks.gradients import as_unit, logits_of
from engine.retraining.fidelity import f_fidelity
from engine.specs import (
    AdversarialExamples,
    AttackCheck,
    ClassAccuracy,
    ClassifierSpec,
    CorruptedAccuracy,
    FFidelity,
    GlyphTruth,
    ImagesSpec,
    Maps,
    Measurement,
    RobustAccuracy,
    SmallestEps,
    StrongAccuracy,
    TangentShare,
)
from engine.specs.schema import SpecError
from engine.store.study import Result
from engine.tradeoff.robustness import wilson
from engine.training.evaluation import robust_accuracy


def maps(spec: Maps, context: Context) -> Result:
    """Compute a maps record: signed attributions of chosen test images."""
    model = classifier(context, spec.classifier)
    pixels, labels = chosen_images(spec.images, spec.classifier, spec.indices, context)
    images = layout(as_unit(pixels))
    logits = logits_of(model, images)
    training = device_images(context, spec.classifier.images).train
    attributions = attribute(
        model,
        images,
        spec.attribution,
        labels,
        training=training,
        check_cancelled=context.check_cancelled,
    )
    found = attributions.cpu().contiguous().numpy()
    coarse = blurriness(found)
    measured = np.isfinite(coarse)  # a constant map has no structure that could be coarse
    more = {
        "completeness_gap": completeness_gap(
            model, images, attributions, spec.attribution, labels, training
        ),
        "tangent_share": known_tangent_share(
            attributions, spec.images or spec.classifier.images, spec.indices
        ),
    }
    return Result(
        numbers={
            **({"blurriness": float(coarse[measured].mean())} if measured.any() else {}),
            "images": len(found),
        },
        arrays={
            "images": pixels.cpu().numpy(),
            "labels": labels.cpu().numpy(),
            "predicted": logits.argmax(1).cpu().numpy(),
            "probability": logits.softmax(1).amax(1).cpu().numpy(),
            "blurriness": coarse,
            **{name: values.numpy() for name, values in more.items() if values is not None},
            "attributions": found,
        },
    )


def adversarial_examples(spec: AdversarialExamples, context: Context) -> Result:
    """Compute attacked versions of chosen test images.

    For an image without a label, the attack starts from the predicted class as the true one. The
    stored logits come from a new forward pass on the stored images. A second pass, on the images
    rounded to 8 bits as in a PNG, is stored as well.
    """
    tell_no_radius(context, "attack", spec.attack, "the attacked images are the clean ones")
    model = classifier(context, spec.classifier)
    pixels, labels = chosen_images(spec.images, spec.classifier, spec.indices, context)
    images = layout(as_unit(pixels))
    clean_logits = logits_of(model, images)
    truth = torch.where(labels < 0, clean_logits.argmax(1), labels)
    trace: list[Tensor] = []

    def on_step(_: int, loss: Tensor) -> None:
        context.check_cancelled()
        trace.append(loss.detach().clone())

    generator = context.generator("attack", spec.seed, context.device)
    adv_images = attack(model, images, truth, spec.attack, generator=generator, on_step=on_step)
    adv_logits = logits_of(model, adv_images)
    rounded_logits = logits_of(model, (adv_images * 255).round() / 255)
    delta = adv_images - images
    clean_right = (clean_logits.argmax(1) == truth).float()
    adv_right = (adv_logits.argmax(1) == truth).float()
    changed = adv_logits.argmax(1) != clean_logits.argmax(1)
    if spec.attack.target is not None:
        changed = adv_logits.argmax(1) == spec.attack.target
    return Result(
        numbers={
            "success_rate": float(changed.float().mean()),
            "clean_accuracy": float(clean_right.mean()),
            "robust_accuracy": float(adv_right.mean()),
            "images": len(pixels),
        },
        arrays={
            "images": pixels.cpu().numpy(),
            "labels": labels.cpu().numpy(),
            "adv_images": adv_images.cpu().contiguous().numpy(),
            "clean_logits": clean_logits.cpu().numpy(),
            "adv_logits": adv_logits.cpu().numpy(),
            "rounded_logits": rounded_logits.cpu().numpy(),
            "loss_trace": torch.stack(trace).cpu().numpy() if trace else np.zeros((0, len(pixels))),
            "distance_linf": norms(delta, "linf").cpu().numpy(),
            "distance_l2": norms(delta, "l2").cpu().numpy(),
        },
    )


def accuracy_against_eps(
    model: nn.Module, images: Tensor, labels: Tensor, spec: RobustAccuracy, context: Context
) -> Result:
    """Metric "robust_accuracy": accuracy under the attack at each eps, with 95 % Wilson intervals.

    The step size is scaled with eps, so that all radii use the same attack up to scale.
    """
    values, low, high = [], [], []
    for done, eps in enumerate(spec.eps):
        context.progress(done, len(spec.eps), "radii")
        value = robust_accuracy(model, images, labels, spec.attack_at(eps), context)
        least, most = wilson(round(value * len(images)), len(images))
        values.append(value)
        low.append(least)
        high.append(most)
    return Result(
        numbers={
            f"accuracy_at_{eps:.4g}": value for eps, value in zip(spec.eps, values, strict=True)
        },
        arrays={
            "eps": np.array(spec.eps),
            "accuracy": np.array(values),
            "accuracy_low": np.array(low),
            "accuracy_high": np.array(high),
        },
    )


METRICS: dict[str, Callable[..., Result]] = {
    RobustAccuracy.kind: accuracy_against_eps,
    StrongAccuracy.kind: strong_accuracy,
    AttackCheck.kind: attack_check,
    TangentShare.kind: tangent_share,
    ClassAccuracy.kind: class_accuracy,
    CorruptedAccuracy.kind: corrupted_accuracy,
    SmallestEps.kind: smallest_eps,
    GlyphTruth.kind: glyph_truth,
    FFidelity.kind: f_fidelity,
    **SCORES,
}


def measure(spec: Measurement, context: Context) -> Result:
    """Compute a measurement record: one metric on the first test images."""
    images = device_images(context, spec.classifier.images)
    model = classifier(context, spec.classifier)
    tell_fewer(context, spec, "test_images", len(images.test))
    attacked_by = getattr(spec.metric, "attack", None)
    if attacked_by is not None:
        then = "what it leaves is the clean accuracy"
        tell_no_radius(context, "metric.attack", attacked_by, then)
    pixels, labels = images.test[: spec.test_images], images.test_labels[: spec.test_images]
    result = METRICS[spec.metric.kind](model, pixels, labels, spec.metric, context)
    return Result({**result.numbers, "test_images": len(pixels)}, result.arrays, result.documents)


def chosen_images(
    images: ImagesSpec | None,
    trained: ClassifierSpec,
    indices: Sequence[int],
    context: Context,
) -> tuple[Tensor, Tensor]:
    """Return chosen test images (uint8 or float) and their labels, -1 for images without one."""
    own = device_images(context, trained.images)
    found: DeviceImages = own if images is None else device_images(context, images)
    if found.shape != own.shape:
        given, wanted = (f"{c} x {h} x {w}" for c, h, w in (found.shape, own.shape))
        raise SpecError(
            f"images are {given} (channels, height, width), {trained.title!r} takes {wanted}"
        )
    if indices and max(indices) >= len(found.test):
        raise SpecError(
            f"indices has {max(indices)}, must be below {len(found.test)}: so many are the test "
            "images"
        )
    chosen = list(indices)
    labels = found.test_labels[chosen]
    if images is not None and images != trained.images:
        labels = torch.full_like(labels, -1)  # labels of another set may mean other classes
    return found.test[chosen], labels
