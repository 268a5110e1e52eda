"""The VAE-GAN as the paper's code was released, against the same facts written out in numpy."""

import numpy as np
import pytest
import torch
from torch import nn

from engine import specs
from engine.jobs.context import Context
from engine.manifold.convolutions import SpectralConv2d
from engine.manifold.generators import ARCHITECTURES, RELEASED_ARCHITECTURES, build
from engine.manifold.released import move_statistics
from engine.manifold.vae_gan import _Losses, images_used, train
from engine.training import loop
from tests.engine.conftest import GLYPHS
from tests.engine.manifold.test_vae_gan import images_of
from tests.engine.training.test_train import assert_same

SPEC = specs.VAEGAN(
    images=GLYPHS, width=0.02, latent=3, epochs=2, batch_size=50, form="released", order="file"
)


def built(architecture, seed=0, **fields):
    channels, side = {"mnist": (1, 28), "cifar": (3, 32)}[architecture]
    spec = specs.VAEGAN(
        images=GLYPHS, architecture=architecture, width=0.05, latent=5, form="released", **fields
    )
    images = images_of(channels, side)
    return build(spec, images, torch.Generator().manual_seed(seed)), images


def kinds(part):
    return [type(layer).__name__ for layer in part]


def test_that_every_architecture_has_a_released_form():
    assert set(RELEASED_ARCHITECTURES) == set(ARCHITECTURES)


@pytest.mark.parametrize("architecture", RELEASED_ARCHITECTURES)
def test_that_every_part_has_the_shape_of_the_protocol(architecture):
    model, images = built(architecture)
    mean, log_variance = model.latent(images.test * 2 - 1)
    assert mean.shape == log_variance.shape == (4, 5)
    made = model.reconstruct(images.test)
    assert made.shape == images.test.shape
    assert 0 <= made.min() <= made.max() <= 1
    assert model.discriminator(images.test * 2 - 1).shape == (4, 1)


@pytest.mark.parametrize("architecture", RELEASED_ARCHITECTURES)
def test_that_batch_norm_follows_the_activation_and_every_layer_has_a_bias(architecture):
    model, _ = built(architecture)
    down = ["SameConv2d", "ReLU", "BatchNorm2d"] * 3
    assert kinds(model.encoder) == [*down, "Flatten", "Linear", "BatchNorm1d"]
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            assert module.bias is not None
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            assert (module.eps, module.momentum) == (1e-3, pytest.approx(1 - 0.99))


def test_that_the_heads_of_the_decoders_differ():
    head = {"mnist": ["Linear", "ReLU", "BatchNorm1d"], "cifar": ["Linear", "Unflatten"]}
    for architecture, layers in head.items():
        model, _ = built(architecture)
        assert kinds(model.decoder)[: len(layers)] == layers


def test_that_the_papers_networks_have_the_papers_sizes():
    spec = specs.VAEGAN(images=GLYPHS, form="released")
    wide = build(spec, images_of(1, 28), torch.Generator().manual_seed(0))
    sizes = [tuple(p.shape) for p in wide.decoder.parameters() if p.dim() > 1]
    assert sizes[:3] == [(1024, 10), (256, 256, 4, 4), (256, 128, 4, 4)]
    assert [p.shape[0] for p in wide.discriminator.parameters() if p.dim() > 1][-2:] == [512, 1]


# ------------------------------------------------------------------------------------ spectral norm


def operator(weight, side, stride):
    """Return the convolution with "SAME" padding of TensorFlow as a matrix, entry by entry."""
    after, before, kernel, _ = weight.shape
    out = -(-side // stride)
    start = max(0, (out - 1) * stride + kernel - side) // 2
    matrix = np.zeros((after, out, out, before, side, side))
    for i in range(out):
        for j in range(out):
            for a in range(kernel):
                for b in range(kernel):
                    y, x = i * stride + a - start, j * stride + b - start
                    if 0 <= y < side and 0 <= x < side:
                        matrix[:, i, j, :, y, x] += weight[:, :, a, b]
    return matrix.reshape(after * out * out, before * side * side)


@pytest.mark.parametrize(("kernel", "stride", "side"), [(3, 1, 6), (4, 2, 6), (4, 2, 5)])
def test_that_the_weight_is_divided_by_the_largest_singular_value_of_the_convolution(
    kernel, stride, side
):
    generator = torch.Generator().manual_seed(0)
    layer = SpectralConv2d(2, 3, kernel, stride, side)
    nn.init.normal_(layer.weight, generator=generator)
    nn.init.normal_(layer.image, generator=generator)
    image = torch.rand(2, 2, side, side, generator=generator)
    for _ in range(200):
        found = layer(image)
    matrix = operator(layer.weight.detach().numpy().astype(np.float64), side, stride)
    sigma = np.linalg.svd(matrix, compute_uv=False)[0]
    assert sigma > 1.5
    flat = image.flatten(1).numpy() @ (matrix / sigma).T
    bias = np.repeat(layer.bias.detach().numpy(), flat.shape[1] // 3)
    np.testing.assert_allclose(found.detach().flatten(1), flat + bias, rtol=1e-3, atol=1e-4)
    as_matrix = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2).item()
    assert abs(as_matrix - sigma) > 0.05 * sigma  # what torch's spectral_norm divides by


def test_that_a_convolution_that_shortens_images_is_left_alone():
    layer = SpectralConv2d(1, 2, 3, 1, 5)
    with torch.no_grad():
        layer.weight.copy_(torch.rand(2, 1, 3, 3, generator=torch.Generator().manual_seed(0)) / 20)
    nn.init.ones_(layer.image)
    image = torch.rand(1, 1, 5, 5)
    plain = nn.functional.conv2d(image, layer.weight, layer.bias, padding=1)
    assert torch.equal(layer(image), plain)


def test_that_one_step_of_the_iteration_is_taken_a_pass_and_kept_in_training_only():
    layer = SpectralConv2d(1, 2, 3, 1, 4)
    start = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    layer.image = start.clone()
    matrix = operator(layer.weight.detach().numpy(), 4, 1)
    v = matrix @ start.flatten().numpy()
    u = matrix.T @ (v / np.linalg.norm(v))
    layer.eval()
    layer(torch.zeros(1, 1, 4, 4))
    assert torch.equal(layer.image, start)
    layer.train()
    layer(torch.zeros(1, 1, 4, 4))
    np.testing.assert_allclose(layer.image.flatten(), u / np.linalg.norm(u), atol=1e-5)


def test_that_every_convolution_of_the_cifar_discriminator_is_normalised_and_its_end_is_not():
    model, _ = built("cifar")
    convolutions = [layer for layer in model.discriminator if isinstance(layer, nn.Conv2d)]
    assert all(isinstance(layer, SpectralConv2d) for layer in convolutions)
    assert [layer.image.shape[-1] for layer in convolutions] == [32, 32, 16, 16, 8, 8, 4]
    assert type(model.discriminator[-1]) is nn.Linear
    assert not hasattr(model.discriminator[-1], "parametrizations")


# ------------------------------------------------------------------------------------------ batches


def test_that_only_the_statistics_of_the_own_part_move():
    model, images = built("mnist")
    pixels = images.test * 2 - 1
    norm = model.encoder[2]
    move_statistics(model, model.decoder)
    model.latent(pixels)
    assert norm.running_mean.abs().max() == 0
    move_statistics(model, model.encoder)
    active = nn.functional.relu(model.encoder[0](pixels)).detach()
    model.latent(pixels)
    mean = active.numpy().mean((0, 2, 3))
    spread = active.numpy().var((0, 2, 3), ddof=1)
    np.testing.assert_allclose(norm.running_mean, 0.01 * mean, rtol=1e-4)
    np.testing.assert_allclose(norm.running_var, 0.99 + 0.01 * spread, rtol=1e-4)


def moves(study, monkeypatch, form):
    """Return by part how often the running statistics of its first norm changed in one step."""
    counts, spec = {}, SPEC.replace("form", form).replace("epochs", 1).replace("batch_size", 200)
    real = nn.BatchNorm2d.forward

    def forward(self, features):
        before = self.running_mean.clone()
        made = real(self, features)
        counts[self] = counts.get(self, 0) + int(not torch.equal(before, self.running_mean))
        return made

    monkeypatch.setattr(nn.BatchNorm2d, "forward", forward)
    train(spec, Context(spec, study, torch.device("cpu"), lambda event: None))
    monkeypatch.undo()
    return sorted(counts.values())


def test_that_a_step_moves_each_statistic_as_often_as_in_the_released_code(study, monkeypatch):
    # Encoder once (3 norms), decoder twice (3), discriminator three times (3).
    assert moves(study, monkeypatch, "released") == [1] * 3 + [2] * 3 + [3] * 3
    # Encoder in all 3 steps; decoder once, twice and twice; discriminator in two steps.
    assert moves(study, monkeypatch, "corrected") == [3] * 3 + [5] * 6


def test_that_the_gan_losses_have_a_floor_in_their_logarithms():
    logits = np.array([[-40.0], [-2.0], [0.5], [30.0]])
    p = 1 / (1 + np.exp(-logits.astype(np.float32)))
    losses = _Losses(built("mnist")[0], SPEC, torch.Generator())
    given = torch.tensor(logits, dtype=torch.float32)
    real = -np.log(p + np.float32(1e-8)).mean()
    fake = -np.log(1 - p + np.float32(1e-8)).mean()
    assert losses._minus_log(given).item() == pytest.approx(real, rel=1e-5)
    assert losses._minus_log(given, complement=True).item() == pytest.approx(fake, rel=1e-5)
    exact = _Losses(built("mnist")[0], SPEC.replace("form", "corrected"), torch.Generator())
    assert exact._minus_log(given).item() == pytest.approx(np.log1p(np.exp(-logits)).mean())
    assert losses._minus_log(given[:1]).item() == pytest.approx(-np.log(1e-8), rel=1e-5)


@pytest.mark.parametrize(("count", "used"), [(200, 200), (149, 150), (120, 100), (175, 175)])
def test_that_the_number_of_batches_is_rounded(count, used):
    assert images_used(count, SPEC) == min(count, used)
    assert images_used(count, SPEC.replace("form", "corrected")) == count


def test_that_a_released_training_is_recorded_and_resumes_to_the_same_bits(study, monkeypatch):
    from engine.jobs.context import Cancelled
    from engine.jobs.events import Scalars

    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    emit = {"emit": lambda event: None}
    whole = train(SPEC, Context(SPEC, study, torch.device("cpu"), **emit))
    study.drop_checkpoint(SPEC)

    def stop_in_second_epoch(event):
        if isinstance(event, Scalars) and event.step > 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(SPEC, Context(SPEC, study, torch.device("cpu"), stop_in_second_epoch))
    assert study.checkpoint(SPEC).documents["fit"]["epoch"] == 1
    assert_same(whole, train(SPEC, Context(SPEC, study, torch.device("cpu"), **emit)))


def test_that_a_step_of_the_released_cifar_networks_reaches_every_weight():
    model, images = built("cifar")
    losses = _Losses(model, SPEC.replace("latent", 5), torch.Generator().manual_seed(0))
    weights = list(model.discriminator.parameters())
    pixels = images.test * 2 - 1
    gradients = torch.autograd.grad(losses.discriminator(pixels), weights)
    assert all(gradient.isfinite().all() and gradient.any() for gradient in gradients)
