"""Accuracy under several attacks in turn, each made on the images that still stand.

Source: Croce, Hein 2020, AutoAttack.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.attacks.losses import stands
from engine.attacks.table import attack
from engine.jobs.context import Context
from engine.jobs.device_images import layout
from engine.jobs.events import Scalars
from engine.measures.signs import misled_share, output_signs
from engine.networks.gradients import as_unit, logits_of
from engine.specs import AttackSpec, StrongAccuracy
from engine.specs.passes import FORWARD
from engine.store.study import Result
from engine.tradeoff.robustness import wilson
from engine.training.evaluation import BATCH, gradient_signs, inside

SAVED_EVERY = 5.0  # seconds between checkpoints
STANDS, CLEAN_WRONG = -1, -2
"""Values of ``broken_by`` for images that no attack broke, and that are wrong as they are."""


def strong_accuracy(
    model: nn.Module, images: Tensor, labels: Tensor, spec: StrongAccuracy, context: Context
) -> Result:
    """Metric "strong_accuracy": which images stand against all attacks of a level.

    An image counts as broken when a forward pass on the attacked image, projected into the ball,
    does not give its label from finite logits. Each attack and batch has its own generator, so the
    result does not depend on interruptions. Images without a label count as wrong.

    Returns
    -------
    Result
        Numbers in [0, 1]: ``accuracy`` with its 95 % Wilson interval ``accuracy_low`` and
        ``accuracy_high``, ``clean_accuracy``, what :func:`~engine.measures.signs.output_signs` and
        :func:`~engine.training.evaluation.gradient_signs` return, ``misled_share``, see
        :func:`~engine.measures.signs.misled_share`, ``blind_gain``, the share that an attack
        without gradients broke after those with them, and ``passes``, the work done for one image.
        Array ``broken_by`` int8 (N,): the number of the attack that broke an image, or
        :data:`STANDS` or :data:`CLEAN_WRONG`. Document ``attacks``: title, how many images each
        attack was made on and left standing.
    """
    run = _Cascade(model, images, labels, spec, context)
    run.restore()
    run.all_attacks()
    standing = run.broken_by == STANDS
    count = max(1, len(images))
    low, high = wilson(int(standing.sum()), len(images))
    numbers: dict[str, float | int | str] = {
        "accuracy": float(standing.sum()) / count,
        "accuracy_low": low,
        "accuracy_high": high,
        "clean_accuracy": float((run.broken_by != CLEAN_WRONG).sum()) / count,
        "classes": run.classes,
        **output_signs(model, images, labels, context),
        **gradient_signs(model, images, labels, context),
        "misled_share": misled_share(model, images, labels, spec.norm, spec.eps, context),
    }
    blind = [i for i, attack in enumerate(spec.attacks) if not attack.uses_gradient]
    if blind:
        numbers["blind_gain"] = float(np.isin(run.broken_by, blind).sum()) / count
    numbers["passes"] = run.passes / count + spec.passes_of_checks
    return Result(numbers, arrays={"broken_by": run.broken_by}, documents={"attacks": run.table()})


@dataclass
class _Progress:
    """How far a cascade is: the attack, the images that it is made on, and how many are done."""

    attack: int = 0
    chosen: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    done: int = 0


class _Cascade:
    """The attacks of a level on one network's images."""

    def __init__(
        self,
        model: nn.Module,
        images: Tensor,
        labels: Tensor,
        spec: StrongAccuracy,
        context: Context,
    ) -> None:
        self._model, self._images, self._labels = model, images, labels
        self._attacks, self._context = spec.attacks, context
        self._progress, self._made_on = _Progress(), [0] * len(spec.attacks)
        self._saved = time.monotonic()
        self.passes = 0.0
        logits = logits_of(model, images, check_cancelled=context.check_cancelled)
        self.classes = logits.shape[1]
        right = stands(logits, labels).cpu().numpy()
        self.broken_by: NDArray[np.int8] = np.where(right, STANDS, CLEAN_WRONG).astype(np.int8)
        self._progress.chosen = self._standing()

    def restore(self) -> None:
        """Go on from the checkpoint of an interrupted run, if there is one."""
        saved = self._context.checkpoint()
        if saved is None or len(saved.arrays["broken_by"]) != len(self.broken_by):
            return
        state = saved.documents["state"]
        self.broken_by = np.array(saved.arrays["broken_by"])
        self._progress = _Progress(state["attack"], np.array(saved.arrays["chosen"]), state["done"])
        self._made_on, self.passes = list(state["made_on"]), state["passes"]

    def all_attacks(self) -> None:
        """Make every attack that is not done yet, on batches of the images that stand."""
        at = self._progress
        while at.attack < len(self._attacks):
            spec = self._attacks[at.attack]
            self._made_on[at.attack] = len(at.chosen)
            while at.done < len(at.chosen):
                batch = at.chosen[at.done : at.done + BATCH]
                self._attack(spec, at.attack, batch)
                at.done += len(batch)
                self._save_if_due()
            at.attack, at.chosen, at.done = at.attack + 1, self._standing(), 0
            survivors = len(at.chosen) / max(1, len(self.broken_by))
            self._context.emit(Scalars(self._context.spec.key, at.attack, {"standing": survivors}))

    def table(self) -> list[dict[str, Any]]:
        """Return, for every attack, on how many images it was made and how many it left."""
        rows = []
        for number, spec in enumerate(self._attacks):
            broken = int((self.broken_by == number).sum())
            made_on = self._made_on[number]
            rows.append({"attack": spec.title, "images": made_on, "standing": made_on - broken})
        return rows

    def _attack(self, spec: AttackSpec, number: int, batch: NDArray[np.int64]) -> None:
        """Make one attack on some images, and note which of them it broke."""
        context = self._context
        rows = torch.from_numpy(batch).to(self._images.device)
        clean, labels = layout(as_unit(self._images[rows])), self._labels[rows]
        steps = [0]

        def on_step(*_: Any) -> None:
            context.check_cancelled()
            steps[0] += 1
            self._tell(spec, min(1.0, steps[0] / spec.step_count) * len(batch) * spec.passes)

        generator = context.generator(f"{spec.kind} {number}/{batch[0]}", 0, context.device)
        adv_images = attack(self._model, clean, labels, spec, generator=generator, on_step=on_step)
        right = stands(logits_of(self._model, inside(adv_images, clean, spec)), labels)
        self.broken_by[batch[~right.cpu().numpy()]] = number
        self.passes += len(batch) * (spec.passes + FORWARD)

    def _tell(self, spec: AttackSpec, in_batch: float) -> None:
        """Publish the progress in passes; what is left supposes that no other image falls."""
        at, standing = self._progress, len(self._standing())
        left = (len(at.chosen) - at.done) * spec.passes
        left += standing * sum(later.passes for later in self._attacks[at.attack + 1 :])
        text = f"{standing:,} of {len(self.broken_by):,} stand, {spec.title}"
        self._context.progress(self.passes + in_batch, self.passes + left, text)

    def _standing(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.broken_by == STANDS)

    def _save_if_due(self) -> None:
        if time.monotonic() - self._saved < SAVED_EVERY:
            return
        self._saved, at = time.monotonic(), self._progress
        state = {
            "attack": at.attack,
            "done": at.done,
            "made_on": self._made_on,
            "passes": self.passes,
        }
        arrays = {"broken_by": self.broken_by, "chosen": at.chosen}
        self._context.save_checkpoint({"state": state}, arrays)
