import math
import threading

import pytest
import torch
from torch import nn

from engine.attacks.aim import Aim, Worst
from engine.attacks.losses import LOSSES, Objective
from engine.attacks.norms import NORMS, has_gradient, norms
from engine.attacks.pgd import fgsm, followed_gradients, pgd
from engine.attacks.table import ATTACKS, attack
from engine.networks.gradients import InputError
from engine.specs import FGSM, PGD, AttackSpec, LossAttack
from engine.specs.schema import kinds_of
from tests.engine.small_networks import (
    initialised,
    linear_network,
    losses_of,
    seeded,
    short,
    small_network,
    some_images,
)

EACH_NORM = pytest.mark.parametrize("norm", NORMS)
EACH_KIND = pytest.mark.parametrize("kind", kinds_of(AttackSpec), ids=lambda kind: kind.kind)
EACH_LED_BY_GRADIENTS = pytest.mark.parametrize(
    "kind", [kind for kind in kinds_of(AttackSpec) if kind.uses_gradient], ids=lambda k: k.kind
)
EACH_WITH_A_LOSS = pytest.mark.parametrize("kind", kinds_of(LossAttack), ids=lambda k: k.kind)


def every_attack():
    """Yield every kind in every norm with every loss, and with a random start where it has one."""
    for kind in kinds_of(AttackSpec):
        for norm, eps in (("linf", 0.05), ("l2", 0.6)):
            for loss in LOSSES if issubclass(kind, LossAttack) else [""]:
                spec = short(kind, norm=norm, eps=eps, loss=loss)
                if hasattr(spec, "step_size"):
                    spec = spec.replace("step_size", eps / 4)
                yield spec
                if hasattr(spec, "random_start"):
                    yield spec.replace("random_start", True)


def named(spec):
    return f"{spec.title}{', random' * getattr(spec, 'random_start', False)}"


EVERY_ATTACK = pytest.mark.parametrize("spec", list(every_attack()), ids=named)
EVERY_LOSS_ATTACK = pytest.mark.parametrize(
    "spec", [spec for spec in every_attack() if isinstance(spec, LossAttack)], ids=named
)


def test_that_there_is_an_attack_for_every_spec():
    assert set(ATTACKS) == {kind.kind for kind in kinds_of(AttackSpec)}


# Closed-form answers of linear networks


@EACH_NORM
@pytest.mark.parametrize("loss", LOSSES)
def test_that_fgsm_on_a_linear_network_is_one_exact_step(norm, loss):
    weight = torch.tensor([3.0, 0.0, -4.0, 0.0], dtype=torch.float64)
    images = torch.full((2, 1, 2, 2), 0.5, dtype=torch.float64)
    labels = torch.tensor([0, 1])
    adv_images = fgsm(linear_network(weight, 0.1), images, labels, norm=norm, eps=0.1, loss=loss)
    unit = weight.sign() if norm == "linf" else weight / 5
    expected = torch.stack([0.1 * unit, -0.1 * unit])
    torch.testing.assert_close((adv_images - images).flatten(1), expected)


def test_that_the_smallest_l2_attack_on_a_linear_network_is_its_margin():
    """Just below |w.x + b| / ||w|| every image resists, just above every image falls."""
    weight = torch.randn(12, generator=seeded(), dtype=torch.float64)
    images = 0.4 + 0.2 * torch.rand(20, 3, 2, 2, generator=seeded(1), dtype=torch.float64)
    model = linear_network(weight, -0.5 * weight.sum().item())
    difference = model(images).diff(dim=1)[:, 0].detach()
    labels = (difference > 0).long()
    margin = difference.abs() / weight.norm()
    for factor, right in ((0.999, True), (1.001, False)):
        for one in range(len(images)):
            adv_image = pgd(
                model,
                images[one : one + 1],
                labels[one : one + 1],
                norm="l2",
                eps=factor * margin[one].item(),
                step_size=0.05,
                steps=20,
            )
            assert (model(adv_image).argmax(1) == labels[one]).item() == right


def test_that_linf_on_a_linear_network_costs_eps_times_the_l1_norm():
    weight = torch.tensor([1.0, -2.0, 0.5, 0.0], dtype=torch.float64)
    images = torch.full((1, 1, 2, 2), 0.5, dtype=torch.float64)
    model = linear_network(weight, 0.0)
    settings = {"norm": "linf", "eps": 0.1, "step_size": 0.03, "steps": 10}
    adv_images = pgd(model, images, torch.tensor([1]), **settings)
    fall = (model(images) - model(adv_images)).diff(dim=1).item()
    assert fall == pytest.approx(0.1 * 3.5)


# The definition, step by step


def straight_line_pgd(model, images, labels, norm, eps, step_size, steps, loss, sign):
    """The paper's iteration as plainly as it can be written; yields every iterate."""
    current = images
    for _ in range(steps):
        leaf = current.clone().requires_grad_()
        logits = model(leaf)
        true = logits[range(len(labels)), labels]
        others = logits.clone()
        others[range(len(labels)), labels] = -math.inf
        if loss == "xent":
            objective = logits.exp().sum(1).log() - true
        else:
            objective = others.max(1).values - true
        (gradient,) = torch.autograd.grad(objective.sum(), leaf)
        moved = []
        for one in range(len(images)):
            g, x = gradient[one], images[one]
            step = g.sign() if norm == "linf" else g / (g.square().sum().sqrt() + 1e-12)
            delta = current[one] + sign * step_size * step - x
            if norm == "linf":
                delta = torch.minimum(torch.maximum(delta, x * 0 - eps), x * 0 + eps)
            else:
                length = delta.square().sum().sqrt().item()
                delta = delta * min(1.0, eps / length) if length > 0 else delta
            moved.append((x + delta).clamp(0, 1))
        current = torch.stack(moved).detach()
        yield current


@EACH_NORM
@pytest.mark.parametrize("loss", ["xent", "cw"])
@pytest.mark.parametrize("target", [None, 3])
def test_that_every_iterate_is_that_of_the_definition(norm, loss, target):
    model = small_network().eval()
    images, labels = some_images()
    eps, step_size = (0.1, 0.03) if norm == "linf" else (0.7, 0.3)
    goal = labels if target is None else torch.full_like(labels, target)
    sign = 1 if target is None else -1
    iterates = straight_line_pgd(model, images, goal, norm, eps, step_size, 6, loss, sign)
    for steps, expected in enumerate(iterates, start=1):
        settings = {"norm": norm, "eps": eps, "step_size": step_size, "steps": steps}
        found = pgd(model, images, labels, loss=loss, target=target, **settings)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


def test_that_a_step_longer_than_the_ball_ends_on_its_surface():
    """The paper's own setting: step 2 with eps 0.08."""
    model, (images, labels) = small_network(), some_images()
    images = 0.3 + 0.4 * images
    settings = {"norm": "l2", "eps": 0.04, "step_size": 1.0, "steps": 5}
    adv_images = pgd(model, images, labels, **settings)
    torch.testing.assert_close(
        norms(adv_images - images, "l2"), torch.full_like(images[:, 0, 0, 0], 0.04)
    )


# What holds for every attack


@EVERY_ATTACK
def test_that_an_attack_stays_in_the_ball_and_in_the_range(spec):
    model, (images, labels) = small_network().float(), some_images(dtype=torch.float32)
    images[0], images[1] = images[0].round(), 0.5
    adv_images = attack(model, images, labels, spec, generator=seeded())
    assert norms(adv_images - images, spec.norm).max() <= spec.eps + 1e-6
    assert adv_images.min() >= 0
    assert adv_images.max() <= 1
    # FAB returns images for which it found nothing; DLR is constant where the label ranks third.
    if spec.kind != "fab" and spec.loss != "dlr":
        assert norms(adv_images - images, spec.norm).min() > 0.5 * spec.eps


@EVERY_LOSS_ATTACK
def test_that_an_attack_raises_the_loss_and_a_targeted_one_lowers_the_targets(spec):
    model, (images, labels) = small_network(), some_images()
    if spec.loss == "dlr":
        labels = model.eval()(images).argmax(1)  # it is constant where the label ranks third
    adv_images = attack(model, images, labels, spec, generator=seeded())
    before = losses_of(model, images, labels, spec.loss)
    assert (losses_of(model, adv_images, labels, spec.loss) > before).all()
    if spec.loss == "dlr":
        return  # towards a target its other logits count as well
    target = torch.full_like(labels, 2)
    adv_images = attack(model, images, labels, spec.replace("target", 2), generator=seeded())
    before = losses_of(model, images, target, spec.loss)
    assert (losses_of(model, adv_images, target, spec.loss) < before).all()


@EVERY_ATTACK
def test_that_the_result_of_an_image_does_not_depend_on_its_batch(spec):
    if getattr(spec, "random_start", False):
        spec = spec.replace("random_start", False)
    if not spec.uses_gradient:
        return  # it draws for a whole batch
    model, (images, labels) = small_network(), some_images(64)
    together = attack(model, images, labels, spec)
    for one in (0, 17, 63):
        alone = attack(model, images[one : one + 1], labels[one : one + 1], spec)
        torch.testing.assert_close(alone[0], together[one], rtol=0, atol=1e-9)


@EACH_KIND
def test_that_a_large_batch_is_worked_on_in_parts_with_the_same_result(kind, monkeypatch):
    model, (images, labels) = small_network(), some_images(50)
    spec = short(kind, loss="cw")
    together = attack(model, images, labels, spec, generator=seeded())
    monkeypatch.setattr("engine.networks.gradients.PART_PIXELS", 1)
    in_parts = attack(model, images, labels, spec, generator=seeded())
    torch.testing.assert_close(in_parts, together, rtol=0, atol=1e-9)


@EACH_KIND
@EACH_NORM
def test_that_eps_zero_returns_the_images_unchanged(kind, norm):
    model, (images, labels) = small_network(), some_images()
    adv_images = attack(model, images, labels, kind(norm=norm, eps=0.0), generator=seeded())
    assert torch.equal(adv_images, images)
    assert adv_images.data_ptr() != images.data_ptr()


@EACH_LED_BY_GRADIENTS
@EACH_NORM
def test_that_images_without_a_gradient_stay_where_they_are(kind, norm):
    model, (images, labels) = small_network(), some_images()
    model[6].weight.data.zero_()
    assert not has_gradient(followed_gradients(model, images, labels)).any()
    assert torch.equal(attack(model, images, labels, short(kind, norm=norm)), images)
    assert has_gradient(followed_gradients(small_network(), images, labels)).all()


@EACH_LED_BY_GRADIENTS
def test_that_a_broken_network_does_not_break_the_images(kind):
    model, (images, labels) = small_network(), some_images()
    model[0].weight.data.fill_(math.nan)
    assert torch.equal(attack(model, images, labels, kind()), images)


@EACH_KIND
def test_that_an_empty_batch_comes_back_empty(kind):
    images, labels = some_images(0)
    empty = attack(small_network(), images, labels, kind(), generator=seeded())
    assert empty.shape == (0, 3, 6, 8)


@EACH_WITH_A_LOSS
def test_that_an_attack_is_strong_against_a_certain_network(kind):
    """With logits 40 apart p_label is 1 in float32, yet the gradient must not be lost."""
    model = linear_network([1.0, -1.0, 2.0, 0.0], 40.0).float()
    images = torch.full((1, 1, 2, 2), 0.5)
    adv_images = attack(model, images, torch.tensor([1]), kind(eps=0.1, loss="xent"))
    expected = torch.tensor([-1.0, 1.0, -1.0, 0.0])
    torch.testing.assert_close((adv_images - images).flatten().sign(), expected)


@EACH_WITH_A_LOSS
def test_that_logits_a_thousand_times_larger_do_not_stop_an_attack(kind):
    """The cross-entropy is then exactly 0 in float32, and so is its gradient."""
    model = linear_network([1.0, -1.0, 2.0, 0.0], 0.3).float()
    large = nn.Sequential(model, Scale(1000.0))
    images, labels = torch.full((1, 1, 2, 2), 0.5), torch.tensor([1])
    assert torch.autograd.functional.vjp(
        lambda x: LOSSES["xent"](large(x), labels), images, torch.ones(1)
    )[1].eq(0).all()  # fmt: skip
    spec = short(kind, eps=0.45, loss="xent", steps=20, step_size=0.1)
    adv_images = attack(large, images, labels, spec)
    assert large(adv_images).argmax(1) != labels


class Scale(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, logits):
        return self.factor * logits


# Randomness, restarts, reports


def test_that_a_seed_gives_a_result_and_another_seed_another():
    model, (images, labels) = small_network(), some_images()
    spec = PGD(random_start=True, restarts=2)
    first, again, other = (
        attack(model, images, labels, spec, generator=seeded(seed)) for seed in (5, 5, 6)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@EACH_NORM
@pytest.mark.parametrize("target", [None, 4])
def test_that_more_restarts_are_never_weaker(norm, target):
    """Equal seeds, so that the first runs are the same ones."""
    model, (images, labels) = small_network(), some_images(40)
    eps = 0.03 if norm == "linf" else 0.1
    goal = labels if target is None else torch.full_like(labels, target)
    heights, wins = [], []
    for restarts in (1, 2, 5):
        spec = PGD(norm=norm, eps=eps, steps=2, target=target, random_start=True, restarts=restarts)
        adv_images = attack(model, images, labels, spec, generator=seeded())
        loss = losses_of(model, adv_images, goal)
        hit = model.eval()(adv_images).argmax(1) == goal
        wins.append(hit if target is not None else ~hit)
        heights.append(-loss if target is not None else loss)
    for fewer, more in ((0, 1), (1, 2)):
        assert (wins[more] >= wins[fewer]).all()
        same = wins[more] == wins[fewer]
        assert (heights[more] >= heights[fewer] - 1e-12)[same].all()
    assert (heights[2] > heights[0]).any()


def test_that_among_restarts_a_misclassified_image_beats_one_of_higher_loss():
    """Three classes: the loss of class 0 can be high without another class winning."""
    high_but_right, low_but_wrong = [1.0, 0.9, 0.9], [0.0, 0.1, -9.0]
    runs = iter(
        [
            torch.tensor([high_but_right, [0.0, 1.0, -9.0]]),
            torch.tensor([low_but_wrong, high_but_right]),
            torch.tensor([high_but_right, [0.0, 2.0, -9.0]]),
        ]
    )

    class Scripted(nn.Module):
        def forward(self, images):
            return next(runs)

    classes = torch.tensor([0, 0])
    worst = Worst(Scripted(), Aim(Objective(LOSSES["xent"], classes), classes, 1.0))
    kept = [worst.of(torch.full((2, 1, 1, 1), float(run))).flatten().tolist() for run in range(3)]
    assert kept == [[0, 0], [1, 0], [1, 2]]


def test_that_a_random_start_without_a_generator_is_refused():
    images, labels = some_images()
    with pytest.raises(InputError, match="random_start is true, must then be given a generator"):
        attack(small_network(), images, labels, PGD(random_start=True))


def test_that_every_step_reports_the_losses_at_which_it_began():
    model, (images, labels) = small_network(), some_images(40)
    reports = []
    spec = PGD(steps=3, random_start=True, restarts=2)

    def report(step, losses):
        reports.append((step, losses))

    attack(model, images, labels, spec, generator=seeded(), on_step=report)
    assert [step for step, _ in reports] == list(range(6))
    assert all(losses.shape == (40,) and not losses.requires_grad for _, losses in reports)
    reports.clear()
    attack(model, images, labels, FGSM(), on_step=report)
    torch.testing.assert_close(reports[0][1], losses_of(model, images, labels))


def test_that_different_networks_are_attacked_in_several_threads_at_once():
    images, labels = some_images(20)
    models = [initialised(small_network(), seed) for seed in range(4)]
    spec = PGD(random_start=True, steps=5)
    alone = [
        attack(model, images, labels, spec, generator=seeded(i)) for i, model in enumerate(models)
    ]
    found = [None] * len(models)

    def work(i):
        found[i] = attack(models[i], images, labels, spec, generator=seeded(i))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(models))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(a, b) for a, b in zip(alone, found, strict=True))


# What is refused


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda x, y: (2 * x - 1, y),
            r"images reaches from -0\.\d+ to 0\.\d+, must lie in \[0, 1\]",
        ),
        (lambda x, y: (x * math.nan, y), "images reaches from nan"),
        (lambda x, y: ((255 * x).byte(), y), "torch.uint8, must be .N, C, H, W., floating point"),
        (lambda x, y: (x, y[:3]), r"labels has shape \(3,\).*must be \(6,\), int64"),
        (lambda x, y: (x, y.float()), "torch.float32, must be"),
        (lambda x, y: (x, y - 9), "labels holds -1"),
        (lambda x, y: (x, y + 5), "labels holds [5-9], must hold at most 4"),
    ],
)
def test_that_unusable_input_is_refused_in_one_sentence(change, message):
    with pytest.raises(InputError, match=message):
        attack(small_network(), *change(*some_images()), PGD())


def test_that_a_target_the_network_does_not_have_is_refused():
    with pytest.raises(InputError, match="target is 5, must be at most 4"):
        attack(small_network(), *some_images(), PGD(target=5))


def test_that_a_target_needs_no_labels():
    images, labels = some_images()
    unknown = torch.full_like(labels, -1)
    expected = attack(small_network(), images, labels, PGD(target=1))
    assert torch.equal(attack(small_network(), images, unknown, PGD(target=1)), expected)


def test_that_rounding_at_the_edge_of_the_range_is_accepted():
    images, labels = some_images()
    images[0, 0, 0, 0] = -3e-8
    assert attack(small_network(), images, labels, PGD()).min() >= 0
