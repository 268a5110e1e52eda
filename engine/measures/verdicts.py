"""Turn the numbers of an attack's report card into verdicts in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

SLACK = 0.01
"""Tolerance when two accuracies are compared: the sampling error over some hundred images."""
FLAT_SHARE = 0.05
RESTART_GAP = 0.05


@dataclass(frozen=True)
class Finding:
    """One line of the report card.

    Attributes
    ----------
    name
        Name of the check; a key of :data:`CHECKS`.
    passed
        Whether the check found no problem with the attack.
    shown
        The measured number, formatted.
    sentence
        The meaning of the number.
    """

    name: str
    passed: bool
    shown: str
    sentence: str


Numbers = Mapping[str, float | int | str]


def _percent(numbers: Numbers, name: str) -> str:
    return f"{100 * float(numbers[name]):.1f} %"


def _gradients(numbers: Numbers) -> Finding:
    share = float(numbers["zero_gradient_share"])
    passed = share <= FLAT_SHARE
    text = (
        "The loss has a gradient to follow."
        if passed
        else "Where the loss gradient is zero an attack has nothing to follow: take the cw loss."
    )
    return Finding("zero gradients", passed, _percent(numbers, "zero_gradient_share"), text)


def _steps(numbers: Numbers) -> Finding:
    one, many = float(numbers["one_step_accuracy"]), float(numbers["attack_accuracy"])
    passed = many <= one + SLACK
    shown = f"{100 * one:.1f} → {100 * many:.1f} %"
    text = (
        "Many steps break at least as many images as one."
        if passed
        else "One step breaks more images than many: the step size is wrong, or gradients mislead."
    )
    return Finding("1 step → all", passed, shown, text)


def _restarts(numbers: Numbers) -> Finding:
    once, best = float(numbers["attack_accuracy"]), float(numbers["restart_accuracy"])
    passed = once - best <= RESTART_GAP
    shown = f"{100 * once:.1f} → {100 * best:.1f} %"
    text = (
        "Random restarts find little more."
        if passed
        else "Random restarts break many more images: the accuracy without them is too high."
    )
    return Finding("restarts", passed, shown, text)


def _large(numbers: Numbers) -> Finding:
    passed = float(numbers["large_eps_accuracy"]) <= SLACK
    text = (
        "With room for any change, hardly an image stands."
        if passed
        else "Even with room for any change images stand: the attack does not find what is there."
    )
    return Finding("large eps", passed, _percent(numbers, "large_eps_accuracy"), text)


def _noise(numbers: Numbers) -> Finding:
    blind, seeing = float(numbers["random_accuracy"]), float(numbers["attack_accuracy"])
    passed = blind >= seeing - SLACK
    text = (
        "Random changes of the same size break fewer images than the attack."
        if passed
        else "Random changes of the same size break more images than the attack: it is broken."
    )
    return Finding("random noise", passed, _percent(numbers, "random_accuracy"), text)


def _outputs(numbers: Numbers) -> Finding:
    passed = not numbers["outputs_are_probabilities"]
    text = (
        "The network gives logits."
        if passed
        else "The network's outputs are probabilities: a second softmax flattens the loss."
    )
    return Finding("outputs", passed, "logits" if passed else "probabilities", text)


def _repeats(numbers: Numbers) -> Finding:
    change = float(numbers["passes_differ"])
    passed = change == 0
    text = (
        "Two passes over the same images give the same outputs."
        if passed
        else "Two passes over the same images differ: a random network needs averaged gradients."
    )
    return Finding("repeatable", passed, "yes" if passed else f"± {change:.2g}", text)


CHECKS: dict[str, Callable[[Numbers], Finding]] = {
    "zero gradients": _gradients,
    "1 step → all": _steps,
    "restarts": _restarts,
    "large eps": _large,
    "random noise": _noise,
    "outputs": _outputs,
    "repeatable": _repeats,
}


def findings(numbers: Numbers) -> list[Finding]:
    """Return the report card from the numbers of an ``attack_check`` measurement."""
    return [judge(numbers) for judge in CHECKS.values()]
