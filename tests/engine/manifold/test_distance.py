import math

import numpy as np
import pytest
import torch

from engine import specs
from engine.data.glyphs import tangent_basis
from engine.manifold.tangents import decoder_jacobian, share
from engine.specs.schema import SpecError
from tests.engine.conftest import robust, training
from tests.engine.manifold.test_vae_gan import SPEC, built

ATTACK = specs.PGD(norm="l2", eps=6.0, step_size=2.0, steps=5)


def distance(classifier=None, **changes):
    return specs.ManifoldDistance(
        generator=SPEC, classifier=classifier, attack=ATTACK, test_images=40, **changes
    )


def basis(count=3, size=50, rank=4):
    drawn = torch.randn(count, size, rank, generator=torch.Generator().manual_seed(0))
    return tangent_basis(drawn.double())


def test_that_the_projector_is_idempotent_and_symmetric():
    columns = basis()
    projector = columns @ columns.mT
    torch.testing.assert_close(projector @ projector, projector)
    torch.testing.assert_close(projector, projector.mT)


def test_that_shares_inside_and_outside_make_a_whole():
    columns = basis()
    vectors = torch.randn(3, 50, generator=torch.Generator().manual_seed(1)).double()
    inside = (columns @ (columns.mT @ vectors.unsqueeze(2))).squeeze(2)
    outside = vectors - inside
    squares = inside.square().sum(1) + outside.square().sum(1)
    torch.testing.assert_close(squares, vectors.square().sum(1))
    torch.testing.assert_close(share(vectors, columns), inside.norm(dim=1) / vectors.norm(dim=1))
    torch.testing.assert_close(share(inside, columns), torch.ones(3).double())
    torch.testing.assert_close(share(outside, columns), torch.zeros(3).double())


def test_that_random_vectors_have_the_share_of_the_baseline():
    columns = basis(1, 784, 8).expand(2000, -1, -1)
    vectors = torch.randn(2000, 784, generator=torch.Generator().manual_seed(2)).double()
    squared = share(vectors, columns).square().mean().item()
    assert math.sqrt(squared) == pytest.approx(math.sqrt(8 / 784), rel=0.05)


def test_that_a_vector_of_nothing_has_no_share():
    assert torch.isnan(share(torch.zeros(3, 50).double(), basis())).all()


def test_that_the_decoders_jacobian_is_its_derivative():
    model, images = built("mnist")
    model = model.double().eval()
    pixels = images.test.double()
    found = decoder_jacobian(model, pixels)
    assert found.shape == (4, 784, 5)
    with torch.no_grad():
        latent, _ = model.latent(pixels * 2 - 1)
        step = torch.zeros_like(latent)
        step[:, 2] = 1e-6
        numeric = (model.decode(latent + step) - model.decode(latent - step)) / 2e-6
    torch.testing.assert_close(found[:, :, 2], numeric.flatten(1), rtol=1e-4, atol=1e-7)


def test_that_clean_images_all_count(computed):
    (record,) = computed(distance())
    assert record.arrays["counted"].all()
    assert record.numbers["counted"] == record.numbers["test_images"] == 40
    assert record.numbers["distance_mean"] == pytest.approx(record.arrays["distances"].mean())


def test_that_the_judge_decides_what_counts(computed):
    attacked, judge = robust(epochs=3), training(epochs=3, seed=1)
    own, by_standard = computed(
        distance(attacked), distance(attacked, baseline=judge, judged_by="standard")
    )
    np.testing.assert_array_equal(own.arrays["distances"], by_standard.arrays["distances"])
    assert not np.array_equal(own.arrays["counted"], by_standard.arrays["counted"])


def test_that_a_sampled_latent_gives_other_distances_and_the_same_ones_again(computed):
    mean, sampled = computed(distance(), distance(reconstruction="sampled"))
    assert not np.allclose(mean.arrays["distances"], sampled.arrays["distances"], rtol=1e-4)


def test_that_an_attack_that_changes_nothing_gives_a_sentence(computed):
    spec = distance(training()).replace("attack.eps", 1e-9)
    (message,) = computed(spec, expect_failure=True)
    assert message.startswith("attack.eps is 1e-09: L2 1e-09 PGD-5 changed none of 40 predictions")


def test_that_a_judge_must_be_there_and_standard():
    with pytest.raises(SpecError, match="baseline is missing: judged_by is 'standard'"):
        distance(training(), judged_by="standard")
    with pytest.raises(SpecError, match="must be a standard training"):
        distance(training(), baseline=robust())
    with pytest.raises(SpecError, match="trained on other images"):
        distance(training(images=specs.Glyphs(train=100, test=50)))


def test_that_on_glyphs_the_share_is_known_beside_the_estimate(computed):
    spec = specs.Measurement(
        classifier=training(), metric=specs.TangentShare(generator=SPEC), test_images=20
    )
    (record,) = computed(spec)
    numbers = record.numbers
    assert numbers["known_baseline"] == pytest.approx(math.sqrt(8 / 784), rel=0.05)
    assert numbers["estimated_baseline"] == pytest.approx(math.sqrt(3 / 784), rel=0.01)
    assert 0 < numbers["known"] < 1
    assert 0 <= numbers["overlap"] <= 1
    assert record.arrays["known"].shape == (20,)


def test_that_without_glyphs_a_generator_is_needed(computed, tmp_path):
    plane = specs.Gaussians2D(per_class=50)
    network = specs.Training(images=plane, network=specs.PaperMLP(), epochs=1)
    spec = specs.Measurement(classifier=network, metric=specs.TangentShare())
    (message,) = computed(spec, expect_failure=True)
    assert "the tangent space is known on Glyphs only" in message
