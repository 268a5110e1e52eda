"""Train the VAE-GAN that approximates the image manifold.

Source: Larsen 2016; Kim, Seo, Jeon 2019, distance to the manifold.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.jobs.context import Context
from engine.jobs.device_images import DeviceImages, device_images, layout, probe_indices
from engine.jobs.events import Reconstructions, Scalars
from engine.manifold.generators import Generator, build
from engine.manifold.released import move_statistics
from engine.networks.gradients import as_unit
from engine.specs import VAEGAN
from engine.specs.schema import SpecError
from engine.store.study import Result
from engine.training.loop import Checkpoints, TrainingState, load_weights, run_epoch, weights_of
from engine.training.optimizers import EagerAdam, TensorFlowAdam

SAMPLES = 64
EXPLAINED_IMAGES = 1000
MEAN_IMAGES = 5000
PICTURES_INTERVAL = 0.5
BETA2 = 0.9
LEAST_PROBABILITY = 1e-8
"""Added in the logarithms of the released code's GAN losses."""


def train(spec: VAEGAN, context: Context) -> Result:
    """Compute a VAE-GAN record: weights, losses, and reconstructions of probe images by epoch."""
    images = device_images(context, spec.images)
    if len(images.train) < spec.batch_size:
        raise SpecError(
            f"batch_size is {spec.batch_size}, must be at most the {len(images.train)} images"
        )
    model = build(spec, images, context.generator("weights", spec.seed))
    model = model.to(context.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    adam = TensorFlowAdam if spec.form == "released" else EagerAdam
    betas = (spec.beta1, BETA2)
    optimizer = adam(model.parameters(), lr=spec.learning_rate, betas=betas, fused=True)
    generators = {
        "shuffle": context.generator("shuffle", spec.seed),
        "latent": context.generator("latent", spec.seed, context.device),
    }
    state = TrainingState(model, optimizer, generators)
    checkpoints = Checkpoints(context)
    checkpoints.restore(state)
    pictures = _Pictures(context, spec, model, images)
    while state.epoch < spec.epochs:
        _one_epoch(state, spec, context, images, pictures)
        state.pictures.setdefault("reconstructions", []).append(pictures.send(state.epoch))
        checkpoints.save_if_due(state)
    model.eval()
    apart = distances(model, images.test[:1000], context)
    return Result(
        numbers={
            "reconstruction": state.history["curve__reconstruction"][-1],
            "test_distance": float(apart.mean()),
            "test_distance_std": float(apart.std()),
            "explained": explained(model, images, context),
            "test_images": len(apart),
        },
        arrays={
            **weights_of(model),
            **state.curves(),
            "probes/images": pictures.pixels.cpu().numpy(),
            "probes/reconstructions": np.stack(state.pictures["reconstructions"]),
            "samples": pictures.samples(SAMPLES),
        },
    )


def _one_epoch(
    state: TrainingState, spec: VAEGAN, context: Context, images: DeviceImages, pictures: _Pictures
) -> None:
    losses = _Losses(pictures.model, spec, state.generators["latent"])

    def step_on(indices: Tensor, _: float) -> Tensor:
        if len(indices) < 2:
            return torch.zeros((), device=context.device)  # batch statistics need two images
        batch = layout(as_unit(images.train[indices])) * 2 - 1
        return _step(state, losses, batch)

    def on_point(step: float, loss: float) -> None:
        if not math.isfinite(loss):
            raise SpecError(f"learning_rate is {spec.learning_rate:g}: the loss became {loss}")
        state.append(curve__step=step, curve__reconstruction=loss)
        context.emit(Scalars(spec.key, step, {"reconstruction": loss}))
        pictures.send_if_due(step)

    run_epoch(
        state,
        context,
        spec,
        step_on=step_on,
        count=images_used(len(images.train), spec),
        on_point=on_point,
    )


def images_used(count: int, spec: VAEGAN) -> int:
    """Return how many of the training images an epoch takes, in the order of the spec.

    All of them; in the form "released" those of round(count / batch size) batches, which leaves
    out the last ones if they are less than half a batch.
    """
    if spec.form == "corrected":
        return count
    return min(count, spec.batch_size * round(count / spec.batch_size))


class _Pictures:
    """Reconstructions of the probe images, and samples, by the networks in their current state."""

    def __init__(self, context: Context, spec: VAEGAN, model: Generator, images: DeviceImages):
        self.context = context
        self.spec = spec
        self.model = model
        self.pixels = images.test[probe_indices(images.test_labels)]
        self._last = 0.0

    def send(self, step: float) -> np.ndarray:
        """Publish the pictures; return the reconstructions, float32 (N, C, H, W) in [0, 1]."""
        self._last = time.monotonic()
        training = self.model.training
        self.model.eval()
        with torch.no_grad():
            made = self.model.reconstruct(as_unit(self.pixels)).cpu().contiguous().numpy()
        drawn = self.samples(len(made))
        self.model.train(training)
        pixels = self.pixels.cpu().numpy()
        self.context.emit(Reconstructions(self.context.spec.key, step, pixels, made, drawn))
        return made

    def send_if_due(self, step: float) -> None:
        """Publish the pictures at most every PICTURES_INTERVAL seconds."""
        if time.monotonic() - self._last >= PICTURES_INTERVAL:
            self.send(step)

    def samples(self, count: int) -> np.ndarray:
        """Return samples, float32 (count, C, H, W); every call decodes the same latent draws."""
        draws = self.context.generator("samples", self.spec.seed)
        latent = torch.randn(count, self.spec.latent, generator=draws).to(self.context.device)
        with torch.no_grad():
            made: np.ndarray = self.model.decode(latent).cpu().contiguous().numpy()
        return made


def restored(spec: VAEGAN, context: Context) -> Generator:
    """Return a trained VAE-GAN from its record, in eval mode, its parameters frozen."""

    def make() -> Generator:
        record = context.record(spec)
        images = device_images(context, spec.images)
        model = build(spec, images, context.generator("weights that are replaced", 0))
        prefix = "weights/"
        stored = record.arrays.items()
        load_weights(
            model,
            {k.removeprefix(prefix): np.array(v) for k, v in stored if k.startswith(prefix)},
        )
        return model.to(context.device).eval().requires_grad_(False)

    return context.shared(f"generator/{spec.key}", make, lambda _: 64 << 20)


def distances(
    model: Generator, images: Tensor, context: Context, noise: torch.Generator | None = None
) -> Tensor:
    """Return ||x - x~||_2 per image (N,), in [0, 1] pixel units.

    Parameters
    ----------
    images
        (N, C, H, W), uint8 or float32 in [0, 1].
    noise
        If given, the latent is sampled with this generator, as in the paper's code; None decodes
        the mean of the latent.
    """
    found = []
    with torch.no_grad():
        for block in torch.split(images, 250):
            context.check_cancelled()
            pixels = as_unit(block)
            found.append((pixels - model.reconstruct(pixels, noise)).flatten(1).norm(dim=1))
    return torch.cat(found) if found else torch.zeros(0)


def explained(model: Generator, images: DeviceImages, context: Context) -> float:
    """Return the share of the test images' variance that reconstructions explain.

    This is 1 minus the ratio of the squared distances to the reconstructions and to the mean
    training image. It is 1 for perfect reconstructions. It is 0 or less if they are no better than
    the mean image; distances to the "manifold" are then meaningless.
    """
    pixels = as_unit(images.test[:EXPLAINED_IMAGES])
    mean = as_unit(images.train[:MEAN_IMAGES]).mean(0)
    apart = distances(model, pixels, context).square().sum()
    return float(1 - apart / (pixels - mean).square().sum())


class _Losses:
    """The three losses of the paper's protocol, for one batch."""

    def __init__(self, model: Generator, spec: VAEGAN, generator: torch.Generator):
        self.model = model
        self.spec = spec
        self.generator = generator

    def _noise(self, like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=self.generator, device=like.device)

    def _decoded(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_variance = self.model.latent(images)
        latent = mean + self._noise(mean) * (log_variance / 2).exp()
        decoded = self.model.decoder(latent)
        apart = (images - decoded).abs().flatten(1).sum(1)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
        return decoded, apart, kl

    def encoder(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean(reconstruction + KL), and mean(reconstruction) alone, detached."""
        _, apart, kl = self._decoded(images)
        return (apart + kl).mean(), apart.mean().detach()

    def decoder(self, images: Tensor) -> Tensor:
        """Return the weighted reconstruction loss plus the adversarial loss of decoded images."""
        decoded, apart, _ = self._decoded(images)
        real = sum(
            self._minus_log(self.model.discriminator(made))
            for made in (decoded, self._from_prior(images))
        )
        return self.spec.reconstruction_weight * apart.mean() + real

    def discriminator(self, images: Tensor) -> Tensor:
        """Return the cross-entropy, with images labelled real, decoded images and samples fake."""
        with torch.no_grad():
            decoded, _, _ = self._decoded(images)
            sampled = self._from_prior(images)
        judge = self.model.discriminator
        loss = self._minus_log(judge(images))
        for made in (decoded, sampled):
            loss = loss + self._minus_log(judge(made), complement=True)
        return loss

    def _minus_log(self, logits: Tensor, complement: bool = False) -> Tensor:
        """Return the mean of -log p, or of -log (1 - p), for the probabilities of logits."""
        if self.spec.form == "corrected":
            found: Tensor = functional.softplus(logits if complement else -logits).mean()
            return found
        p = logits.sigmoid()
        return -((1 - p if complement else p) + LEAST_PROBABILITY).log().mean()

    def _from_prior(self, images: Tensor) -> Tensor:
        blank = torch.empty(len(images), self.spec.latent, device=images.device)
        made: Tensor = self.model.decoder(self._noise(blank))
        return made


def _step(state: TrainingState, losses: _Losses, images: Tensor) -> Tensor:
    """Take one encoder, one decoder and the discriminator's steps; return the reconstruction loss.

    One optimiser holds all weights; it skips parameters that have no gradient.
    """
    model, spec = losses.model, losses.spec

    def begin(part: nn.Module) -> None:
        if spec.form == "released":
            move_statistics(model, part)

    begin(model.encoder)
    loss, reconstruction = losses.encoder(images)
    _update(state, loss, model.encoder.parameters())
    begin(model.decoder)
    _update(state, losses.decoder(images), model.decoder.parameters())
    begin(model.discriminator)
    for _ in range(spec.discriminator_steps):
        _update(state, losses.discriminator(images), model.discriminator.parameters())
    return reconstruction


def _update(state: TrainingState, loss: Tensor, parameters: Iterable[nn.Parameter]) -> None:
    moved = list(parameters)
    state.optimizer.zero_grad(set_to_none=True)
    for parameter, gradient in zip(moved, torch.autograd.grad(loss, moved), strict=True):
        parameter.grad = gradient
    state.optimizer.step()
