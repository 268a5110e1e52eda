import numpy as np
import pytest
import torch

from engine import specs
from engine.jobs.context import Cancelled, Context
from engine.jobs.device_images import DeviceImages
from engine.jobs.events import Reconstructions, Scalars
from engine.manifold.generators import ARCHITECTURES, build
from engine.manifold.vae_gan import distances, train
from engine.specs.schema import SpecError
from engine.training import loop
from tests.engine.conftest import GLYPHS
from tests.engine.training.test_train import assert_same

SPEC = specs.VAEGAN(images=GLYPHS, width=0.02, latent=3, epochs=2, batch_size=50)


def run(spec, study, emit=lambda event: None):
    return train(spec, Context(spec, study, torch.device("cpu"), emit))


def images_of(channels, side, count=4):
    pixels = torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(0))
    labels = torch.zeros(count, dtype=torch.int64)
    mean = torch.zeros(channels)
    return DeviceImages(pixels, labels, pixels, labels, pixels[:0], labels[:0], mean, mean, 2)


def built(architecture, latent=5, seed=0):
    channels, side = {"mnist": (1, 28), "cifar": (3, 32)}[architecture]
    spec = specs.VAEGAN(images=GLYPHS, architecture=architecture, width=0.05, latent=latent)
    images = images_of(channels, side)
    return build(spec, images, torch.Generator().manual_seed(seed)), images


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_that_every_part_has_the_shape_of_the_protocol(architecture):
    model, images = built(architecture)
    mean, log_variance = model.latent(images.test * 2 - 1)
    assert mean.shape == log_variance.shape == (4, 5)
    made = model.reconstruct(images.test)
    assert made.shape == images.test.shape
    assert 0 <= made.min() <= made.max() <= 1
    assert model.discriminator(images.test * 2 - 1).shape == (4, 1)


def test_that_the_papers_networks_have_the_papers_sizes():
    wide = build(specs.VAEGAN(images=GLYPHS), images_of(1, 28), torch.Generator().manual_seed(0))
    sizes = {name: tuple(p.shape) for name, p in wide.named_parameters() if p.dim() > 1}
    assert sizes["encoder.10.weight"] == (20, 256 * 4 * 4)
    assert sizes["decoder.0.weight"] == (2 * 2 * 256, 10)
    assert sizes["decoder.4.weight"] == (256, 256, 4, 4)
    assert sizes["discriminator.12.weight"] == (512, 256 * 2 * 2)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_that_weights_come_from_the_generator_alone(architecture):
    torch.manual_seed(1)
    first, _ = built(architecture)
    torch.manual_seed(2)
    second, _ = built(architecture)
    for (name, a), b in zip(first.state_dict().items(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_that_the_cifar_discriminator_is_spectrally_normalised_and_the_mnist_one_is_not():
    model, _ = built("cifar")
    layer = model.discriminator[2]
    largest = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)
    assert largest.item() == pytest.approx(1, abs=0.05)
    plain, _ = built("mnist")
    assert not hasattr(plain.discriminator[0], "parametrizations")


def test_that_images_of_another_size_are_refused():
    spec = specs.VAEGAN(images=GLYPHS, architecture="cifar")
    with pytest.raises(SpecError, match="images are 28x28 px, the VAE-GAN 'cifar' takes 32x32"):
        build(spec, images_of(1, 28), torch.Generator())


def test_that_a_latent_of_nothing_is_refused():
    with pytest.raises(SpecError, match="latent is 0, must be a whole number at least 1"):
        specs.VAEGAN(images=GLYPHS, latent=0)


def test_that_a_record_holds_losses_reconstructions_and_samples(study):
    events = []
    result = run(SPEC, study, events.append)
    assert result.arrays["curve/step"][-1] == 2
    assert result.arrays["probes/reconstructions"].shape == (2, 8, 1, 28, 28)
    assert result.arrays["samples"].shape == (64, 1, 28, 28)
    assert result.numbers["explained"] < 1
    pictures = [event for event in events if isinstance(event, Reconstructions)]
    assert pictures[-1].step == 2
    assert pictures[-1].samples.shape == pictures[-1].reconstructions.shape


def test_that_a_killed_training_resumes_to_the_same_bits(study, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    whole = run(SPEC, study)
    study.drop_checkpoint(SPEC)

    def stop_in_second_epoch(event):
        if isinstance(event, Scalars) and event.step > 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(SPEC, study, stop_in_second_epoch)
    assert study.checkpoint(SPEC).documents["fit"]["epoch"] == 1
    assert_same(whole, run(SPEC, study))


def test_that_watching_changes_nothing(study, monkeypatch):
    whole = run(SPEC, study)
    monkeypatch.setattr("engine.manifold.vae_gan.PICTURES_INTERVAL", 0.0)
    assert_same(whole, run(SPEC, study))


def test_that_it_learns_to_reconstruct(study):
    spec = SPEC.replace("epochs", 12).replace("reconstruction_weight", 1.0)
    spec = spec.replace("learning_rate", 3e-3).replace("width", 0.1).replace("latent", 8)
    curve = run(spec, study).arrays["curve/reconstruction"]
    assert curve[-1] < 0.5 * curve[0]


def test_that_a_distance_is_the_length_of_the_difference(study):
    model, images = built("mnist")
    model.eval()
    context = Context(SPEC, study, torch.device("cpu"), lambda event: None)
    with torch.no_grad():
        expected = (images.test - model.reconstruct(images.test)).flatten(1).norm(dim=1)
    np.testing.assert_allclose(distances(model, images.test, context), expected, rtol=1e-5)
