"""Turn the numbers of an accuracy under attack, and of its report card, into findings in words.

Each check has a rule and names the measured number. A check whose numbers a record lacks, because
an earlier version wrote it, gives no finding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from engine.texts import percent

SLACK = 0.01
"""Tolerance when two accuracies over the same images are compared.

Equally strong attacks pass it by chance in 4 % if they disagree on 2 % of 500 images, or on 3.5 %
of 1,000; of 100 images in 13 %. ``test_verdicts.py`` computes it, and the same of the next one.
"""
RESTART_GAP = 0.05
"""Likewise for an attack that is to find little more: in 3 % at 8 % of 100 images."""
FLAT_SHARE = 0.05
"""Share of images without a gradient from which it is taken to be hidden.

Measured: 0 on 17 networks that show theirs; 0.48 and more behind a rounded or a saturated input,
and 0.96 and more, of the cross-entropy, with logits times 1,000. The accuracy at a large eps, which
is compared with :data:`SLACK`, was 0, and 0.6 and more. See docs/benchmarks.md, the report card.
"""
ZERO_PIXELS = 0.9
"""Share of gradient entries that are exactly 0 from which a network is taken to hide its gradient.

Measured: 0 on the networks of the demo; 0.63 on the MNIST network published with TRADES, whose
max-pooling and ReLU pass nothing back over an even background; above 0.99 where the input is
rounded by a sigmoid of slope 10,000. See ``docs/decisions.md``.
"""
MISLED_SHARE = 0.15
"""Share of images from which a network is taken to pass back gradients that are not its own.

Measured: 0 to 0.06 on 61 networks that show theirs; 0.28 and more on networks that pass back that
of half of their pixels, 0.92 and more behind ripples, or with the gradient of something else.
"""
COMPANY = 0.01
"""Relative difference of logits between batches; rounding to TF32 gives a tenth of it."""
ONE_ANSWER, MORE_THAN_LABELS = 0.95, 0.25
"""Share of images with one answer, and how far it is above the share of that label, from which a
network is taken to answer the same whatever it is shown. All answers alike always are."""
RANDOM_ANSWERS = 1e-4
"""Relative difference of logits between passes. Source: Croce, Hein 2020, flags of their code."""
BLIND_GAIN = 0.002
"""Share broken without gradients after attacks with them. Source: as above."""
OUTSIDE = 1e-4


Certainty = Literal["measured", "likely", "suspected"]
"""How far the records show that an accuracy under attack is too high.

measured: numbers of the study contradict it: an attack broke more images, or the network does not
answer as an attack needs. likely: its gradients, or how it stands at a large eps, are as of
networks that hide their gradients, and no attack has shown it. suspected: nothing contradicts it,
but the attacks that would were not made.
"""
LIKELY = frozenset(
    {"zero gradients", "zero pixels", "no gradient", "misled gradients", "large eps"}
)
"""Checks whose failure is a sign; that of every other one is a measured contradiction."""


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

    @property
    def certainty(self) -> Certainty:
        """How far a failed check shows that the accuracy is too high."""
        return "likely" if self.name in LIKELY else "measured"


Numbers = Mapping[str, float | int | str]


def _percent(numbers: Numbers, name: str) -> str:
    return percent(float(numbers[name]))


def _gradients(numbers: Numbers) -> Finding:
    share = float(numbers["zero_gradient_share"])
    passed = share <= FLAT_SHARE
    text = (
        "The loss has a gradient to follow."
        if passed
        else "Where the loss gradient is zero an attack has nothing to follow: take the margin "
        "(cw) as its loss."
    )
    return Finding("zero gradients", passed, _percent(numbers, "zero_gradient_share"), text)


def _steps(numbers: Numbers) -> Finding:
    one, many = float(numbers["one_step_accuracy"]), float(numbers["attack_accuracy"])
    passed = many <= one + SLACK
    shown = f"{100 * one:.1f} → {percent(many)}"
    text = (
        "Many steps break at least as many images as one."
        if passed
        else "One step breaks more images than many: the step size is wrong, or gradients mislead."
    )
    return Finding("1 step → all", passed, shown, text)


def _restarts(numbers: Numbers) -> Finding:
    once, best = float(numbers["attack_accuracy"]), float(numbers["restart_accuracy"])
    passed = once - best <= RESTART_GAP
    shown = f"{100 * once:.1f} → {percent(best)}"
    text = (
        "Random restarts find little more."
        if passed
        else "Random restarts break many more images: the accuracy without them is too high."
    )
    return Finding("restarts", passed, shown, text)


def _margin(numbers: Numbers) -> Finding:
    return _variant(numbers, "margin loss", "cw_accuracy", "The margin loss")


def _towards(numbers: Numbers) -> Finding:
    return _variant(numbers, "towards classes", "targeted_accuracy", "An attack towards each class")


def _variant(numbers: Numbers, name: str, number: str, what: str) -> Finding:
    plain, other = float(numbers["attack_accuracy"]), float(numbers[number])
    passed = plain - other <= RESTART_GAP
    shown = f"{100 * plain:.1f} → {percent(other)}"
    text = (
        f"{what} finds little more."
        if passed
        else f"{what} breaks many more images: the accuracy without it is too high."
    )
    return Finding(name, passed, shown, text)


def _iterates(numbers: Numbers) -> Finding:
    low, high = float(numbers["iterates_low"]), float(numbers["iterates_high"])
    passed = low >= -OUTSIDE and high <= 1 + OUTSIDE
    text = (
        "The attack keeps to pixels in [0, 1]."
        if passed
        else "The attack shows the network pixels outside [0, 1]: where it clips its input, such "
        "an attack loses its gradient."
    )
    return Finding("pixels tried", passed, f"{low:.2g} to {high:.2g}", text)


def _zero_pixels(numbers: Numbers) -> Finding:
    share = float(numbers["zero_pixel_share"])
    passed = share <= ZERO_PIXELS
    text = (
        "The gradient is not hidden."
        if passed
        else "The gradient is exactly zero at nearly all pixels: the network hides it, and attacks "
        "that follow it do not show how robust it is."
    )
    return Finding("zero pixels", passed, _percent(numbers, "zero_pixel_share"), text)


def _followed(numbers: Numbers) -> Finding:
    share = float(numbers["no_gradient_share"])
    passed = share <= FLAT_SHARE
    text = (
        "Attacks have a gradient to follow."
        if passed
        else "Images have no gradient that an attack could follow, neither of the cross-entropy "
        "nor of the margin: that they stand says nothing."
    )
    return Finding("no gradient", passed, _percent(numbers, "no_gradient_share"), text)


def _misled(numbers: Numbers) -> Finding:
    at_random = float(numbers.get("passes_differ", 0.0)) > RANDOM_ANSWERS
    passed = at_random or float(numbers["misled_share"]) <= MISLED_SHARE
    text = (
        "Not judged: the network answers at random."
        if at_random
        else "Gradients say what a change of the image does."
        if passed
        else "There the gradient does not say what a change of the image does, so attacks that "
        "follow it are misled: level autoattack has one that does not."
    )
    return Finding("misled gradients", passed, _percent(numbers, "misled_share"), text)


def _company(numbers: Numbers) -> Finding:
    change, at_random = float(numbers["company_differs"]), float(numbers["passes_differ"])
    passed = change <= max(COMPANY, 2 * at_random)  # "repeatable" says the other
    text = (
        "An answer does not depend on the other images of its batch."
        if passed
        else "An answer depends on the other images of its batch, and so does every accuracy: "
        "batch norm has to use running statistics."
    )
    return Finding("each by itself", passed, "yes" if passed else f"± {change:.2g}", text)


def _finite(numbers: Numbers) -> Finding:
    count = int(numbers["nonfinite_images"])
    passed = count == 0
    text = (
        "All answers are finite numbers."
        if passed
        else "The network answers with NaN or infinity, which counts as wrong: its weights, or the "
        "range of its inputs, are broken."
    )
    return Finding("finite answers", passed, "all" if passed else f"{count} images not", text)


def _blind(numbers: Numbers) -> Finding:
    gain = float(numbers["blind_gain"])
    passed = gain <= BLIND_GAIN
    text = (
        "An attack without gradients finds nothing that those with them missed."
        if passed
        else "An attack without gradients breaks images that those with them left: the network "
        "hides its gradient, and its true accuracy under attack may be lower still."
    )
    return Finding("without gradients", passed, f"{percent(gain)} more", text)


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


def _answers(numbers: Numbers) -> Finding:
    answer, label = float(numbers["one_answer_share"]), float(numbers["one_label_share"])
    nearly_all = answer >= ONE_ANSWER and answer - label > MORE_THAN_LABELS
    passed = not (nearly_all or answer == 1 > label)
    text = (
        "The network tells classes apart."
        if passed
        else "So many images get one and the same answer, whatever they show: no attack can lower "
        "the accuracy of an answer that does not depend on the image."
    )
    return Finding("one answer", passed, _percent(numbers, "one_answer_share"), text)


def _repeats(numbers: Numbers) -> Finding:
    change = float(numbers["passes_differ"])
    passed = change <= RANDOM_ANSWERS
    text = (
        "Passes over the same images give the same outputs."
        if passed
        else "Passes over the same images differ: the network answers at random and needs averaged "
        "gradients, as level autoattack_rand takes them."
    )
    return Finding("repeatable", passed, "yes" if passed else f"± {change:.2g}", text)


CHECKS: dict[str, Callable[[Numbers], Finding]] = {
    "zero gradients": _gradients,
    "zero pixels": _zero_pixels,
    "misled gradients": _misled,
    "1 step → all": _steps,
    "restarts": _restarts,
    "margin loss": _margin,
    "towards classes": _towards,
    "pixels tried": _iterates,
    "large eps": _large,
    "random noise": _noise,
    "outputs": _outputs,
    "one answer": _answers,
    "repeatable": _repeats,
    "each by itself": _company,
    "finite answers": _finite,
}
"""The lines of the report card of an attack, see :mod:`engine.measures.attack_check`."""

SIGNS: dict[str, Callable[[Numbers], Finding]] = {
    "no gradient": _followed,
    "zero pixels": _zero_pixels,
    "misled gradients": _misled,
    "without gradients": _blind,
    "outputs": _outputs,
    "one answer": _answers,
    "repeatable": _repeats,
    "each by itself": _company,
    "finite answers": _finite,
}
"""Signs that an accuracy under attack is not to be trusted, whichever attacks were made."""


def findings(
    numbers: Numbers, checks: Mapping[str, Callable[[Numbers], Finding]] = CHECKS
) -> list[Finding]:
    """Return the findings from the numbers of a record; without numbers, none."""
    found = []
    for judge in checks.values():
        with suppress(KeyError):  # written by a version that did not measure this yet
            found.append(judge(numbers))
    return found
