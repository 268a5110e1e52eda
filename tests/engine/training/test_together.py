"""Trainings computed as one, with their attacks: each must be what it is alone."""

import copy
import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from engine import specs
from engine.attacks.joined import Joined
from engine.attacks.table import attack
from engine.devices import graphs
from engine.devices.graphs import Generators
from engine.jobs.context import Cancelled, Context
from engine.jobs.events import Notice, ProbeMaps, Scalars, Snapshot
from engine.jobs.together import Together
from engine.networks.stacked import Stacked
from engine.specs.schema import SpecError
from engine.store.study import Result
from engine.training import loop, probes
from engine.training import train as training_module
from engine.training.loop import Checkpoints
from engine.training.schemes import SCHEMES, Scheme
from engine.training.together import stack
from engine.training.together.stack import Stack
from engine.training.together.trainings import TRAININGS, alike, train_all, why_alone
from engine.training.train import batch_of, train
from tests.engine.conftest import training
from tests.engine.networks.test_stacked import apart, members_of
from tests.engine.training.stopping import leave_after
from tests.engine.training.test_capture import WARM_UP, Pretended

CPU = torch.device("cpu")
FEW = specs.Glyphs(train=60, test=30)
PGD = specs.PGD(eps=0.1, step_size=0.05, steps=3, random_start=True)
SCHEMES_HERE = {
    "standard": specs.Standard(),
    "gaussian_noise": specs.GaussianNoise(),
    "pgd linf": specs.Adversarial(attack=PGD),
    "pgd l2": specs.Adversarial(attack=PGD.replace("norm", "l2")),
    "pgd from the image": specs.Adversarial(attack=PGD.replace("random_start", False)),
    "pgd released l2": specs.Adversarial(attack=replace(PGD, norm="l2", form="released")),
    "pgd cw": specs.Adversarial(attack=PGD.replace("loss", "cw")),
    "pgd warmed up": specs.Adversarial(attack=PGD, warmup=1.5),
    "fgsm linf": specs.Adversarial(attack=specs.FGSM(eps=0.1)),
    "fgsm l2": specs.Adversarial(attack=specs.FGSM(norm="l2", eps=0.1)),
    "trades": specs.TRADES(attack=PGD),
    "mart": specs.MART(attack=PGD),
    "fast_at": specs.FastAT(eps=0.1),
    "n_fgsm": specs.NoisyFGSM(eps=0.1),
    "awp": specs.Adversarial(attack=PGD, awp=0.02),
    "trades with awp": specs.TRADES(attack=PGD, awp=0.02),
    "mart with awp": specs.MART(attack=PGD, awp=0.02),
    "gradient penalty l1": specs.GradientPenalty(size="l1", weight=0.1),
    "gradient penalty l2": specs.GradientPenalty(weight=0.1),
    "edge gradients": specs.EdgeGradients(),
    "edge gradients by size": specs.EdgeGradients(compared="size", sigma=0.0),
    "class means": specs.AlignedGradients(classes=2),
    "one image": specs.AlignedGradients(target="one_image"),
    "nearest images": specs.AlignedGradients(target="nearest", candidates=3, classes=2),
    "free_at": specs.FreeAT(eps=0.1, replays=2),
    "grad_align": specs.GradAlign(eps=0.1, weight=0.3),
}
FIELDS = {
    "sgd cosine": {"optimizer": specs.SGD(learning_rate=0.05, schedule="cosine", momentum=0.9)},
    "released adam": {"optimizer": specs.Adam(form="released")},
    "in stored order": {"order": "file"},
    "smoothed": {"label_smoothing": 0.1},
    "best epoch": {"images": FEW.replace("validation", 0.4), "weights": "best"},
    "smoothing layers": {"network": specs.SmallCNN(width=4, hidden=16, feature_smoothing=True)},
    "averaged": {"averaging": 0.9},
    "averaged best epoch": {"averaging": 0.9, "weights": "best",
                            "images": FEW.replace("validation", 0.4)},
    "augmented": {"augmentation": specs.Augmentation(
        padding=2, flip=True, operations=1, brightness=0.2, contrast=0.2)},
    "all of it": {"averaging": 0.9, "augmentation": specs.Augmentation(padding=2),
                  "scheme": specs.Adversarial(attack=PGD, awp=0.02), "label_smoothing": 0.1},
    "points of one pixel": {"images": specs.Gaussians2D(), "network": specs.PaperMLP(),
                            "batch_size": 300},
}  # fmt: skip
TRICKY = ("awp", "gradient penalty l1", "edge gradients", "nearest images", "free_at", "grad_align")
"""Schemes whose step has more to do than to take the mean of a loss."""
BESIDE = ("averaged best epoch", "augmented", "all of it")
LENGTHS = ((0.1, 0.05), (0.02, 0.03), (0.3, 0.01), (0.0, 0.05))


@pytest.fixture(autouse=True)
def no_checkpoints(monkeypatch):
    """A second run of the same spec would go on from a checkpoint that a slow first one saved."""
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 1e9)
    monkeypatch.setattr(stack, "SAVE_SECONDS", 1e9)


def short(**fields):
    """Return a training of 2 epochs of 3 steps, the last of them short."""
    return training(**{"images": FEW, "batch_size": 25, "evaluation_images": 20, **fields})


def different(scheme=SCHEMES_HERE["pgd linf"], **fields):
    """Return members that differ in all that members may differ in."""
    found = []
    for seed, (eps, step) in enumerate(LENGTHS):
        own = scheme
        if "attack" in own.parameters():
            lengths = {"eps": eps, "step_size": step} if own.attack.kind == "pgd" else {"eps": eps}
            own = replace(own, attack=replace(own.attack, **lengths))
        found.append(short(scheme=own, seed=seed, **fields))
    found[1] = replace(found[1], live_maps=specs.IntegratedGradients(steps=2), epoch_images=9)
    found[2] = replace(found[2], evaluation=specs.FGSM(eps=0.2), evaluation_images=30)
    return found


def named(name):
    """Return members of a scheme, or of fields, by their name here."""
    return different(SCHEMES_HERE[name]) if name in SCHEMES_HERE else different(**FIELDS[name])


def contexts_of(members, study, emit=lambda event: None):
    return [Context(spec, study, CPU, emit) for spec in members]


def computed_alone(members, study):
    pairs = zip(members, contexts_of(members, study), strict=True)
    return [train(spec, context) for spec, context in pairs]


def computed_together(contexts):
    found = {}

    def ended(context, outcome):
        assert context.spec.key not in found
        found[context.spec.key] = outcome

    train_all(contexts, ended)
    return [found[context.spec.key] for context in contexts]


@pytest.fixture
def in_float64(monkeypatch):
    """Compute in float64, where another order of sums changes nothing that could grow."""
    drawn, read = training_module.first_network, training_module.trainable

    def wide(context, spec):
        images = read(context, spec)
        parts = {name: getattr(images, name) for name in ("train", "test", "validation")}
        return replace(images, **{
            name: of.double().div(255) if of.dtype == torch.uint8 else of.double()
            for name, of in parts.items()
        })  # fmt: skip

    monkeypatch.setattr(training_module, "first_network", lambda *a: drawn(*a).double())
    monkeypatch.setattr(training_module, "trainable", wide)


def assert_close(found, expected, most=1e-10):
    assert isinstance(found, Result), found
    assert found.numbers.keys() == expected.numbers.keys()
    for name, number in expected.numbers.items():
        exact = name != "loss"
        assert found.numbers[name] == (number if exact else pytest.approx(number, rel=most)), name
    assert found.arrays.keys() == expected.arrays.keys()
    for name, array in expected.arrays.items():
        if array.dtype.kind != "f":
            np.testing.assert_array_equal(found.arrays[name], array, err_msg=name)
            continue
        assert found.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(np.isfinite(found.arrays[name]), np.isfinite(array))
        one, two = (np.nan_to_num(a.astype(np.float64)) for a in (found.arrays[name], array))
        assert np.linalg.norm(one - two) <= most * np.linalg.norm(two), name


def assert_same(found, expected):
    assert found.numbers == expected.numbers
    for name, array in expected.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array, err_msg=name)


@pytest.mark.parametrize("name", SCHEMES_HERE)
def test_that_every_member_of_a_scheme_is_what_it_is_alone(name, study, in_float64):
    members = different(SCHEMES_HERE[name])
    alone = computed_alone(members, study)
    for found, expected in zip(computed_together(contexts_of(members, study)), alone, strict=True):
        assert_close(found, expected)


@pytest.mark.parametrize("name", FIELDS)
def test_that_every_member_of_other_trainings_is_what_it_is_alone(name, study, in_float64):
    members = different(**FIELDS[name])
    alone = computed_alone(members, study)
    for found, expected in zip(computed_together(contexts_of(members, study)), alone, strict=True):
        assert_close(found, expected)


def test_that_every_member_with_frozen_layers_is_what_it_is_alone(study, in_float64):
    starts = [short(seed=seed) for seed in (7, 8)]
    for start, result in zip(starts, computed_alone(starts, study), strict=True):
        study.write(start, result, seconds=1.0, provenance={})
    for head in ("same", "replaced"):
        members = [
            replace(one, start=starts[place % 2], start_head=head, frozen=True)
            for place, one in enumerate(different(specs.Adversarial(attack=PGD, awp=0.02)))
        ]
        alone = computed_alone(members, study)
        together = computed_together(contexts_of(members, study))
        for spec, found, expected in zip(members, together, alone, strict=True):
            assert_close(found, expected)
            assert changed(found, study.read(spec.start)) == {
                "weights/network.dense2.weight", "weights/network.dense2.bias"
            }  # fmt: skip


def changed(found, begun):
    """Return the weights that are not those of a start, which are read as float32."""
    return {
        name
        for name, array in found.arrays.items()
        if name.startswith("weights/")
        and not np.array_equal(array.astype(np.float32), begun.arrays[name].astype(np.float32))
    }


@pytest.mark.parametrize("name", SCHEMES_HERE)
def test_that_the_first_step_of_a_scheme_in_float32_differs_by_rounding_alone(name, study):
    members = [
        one.replace("optimizer", specs.SGD(learning_rate=1e-3))
        for one in different(SCHEMES_HERE[name])
    ]
    indices = torch.arange(25)
    runs = [training_module.Run(c.spec, c) for c in contexts_of(members, study)]
    alone = []
    for run in runs:
        run.state.model.train()
        before = copy.deepcopy(run.state.model.state_dict())
        run._take(2.0, indices)
        alone.append(torch.cat([p.grad.flatten() for p in run.state.model.parameters()]))
        run.state.model.load_state_dict(before)
    contexts = contexts_of(members, study)
    runs = [training_module.Run(context.spec, context) for context in contexts]
    made = Stack(TRAININGS, runs, Together(contexts, lambda context, error: None))
    made._state.model.train()
    made._step.take(2.0, indices.expand(len(members), -1))
    found = [p.grad.flatten(1) for p in made._state.model.parameters()]
    errors = [
        apart(torch.cat([part[place] for part in found]), one) for place, one in enumerate(alone)
    ]
    # The attack of TRADES begins where the divergence is nearly flat: signs are those of rounding.
    assert sorted(errors)[len(errors) // 2] < (1e-3 if name.startswith("trades") else 1e-5), errors
    assert max(errors) < 5e-3, errors


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_that_the_first_gradients_in_float32_differ_by_rounding_alone(norm, study):
    """Of the loss at attacked images, which a choice near a tie may move in either."""
    members = different(specs.Adversarial(attack=PGD.replace("norm", norm)))
    runs = [training_module.Run(one, context) for one, context in
            zip(members, contexts_of(members, study), strict=True)]  # fmt: skip
    images, indices = runs[0].images, torch.arange(25)
    pixels, labels = images.train[indices].float() / 255, images.train_labels[indices]
    together = Stacked([run.state.model for run in runs])
    joined = Joined([one.scheme.attack for one in members], CPU)

    def gradients(model, attacked, labels, count):
        batch = batch_of(members[0], images, 0.0, None, None, count)
        loss = batch.loss(model(attacked), labels).sum()
        return torch.autograd.grad(loss, list(model.parameters()))

    def seeded():
        return [torch.Generator().manual_seed(seed) for seed in range(len(members))]

    repeated = labels.repeat(len(members))
    attacked = attack(together, pixels.repeat(len(members), 1, 1, 1), repeated, joined.on(25),
                      generator=Generators(seeded()))  # fmt: skip
    found = gradients(together, attacked, repeated, len(members))
    errors = []
    for place, (run, source) in enumerate(zip(runs, seeded(), strict=True)):
        own = attack(run.state.model, pixels, labels, members[place].scheme.attack,
                     generator=source)  # fmt: skip
        expected = gradients(run.state.model, own, labels, 1)
        errors.append(apart(torch.cat([g[place].flatten() for g in found]),
                            torch.cat([g.flatten() for g in expected])))  # fmt: skip
    assert sorted(errors)[len(errors) // 2] < 1e-5
    assert max(errors) < 5e-3


def test_that_large_batches_of_a_stack_are_not_divided_among_wrong_members():
    """On a CPU a network is given large batches in parts; 4 x 300 images would be several."""
    spec = specs.SmallCNN(width=2, hidden=4)
    members = [member.eval() for member in members_of(spec, (1, 28, 28))]
    images = torch.rand(3, 300, 1, 28, 28, dtype=torch.float64)
    labels = torch.randint(5, (3, 300))
    trades = attack(Stacked(members).eval(), images.flatten(0, 1), labels.flatten(),
                    specs.PGD(eps=0.1, step_size=0.03, steps=2))  # fmt: skip
    for place, member in enumerate(members):
        own = attack(member, images[place], labels[place], specs.PGD(eps=0.1, step_size=0.03,
                                                                     steps=2))  # fmt: skip
        torch.testing.assert_close(trades.view_as(images)[place], own, rtol=0, atol=1e-12)


def test_that_attacks_on_a_stack_are_never_in_half_precision():
    spec = specs.SmallCNN(width=2, hidden=4)
    stacked = Stacked(members_of(spec, (1, 28, 28), torch.float32)).eval()
    images, labels = torch.rand(6, 1, 28, 28), torch.randint(5, (6,))
    exact = attack(stacked, images, labels, PGD.replace("random_start", False))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = stacked(images)
        found = attack(stacked, images, labels, PGD.replace("random_start", False))
    assert torch.equal(found, exact)
    assert not torch.equal(rounded.float(), stacked(images))


def test_that_a_captured_stack_gives_the_bits_of_an_eager_one(study, monkeypatch):
    members = different()
    eager = computed_together(contexts_of(members, study))
    monkeypatch.setitem(graphs.GRAPHS, "cpu", made := Pretended())
    contexts = contexts_of(members, study)
    for found, expected in zip(computed_together(contexts), eager, strict=True):
        assert_same(found, expected)
    assert (made.captures, made.replays) == (1, 2 * 2 - WARM_UP)  # of 25 images; not the short ones
    assert [context.provenance for context in contexts] == [
        {"way": "stacked", "width": 4, "place": place, "graph": "yes"} for place in range(4)
    ]


def test_that_each_tells_what_it_tells_alone(study, in_float64, monkeypatch):
    monkeypatch.setattr("engine.training.probes.MAPS_INTERVAL", 1e9)
    for members in (different(), different(**FIELDS["points of one pixel"])):
        alone, together = [], []
        for spec, context in zip(members, contexts_of(members, study, alone.append), strict=True):
            train(spec, context)
        computed_together(contexts_of(members, study, together.append))
        for kind in (Scalars, Snapshot, Notice, ProbeMaps):
            for spec in members:
                found, expected = (
                    [event for event in told if isinstance(event, kind) and event.key == spec.key]
                    for told in (together, alone)
                )
                assert len(found) == len(expected)
                for one, two in zip(found, expected, strict=True):
                    if kind is Scalars:
                        assert (one.step, one.values) == (two.step, pytest.approx(two.values))
                    elif kind is Notice:
                        assert one == two
                    elif kind is ProbeMaps:
                        np.testing.assert_allclose(
                            one.attributions, two.attributions, rtol=1e-8, atol=1e-10
                        )
                    else:
                        for name, array in two.weights.items():
                            np.testing.assert_allclose(one.weights[name], array, atol=1e-10)


def test_that_live_maps_show_the_weights_of_the_moment_and_share_their_time(study, monkeypatch):
    monkeypatch.setattr("engine.training.probes.MAPS_INTERVAL", 0.0)
    monkeypatch.setattr("engine.training.probes.MAPS_SHARE", 1e9)
    members, told = different(), []
    computed_together(contexts_of(members, study, told.append))
    for spec in members:
        maps = [e for e in told if isinstance(e, ProbeMaps) and e.key == spec.key]
        assert len(maps) >= 6  # after every step, and after every epoch
        for one, two in itertools.pairwise(maps[:3]):
            assert not np.array_equal(one.attributions, two.attributions)


def test_that_members_share_the_time_for_live_maps(study, monkeypatch):
    contexts = contexts_of(different(), study)
    runs = [training_module.Run(context.spec, context) for context in contexts]
    Stack(TRAININGS, runs, Together(contexts, lambda context, error: None))
    assert [run.probes.sharing for run in runs] == [4, 4, 4, 4]
    ticks = itertools.count()  # maps take a second, and a tenth of the time is theirs
    monkeypatch.setattr(probes, "time", SimpleNamespace(monotonic=lambda: float(next(ticks))))
    runs[0].probes.send(runs[0].network, 0.0)
    assert runs[0].probes._due == 1 + 4 * 10


@pytest.mark.parametrize("name", ["pgd linf", "nearest images", "free_at", "averaged"])
def test_that_a_member_goes_on_from_its_own_checkpoint(name, study, in_float64, monkeypatch):
    beside = {"averaging": 0.9} if name == "averaged" else {"scheme": SCHEMES_HERE[name]}
    members = different(**beside, epochs=3, images=FEW.replace("validation", 0.4), weights="best")
    unbroken = computed_together(contexts_of(members, study))
    leave_after(monkeypatch, 1, lambda: computed_together(contexts_of(members, study)))
    leave_after(monkeypatch, 2, lambda: computed_together(contexts_of(members[1:], study)))
    # The first one stands at epoch 1, the others at 2: they are trained in two stacks.
    assert {int(study.checkpoint(one).documents["fit"]["epoch"]) for one in members} == {1, 2}
    # What a stack saved, one alone goes on with, and the other way round.
    assert_close(computed_alone(members[1:2], study)[0], unbroken[1])
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save_if_due", lambda self, state: self.save(state))
        patch.setattr(training_module.Run, "result", lambda self: None)
        computed_alone(members[2:3], study)
    assert int(study.checkpoint(members[2]).documents["fit"]["epoch"]) == 3
    for found, expected in zip(
        computed_together(contexts_of(members, study)), unbroken, strict=True
    ):
        assert_close(found, expected)


@pytest.mark.parametrize("name", ["pgd linf", *TRICKY, *BESIDE])
def test_that_a_cancelled_member_leaves_and_the_others_do_not_notice(name, study):
    members = named(name)
    undisturbed = computed_together(contexts_of(members, study))
    contexts, points = contexts_of(members, study), []
    original = Stack._on_sum

    def cancelling(self, step, total, seen):
        original(self, step, total, seen)
        points.append(step)
        if len(points) == 2:
            contexts[2].control.cancel()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stack, "_on_sum", cancelling)
        found = computed_together(contexts)
    assert isinstance(found[2], Cancelled)
    for place in (0, 1, 3):
        assert_same(found[place], undisturbed[place])


@pytest.mark.parametrize("name", ["pgd linf", *TRICKY, *BESIDE])
def test_that_a_network_of_nan_ends_alone_and_changes_no_bit_of_another(name, study, monkeypatch):
    members = named(name)
    clean = computed_together(contexts_of(members, study))
    original = training_module.first_network

    def poisoned(spec, context, images):
        model = original(spec, context, images)
        if spec == members[1]:
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.fill_(torch.nan)
        return model

    monkeypatch.setattr(training_module, "first_network", poisoned)
    found = computed_together(contexts_of(members, study))
    assert isinstance(found[1], SpecError)
    assert "the loss became nan in epoch 0." in str(found[1])
    for place in (0, 2, 3):
        assert_same(found[place], clean[place])


def test_that_a_member_whose_evaluation_fails_ends_alone(study, monkeypatch):
    members = different()
    clean = computed_together(contexts_of(members, study))
    original = training_module.Run._evaluate_epoch

    def failing(self):
        if self.spec == members[3] and self.state.epoch == 2:
            raise RuntimeError("no accuracy today")
        original(self)

    monkeypatch.setattr(training_module.Run, "_evaluate_epoch", failing)
    found = computed_together(contexts_of(members, study))
    assert str(found[3]) == "no accuracy today"
    for place in range(3):
        assert_same(found[place], clean[place])


def test_that_it_stops_when_all_have_failed(study, monkeypatch):
    def failing(self):
        raise RuntimeError("no accuracy today")

    monkeypatch.setattr(training_module.Run, "_evaluate_epoch", failing)
    found = computed_together(contexts_of(different(epochs=10_000), study))
    assert [str(error) for error in found] == ["no accuracy today"] * 4


def test_that_halves_are_tried_when_memory_runs_out_also_in_an_evaluation(study, monkeypatch):
    widths = []
    evaluate, run = training_module.Run._evaluate_epoch, Stack.run

    def counted(self):
        widths.append(len(self._members))
        run(self)

    def lacking(self):
        if widths[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        evaluate(self)

    monkeypatch.setattr(Stack, "run", counted)
    monkeypatch.setattr(training_module.Run, "_evaluate_epoch", lacking)
    found = computed_together(contexts_of([*different(), short(seed=7, scheme=specs.Adversarial(
        attack=PGD))], study))  # fmt: skip
    assert all(isinstance(outcome, Result) for outcome in found)
    assert widths == [5, 3, 2, 1, 2]


def test_that_those_for_which_there_is_no_room_wait_for_the_others(study, monkeypatch):
    widths, begun = [], []
    drawn, run = training_module.first_network, Stack.run

    def lacking(spec, context, images):
        begun.append(spec.seed)
        if begun == [0, 1, 2]:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return drawn(spec, context, images)

    def counted(self):
        widths.append(len(self._members))
        run(self)

    monkeypatch.setattr(training_module, "first_network", lacking)
    monkeypatch.setattr(Stack, "run", counted)
    found = computed_together(contexts_of(different(), study))
    assert all(isinstance(outcome, Result) for outcome in found)
    assert (widths, begun) == ([2, 2], [0, 1, 2, 2, 3])


def test_what_is_alike():
    first = different()[0]
    assert all(alike(first, other) for other in different())
    others = {
        "epochs": 3,
        "batch_size": 50,
        "order": "file",
        "precision": "tf32",
        "label_smoothing": 0.1,
        "optimizer": specs.SGD(),
        "network": specs.SmallCNN(width=8, hidden=16),
        "images": specs.Glyphs(),
        "scheme.warmup": 1.0,
        "scheme.attack.steps": 4,
        "scheme.attack.norm": "l2",
        "scheme.attack.random_start": False,
        "scheme.attack.loss": "cw",
        "scheme.attack": specs.FGSM(eps=0.1),
        "scheme": specs.Standard(),
        "scheme.awp": 0.01,
        "averaging": 0.9,
        "augmentation": specs.Augmentation(padding=2),
    }
    for field, value in others.items():
        assert not alike(first, first.replace(field, value)), field
    for scheme in (specs.TRADES(attack=PGD), specs.FastAT(eps=0.1)):
        weaker = scheme.replace("eps" if scheme.kind == "fast_at" else "beta", 0.05)
        assert alike(short(scheme=scheme), short(scheme=scheme, seed=3))
        assert not alike(short(scheme=scheme), short(scheme=weaker))


def test_what_is_computed_alone_says_why():
    alone = {
        "network": (specs.ResNet18(), "resnet18 fills a GPU alone"),
        "scheme.attack": (specs.APGD(eps=0.1), "apgd decides by values"),
        "scheme.attack.restarts": (2, "pgd decides by values"),
        "scheme.attack.target": (1, "pgd decides by values"),
    }
    first = different()[0]
    assert why_alone(first) == ""
    for field, (value, reason) in alone.items():
        other = first.replace(field, value)
        assert not alike(other, other), field
        assert why_alone(other).startswith(reason), field


def test_that_a_scheme_that_says_nothing_is_computed_alone(monkeypatch):
    spec = short(scheme=specs.Standard())
    monkeypatch.setitem(SCHEMES, "standard", Scheme(SCHEMES["standard"].step))
    assert why_alone(spec) == "standard: its step may mix the numbers of several networks"
    assert not alike(spec, spec)


def test_that_every_scheme_is_compared_with_itself_alone():
    assert {scheme.kind for scheme in SCHEMES_HERE.values()} == {
        kind for kind, row in SCHEMES.items() if not row.alone
    }
