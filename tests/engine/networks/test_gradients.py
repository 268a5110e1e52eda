import pytest
import torch
from torch import nn

from engine.attacks.table import attack
from engine.networks.gradients import InputError, evaluating, fastest_layout, logits_of, parts
from engine.specs import PGD, AttackSpec
from engine.specs.schema import kinds_of
from tests.engine.small_networks import seeded, short, small_network, some_images

EACH_KIND = pytest.mark.parametrize("kind", kinds_of(AttackSpec), ids=lambda kind: kind.kind)


@EACH_KIND
def test_that_modes_parameters_gradients_and_arguments_are_left_as_they_were(kind):
    model, (images, labels) = small_network().train(), some_images()
    model[1].eval()
    model[0].bias.requires_grad_(False)
    model(images).sum().backward()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    gradients = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    trained = [p.requires_grad for p in model.parameters()]
    modes = [module.training for module in model.modules()]
    clean, classes = images.clone(), labels.clone()
    random = torch.get_rng_state()

    attack(model, images, labels, short(kind), generator=seeded())

    assert [module.training for module in model.modules()] == modes
    assert [p.requires_grad for p in model.parameters()] == trained
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        assert (parameter.grad is None) == (gradient is None)
        assert gradient is None or torch.equal(parameter.grad, gradient)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert torch.equal(images, clean)
    assert torch.equal(labels, classes)
    assert torch.equal(torch.get_rng_state(), random)


@EACH_KIND
def test_that_raising_from_on_step_ends_the_attack_and_restores_the_network(kind):
    model, (images, _) = small_network().train(), some_images()
    model[4].eval()
    labels = logits_of(model, images).argmax(1)  # an attack may leave misclassified images alone
    seen = []

    def cancel(step, losses):
        seen.append(step)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attack(model, images, labels, short(kind, eps=1e-6), generator=seeded(), on_step=cancel)
    assert seen == [0]
    assert [module.training for module in model] == [True] * 4 + [False] + [True] * 2
    assert all(parameter.requires_grad for parameter in model.parameters())


@EACH_KIND
def test_that_an_attack_works_where_gradients_are_off_and_leaves_them_off(kind):
    model, (images, labels) = small_network(), some_images()
    expected = attack(model, images, labels, short(kind), generator=seeded())
    with torch.no_grad():
        found = attack(model, images, labels, short(kind), generator=seeded())
        assert not torch.is_grad_enabled()
    assert torch.equal(found, expected)
    assert not found.requires_grad


@EACH_KIND
def test_that_an_attack_computes_in_full_precision_inside_mixed_precision(kind):
    model, (images, labels) = small_network().float(), some_images(dtype=torch.float32)
    expected = attack(model, images, labels, short(kind, norm="l2"), generator=seeded())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = attack(model, images, labels, short(kind, norm="l2"), generator=seeded())
    assert torch.equal(found, expected)


@EACH_KIND
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_that_type_and_layout_follow_the_images(kind, layout):
    for dtype in (torch.float32, torch.float64):
        model, (images, labels) = small_network().to(dtype), some_images(dtype=dtype)
        images = images.to(memory_format=layout)
        adv_images = attack(model, images, labels, short(kind, norm="l2"), generator=seeded())
        assert adv_images.dtype == dtype
        assert adv_images.stride() == images.stride()


class Viewing(nn.Module):
    """Flattens with view, which refuses channels-last features."""

    def forward(self, features):
        return features.view(features.shape[0], -1)


def test_that_a_network_that_needs_the_plain_layout_gets_it():
    plain, viewing = small_network(), small_network()
    viewing[5] = Viewing()
    images, labels = some_images()
    for layout in (torch.contiguous_format, torch.channels_last):
        given = images.to(memory_format=layout)
        found = attack(viewing, given, labels, PGD())
        torch.testing.assert_close(found, attack(plain, images, labels, PGD()))


def test_that_a_network_is_in_evaluation_mode_and_frozen_only_inside():
    model = small_network().train()
    model[4].eval()
    model[6].bias.requires_grad_(False)

    def stop_inside():
        with evaluating(model):
            assert not any(module.training for module in model.modules())
            assert not any(parameter.requires_grad for parameter in model.parameters())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_inside()
    assert [module.training for module in model] == [True] * 4 + [False] + [True] * 2
    assert model.training
    frozen = [name for name, p in model.named_parameters() if not p.requires_grad]
    assert frozen == ["6.bias"]


@pytest.mark.parametrize(
    ("shape", "lengths"),
    [
        ((100, 3, 32, 32), [100]),
        ((101, 3, 32, 32), [51, 50]),
        ((100, 1, 28, 28), [100]),
        ((40, 3, 224, 224), [14, 14, 12]),
        ((5000, 2, 1, 1), [5000]),
        ((0, 3, 32, 32), []),
    ],
)
def test_that_the_parts_of_a_batch_cover_it_and_are_about_equal(shape, lengths):
    images = torch.empty(1, *shape[1:]).expand(shape)
    found = parts(images)
    assert [part.stop - part.start for part in found[:-1]] == lengths[:-1]
    assert [len(range(shape[0])[part]) for part in found] == lengths
    assert [n for part in found for n in range(shape[0])[part]] == list(range(shape[0]))


def test_that_only_convolutions_that_can_take_it_get_channels_last():
    images, _ = some_images()
    viewing = small_network()
    viewing[5] = Viewing()
    dense = nn.Sequential(nn.Flatten(), nn.Linear(144, 2, dtype=torch.float64))
    assert fastest_layout(small_network().eval(), images) == torch.channels_last
    assert fastest_layout(viewing.eval(), images) == torch.contiguous_format
    assert fastest_layout(dense, images) == torch.contiguous_format


def test_that_logits_are_those_of_evaluation_whatever_the_batch_size():
    model, (images, _) = small_network().float().train(), some_images(9, dtype=torch.float32)
    found = logits_of(model, images, batch_size=4)
    assert all(module.training for module in model.modules())
    assert not found.requires_grad
    torch.testing.assert_close(found, model.eval()(images).detach())
    in_bytes = (255 * images).byte()
    torch.testing.assert_close(logits_of(model, in_bytes), model(in_bytes.float() / 255).detach())
    assert len(logits_of(model, images[:0])) == 0


def test_that_cancelling_is_asked_once_a_batch_of_logits():
    asked = []
    images, _ = some_images(9)
    logits_of(small_network(), images, batch_size=4, check_cancelled=lambda: asked.append(None))
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("network", "shape"), [(nn.Identity(), "(6, 3, 6, 8)"), (nn.Flatten(0), "(864,)")]
)
def test_that_an_output_that_is_no_logits_is_refused_with_its_shape(network, shape):
    images, labels = some_images()
    for ask in (lambda: logits_of(network, images), lambda: attack(network, images, labels, PGD())):
        with pytest.raises(InputError, match=r"must be \(6, classes\)") as refused:
            ask()
        assert f"has shape {shape}" in str(refused.value)
