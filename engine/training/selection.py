"""Choose the best epoch of a training by its validation images; measure last and best weights."""

from __future__ import annotations

import copy
from typing import Any

from numpy.typing import NDArray
from torch import nn

from engine.jobs.context import Context
from engine.jobs.device_images import DeviceImages
from engine.specs import Training
from engine.training.evaluation import final_accuracies
from engine.training.loop import TrainingState, load_weights, state_of

ACCURACIES = ("clean_accuracy", "robust_accuracy")
Numbers = dict[str, float | int | str]


def criterion(spec: Training) -> str:
    """Return the name of the curve whose highest point is the best epoch.

    It is the robust accuracy; for a training without an attack, which is not robust at any epoch,
    the clean accuracy.
    """
    return "clean_accuracy" if spec.scheme.threat is None else "robust_accuracy"


def keep_if_best(spec: Training, state: TrainingState, network: nn.Module) -> None:
    """Keep the network's state if its newest epoch is better than all before it."""
    *before, now = state.history[f"epochs__{criterion(spec)}"]
    if all(now > value for value in before):
        state.best = state_of(network)


def best_epoch(spec: Training, state: TrainingState) -> int:
    """Return the epoch whose state is kept, counted from 1: the first with the highest value."""
    values = state.history[f"epochs__{criterion(spec)}"]
    return 1 + values.index(max(values))


def final_weights(
    spec: Training,
    state: TrainingState,
    network: nn.Module,
    images: DeviceImages,
    context: Context,
    newest: Numbers,
) -> tuple[Numbers, dict[str, NDArray[Any]]]:
    """Measure the last and the best weights on the test images.

    Parameters
    ----------
    newest
        The accuracies measured after the last epoch, or nothing.

    Returns
    -------
    numbers
        Accuracies of the weights that the network has ("clean_accuracy", ...), those of the best
        ones ("best_clean_accuracy", ...) and, if they are the network's, of the last ones.
    arrays
        "weights/<entry>" of the network; the other weights as "best/<entry>" or "last/<entry>".
        Without validation images there are no other weights.
    """
    # Without validation images these were test images; what is the same is not computed again.
    known = {} if len(images.validation) else newest
    last = _measured(spec, network, images, context, known)
    about: Numbers = {
        "validation_images": len(images.validation),
        "curves_on": "validation images" if len(images.validation) else "test images",
    }
    if not state.best:
        return last | about, _named("weights", state_of(network))
    about["best_epoch"] = epoch = best_epoch(spec, state)
    best = last
    if epoch < state.epoch:
        chosen = copy.deepcopy(network)
        load_weights(chosen, state.best)
        best = _measured(spec, chosen, images, context, {})
    about |= {f"best_{name}": best[name] for name in ACCURACIES}
    if spec.weights == "last":
        return last | about, _named("weights", state_of(network)) | _named("best", state.best)
    about |= {f"last_{name}": last[name] for name in ACCURACIES}
    return best | about, _named("weights", state.best) | _named("last", state_of(network))


def _measured(
    spec: Training, network: nn.Module, images: DeviceImages, context: Context, known: Numbers
) -> Numbers:
    return final_accuracies(
        network, images.tested, spec.evaluation, spec.evaluation_images, context, known
    )


def _named(group: str, state: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {f"{group}/{name}": array for name, array in state.items()}
