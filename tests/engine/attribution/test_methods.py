import numpy as np
import pytest
import torch
from torch import nn

from engine.attribution.methods import PREDICTED, QUANTITIES, gradient, gradient_x_input
from engine.attribution.table import ATTRIBUTIONS, attribute, drawn_from, pixel_importance
from engine.measures.map_numbers import completeness_gap
from engine.networks.gradients import InputError
from engine.specs import (
    AttributionRanking,
    AttributionSpec,
    ExpectedGradients,
    Glyphs,
    Gradient,
    GradientXInput,
    IntegratedGradients,
    Interpretability,
    SmallCNN,
    SmoothGrad,
    SmoothGradSquared,
    Training,
    VarGrad,
)
from engine.specs.schema import SpecError, kinds_of

EACH_KIND = pytest.mark.parametrize("kind", kinds_of(AttributionSpec), ids=lambda k: k.kind)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def softmax_network(lead=0.0, dtype=torch.float64):
    """Linear logits of a 2x2 image: class 0 (plus ``lead``), 1 and 2."""
    layer = nn.Linear(4, 3, dtype=dtype)
    layer.weight.data = torch.tensor(
        [[2.0, 0.0, -1.0, 0.5], [0.0, 1.0, 0.0, 0.0], [-1.0, 0.0, 0.0, 3.0]], dtype=dtype
    )
    layer.bias.data = torch.tensor([lead, 0.0, 0.0], dtype=dtype)
    return nn.Sequential(nn.Flatten(), layer)


def network(dtype=torch.float32):
    """A convolutional network with modes, for wide images of 2x4x6."""
    model = nn.Sequential(
        nn.Conv2d(2, 5, 3, padding=1), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(120, 4)
    )
    generator = seeded()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.4, generator=generator)
    return model.to(dtype)


def some_images(count=7, dtype=torch.float32):
    return torch.rand(count, 2, 4, 6, generator=seeded(1), dtype=dtype)


IMAGE = torch.tensor([[0.9, 0.2], [0.1, 0.4]], dtype=torch.float64).reshape(1, 1, 2, 2)


def by_hand(model, image, label):
    """d log p_k / dx = sum_j p_j (w_k - w_j)."""
    weight = model[1].weight.data
    p = torch.softmax(weight @ image.flatten() + model[1].bias.data, 0)
    return ((weight[label] - weight) * p[:, None]).sum(0).reshape(1, 1, 2, 2)


def test_that_there_is_an_attribution_for_every_spec():
    assert set(ATTRIBUTIONS) == {kind.kind for kind in kinds_of(AttributionSpec)}


def test_that_the_gradient_of_a_softmax_network_is_that_by_hand():
    model = softmax_network()
    assert model(IMAGE).argmax().item() == 0
    torch.testing.assert_close(gradient(model, IMAGE), by_hand(model, IMAGE, 0))


def test_that_a_label_replaces_the_predicted_class():
    model = softmax_network()
    found = gradient(model, IMAGE.repeat(3, 1, 1, 1), torch.tensor([2, PREDICTED, 0]))
    torch.testing.assert_close(found[:1], by_hand(model, IMAGE, 2))
    torch.testing.assert_close(found[1:2], by_hand(model, IMAGE, 0))
    torch.testing.assert_close(found[2:], by_hand(model, IMAGE, 0))


def test_that_the_gradient_points_to_more_of_the_predicted_class():
    model, images = network(torch.float64).eval(), some_images(dtype=torch.float64)
    moved = images + 1e-4 * gradient(model, images)
    predicted = model(images).argmax(1, keepdim=True)
    before = model(images).log_softmax(1).gather(1, predicted)
    assert (model(moved).log_softmax(1).gather(1, predicted) > before).all()


def test_that_gradient_x_input_multiplies_by_the_image_in_the_range_named():
    model = softmax_network()
    expected = by_hand(model, IMAGE, 0)
    unit = gradient_x_input(model, IMAGE, input_range="unit")
    signed = gradient_x_input(model, IMAGE, input_range="signed")
    torch.testing.assert_close(unit, expected * IMAGE)
    torch.testing.assert_close(signed, expected * (2 * IMAGE - 1))
    torch.testing.assert_close(attribute(model, IMAGE, GradientXInput()), signed)
    torch.testing.assert_close(attribute(model, IMAGE, GradientXInput(input_range="unit")), unit)


@pytest.mark.parametrize("lead", [30.0, 60.0, 80.0])
def test_that_a_certain_network_keeps_the_direction_of_its_gradient(lead):
    """1 - p is exactly 0 in float32 here; the answer by hand is taken in float64."""
    exact = gradient(softmax_network(lead), IMAGE)
    found = gradient(softmax_network(lead, torch.float32), IMAGE.float()).double()
    assert found.abs().max() > 0
    torch.testing.assert_close(found / found.norm(), exact / exact.norm(), rtol=0, atol=1e-4)


def test_that_the_released_gradient_is_that_of_a_float32_softmax():
    weight = 12 * torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    model = nn.Linear(2, 3, bias=False)
    with torch.no_grad():
        model.weight.copy_(weight)
    for images, certain in (
        (torch.tensor([[0.3, 0.2]]), False),
        (torch.tensor([[1.9, 0.1]]), True),
    ):
        logits = (weight @ images[0]).numpy()
        exponentials = np.exp(logits - logits.max(), dtype=np.float32)
        softmax = exponentials / exponentials.sum(dtype=np.float32)
        expected = (np.eye(3, dtype=np.float32)[logits.argmax()] - softmax) @ weight.numpy()
        found = gradient(model, images, form="released")[0]
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-12)
        exact = gradient(model, images)[0]
        # The label's term is 0 in float32: half of the gradient is missing in this network.
        assert bool((exact[0] - found[0]).abs() > 0.1 * exact[0].abs()) is certain
    signed = gradient_x_input(model, images, form="released")
    assert torch.equal(signed, gradient(model, images, form="released") * (2 * images - 1))
    logit = gradient(model, images, quantity="logit")
    assert torch.equal(gradient(model, images, quantity="logit", form="released"), logit)


def test_that_a_gradient_too_small_for_float32_is_zero_and_not_nan():
    found = gradient(softmax_network(300.0, torch.float32), IMAGE.float())
    assert torch.equal(found, torch.zeros_like(found))


@EACH_KIND
def test_that_an_attribution_does_not_depend_on_the_batch(kind):
    model, images = network(torch.float64), some_images(64, torch.float64)
    training = some_images(9, torch.float64)
    together = attribute(model, images, kind(), training=training)
    apart = attribute(model, images, kind(), training=training, batch_size=5)
    torch.testing.assert_close(apart, together)
    # The noise of a random method follows an image's place among the others.
    alone = images[:10] if "seed" in kind().parameters() else images[9:10]
    found = attribute(model, alone, kind(), training=training)
    torch.testing.assert_close(found[-1], together[9])


@EACH_KIND
def test_that_shape_type_layout_and_arguments_are_kept(kind):
    images = some_images().to(memory_format=torch.channels_last)
    before = images.clone()
    found = attribute(network(), images, kind(), training=images)
    assert found.shape == images.shape
    assert found.dtype == images.dtype
    assert found.stride() == images.stride()
    assert torch.equal(images, before)
    assert found.isfinite().all()


@EACH_KIND
def test_that_images_of_bytes_are_taken_as_they_lie_in_memory(kind):
    images = (255 * some_images()).byte()
    found = attribute(network(), images, kind(), training=images)
    assert found.dtype == torch.float32
    floats = images.float() / 255
    expected = attribute(network(), floats, kind(), training=floats)
    torch.testing.assert_close(found, expected)


@EACH_KIND
def test_that_the_network_is_left_as_it_was(kind):
    model = network().train()
    model[1].eval()
    random = torch.get_rng_state()
    with torch.no_grad():
        attribute(model, some_images(), kind(), training=some_images())
    assert [module.training for module in model] == [True, False, True, True, True]
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert torch.equal(torch.get_rng_state(), random)


def test_that_cancelling_is_asked_once_a_batch_and_restores_the_network():
    model, asked = network().train(), []

    def check():
        asked.append(None)
        if len(asked) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attribute(model, some_images(), Gradient(), batch_size=2, check_cancelled=check)
    assert len(asked) == 3
    assert model.training
    assert model[2].training


def test_that_importance_takes_absolute_values_before_it_sums_channels():
    attribution = torch.tensor([[1.0, -2.0, 0.0], [-1.0, -3.0, 0.5]]).reshape(1, 2, 1, 3)
    assert pixel_importance(attribution).tolist() == [[[2.0, 5.0, 0.5]]]


def test_that_unfit_labels_are_refused():
    model, images = network(), some_images()
    with pytest.raises(InputError, match=r"labels has shape \(3,\).*must be \(7,\), int64"):
        gradient(model, images, torch.tensor([0, 1, 2]))
    with pytest.raises(InputError, match="labels holds 4, must hold at most 3"):
        gradient(model, images, torch.full((7,), 4))


def test_that_no_images_have_no_attribution():
    assert attribute(network(), some_images(0), Gradient()).shape == (0, 2, 4, 6)


# Keys of the released attributions: fields that were added later must leave them as they are.
RELEASED_KEYS = {
    Gradient(): "b046b74f4ea84b963a5f",
    GradientXInput(): "b95479cfc8a8fb6962ae",
    GradientXInput(input_range="unit"): "8420232f6b2fe3d0b684",
}


@pytest.mark.parametrize(("spec", "key"), RELEASED_KEYS.items(), ids=str)
def test_that_released_attributions_keep_their_keys(spec, key):
    assert spec.key == key


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("choice", ["predicted", "true", "target"])
def test_that_the_gradient_is_the_derivative_of_what_is_explained(quantity, choice):
    """Central differences in float64, at every pixel of one image."""
    model, images = network(torch.float64).eval(), some_images(3, torch.float64)
    labels = (model(images).argmax(1) + 1) % 4
    fields = {"target": 2} if choice == "target" else {"explained": choice}
    spec = Gradient(quantity=quantity, **fields)
    found = attribute(model, images, spec, labels)
    classes = {
        "predicted": model(images).argmax(1),
        "true": labels,
        "target": torch.full_like(labels, 2),
    }[choice]

    def explained(at):
        logits = model(at)
        outputs = logits.log_softmax(1) if quantity == "log_probability" else logits
        return outputs[0, classes[0]]

    step = 1e-6
    for pixel in range(0, 48, 7):
        shift = torch.zeros_like(images[:1]).flatten()
        shift[pixel] = step
        shift = shift.view_as(images[:1])
        slope = (explained(images[:1] + shift) - explained(images[:1] - shift)) / (2 * step)
        assert found[0].flatten()[pixel].item() == pytest.approx(slope.item(), abs=1e-6)


def test_that_the_gradient_of_a_linear_logit_is_its_row_of_weights():
    model = softmax_network()
    found = attribute(model, IMAGE, Gradient(quantity="logit", target=2))
    assert found.flatten().tolist() == [-1.0, 0.0, 0.0, 3.0]


def test_that_an_image_without_a_label_is_explained_by_its_predicted_class():
    model = softmax_network()
    found = attribute(model, IMAGE, Gradient(explained="true"), torch.tensor([PREDICTED]))
    torch.testing.assert_close(found, by_hand(model, IMAGE, 0))


def test_that_labels_do_not_matter_where_the_predicted_class_is_asked_for():
    model = softmax_network()
    found = attribute(model, IMAGE, Gradient(), torch.tensor([2]))
    torch.testing.assert_close(found, by_hand(model, IMAGE, 0))


def test_that_the_true_class_needs_labels():
    with pytest.raises(InputError, match="must be 'predicted' for images without labels"):
        attribute(network(), some_images(), Gradient(explained="true"))


def test_that_a_class_the_network_lacks_is_refused():
    with pytest.raises(InputError, match="target is 7, must be at most 3"):
        attribute(network(), some_images(), Gradient(target=7))


def test_that_two_ways_to_name_the_class_are_refused():
    with pytest.raises(SpecError, match="target is 1, must be empty"):
        Gradient(explained="true", target=1)


def test_that_titles_name_the_class_where_it_is_not_the_predicted_one():
    assert Gradient().title == "Gradient"
    assert Gradient(explained="true", quantity="logit").title == "Gradient (true class, logit)"
    assert GradientXInput(target=3).title == "Gradient x input (class 3)"


def test_that_pixels_are_not_ranked_by_the_true_class():
    """Which pixels a test image loses would tell its label."""
    images = Glyphs(train=10, test=10)
    network = Training(images=images, network=SmallCNN())
    with pytest.raises(SpecError, match=r"attribution\.explained is 'true'"):
        AttributionRanking(classifier=network, attribution=Gradient(explained="true"))
    with pytest.raises(SpecError, match=r"attribution\.explained is 'true'"):
        Interpretability(
            classifier=network, attribution=Gradient(explained="true"), baseline=network
        )


def test_that_more_steps_of_integrated_gradients_leave_a_smaller_gap():
    """ReLUs bend the way, so no number of points is exact; the gap must go to nothing."""
    model, images = network(torch.float64), some_images(8, torch.float64)

    def gap(steps):
        spec = IntegratedGradients(steps=steps, quantity="logit", baseline="grey")
        return completeness_gap(model, images, attribute(model, images, spec), spec).median()

    assert gap(512) < 1e-3
    assert gap(512) < gap(32) / 4 < gap(4) / 4


def test_that_integrated_gradients_of_a_linear_network_need_one_step():
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3, dtype=torch.float64))
    images = torch.rand(4, 1, 4, 4, generator=torch.Generator().manual_seed(0)).double()
    one, many = (
        attribute(model, images, IntegratedGradients(steps=steps, quantity="logit"))
        for steps in (1, 20)
    )
    torch.testing.assert_close(one, many)
    spec = GradientXInput(quantity="logit", input_range="unit")
    torch.testing.assert_close(one, attribute(model, images, spec))


def test_that_smoothgrad_without_noise_is_the_gradient():
    model, images = network(torch.float64), some_images(5, torch.float64)
    smooth = attribute(model, images, SmoothGrad(noise=0.0, samples=2))
    torch.testing.assert_close(smooth, attribute(model, images, Gradient()))


def test_that_every_image_has_noise_of_its_own_and_the_seed_decides_it():
    model = network(torch.float64)
    images = some_images(1, torch.float64).repeat(2, 1, 1, 1)
    found = attribute(model, images, SmoothGrad(samples=3))
    assert not torch.equal(found[0], found[1])
    assert torch.equal(found, attribute(model, images, SmoothGrad(samples=3)))
    assert not torch.equal(found, attribute(model, images, SmoothGrad(samples=3, seed=1)))


def test_that_smoothgrad_averages_over_the_noise():
    """Its variance over seeds falls with the number of copies as that of a mean does."""
    model, images = network(torch.float64), some_images(4, torch.float64)

    def spread(samples):
        found = [
            attribute(model, images, SmoothGrad(samples=samples, seed=seed)) for seed in range(12)
        ]
        return float(torch.stack(found).var(0).mean())

    assert spread(4) / spread(32) == pytest.approx(8, rel=0.6)


@pytest.mark.parametrize("noise", [0.15, 1e-4])
def test_that_the_mean_square_is_the_square_of_the_mean_and_the_variance(noise):
    """With the same seed all three see the same gradients."""
    model, images = network(torch.float64), some_images(5, torch.float64)
    mean, square, variance = (
        attribute(model, images, kind(noise=noise, samples=7, seed=3))
        for kind in (SmoothGrad, SmoothGradSquared, VarGrad)
    )
    torch.testing.assert_close(square, mean.square() + variance, rtol=1e-12, atol=1e-15)
    assert square.min() >= 0
    assert variance.min() >= 0
    assert variance.max() > 0


def test_that_the_variance_without_noise_is_zero():
    model, images = network(), some_images()
    assert attribute(model, images, VarGrad(noise=0.0, samples=4)).abs().max() == 0


def test_that_expected_gradients_of_a_linear_network_are_weight_times_difference_to_the_mean():
    """The gradient is the same everywhere, so neither points nor images are random any more."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 4)).double()
    images, training = some_images(3, torch.float64), some_images(20, torch.float64)
    spec = ExpectedGradients(samples=20, quantity="logit", target=1)
    found = attribute(model, images, spec, training=training)
    expected = model[1].weight.data[1].view(1, 2, 4, 6) * (images - training.mean(0))
    torch.testing.assert_close(found, expected)
    gap = completeness_gap(model, images, found, spec, training=training)
    assert gap.max() < 1e-10


def test_that_more_samples_of_expected_gradients_leave_a_smaller_gap():
    model, images = network(torch.float64), some_images(8, torch.float64)
    training = some_images(1000, torch.float64)

    def gap(samples):
        spec = ExpectedGradients(samples=samples, quantity="logit")
        found = attribute(model, images, spec, training=training)
        return completeness_gap(model, images, found, spec, training=training).median()

    assert gap(1000) < 0.05
    assert gap(1000) < gap(10) / 2


def test_that_expected_gradients_to_a_constant_image_tend_to_integrated_gradients():
    model, images = network(torch.float64), some_images(4, torch.float64)
    exact = attribute(model, images, IntegratedGradients(steps=200, baseline="grey"))

    def error(samples):
        spec = ExpectedGradients(samples=samples, baseline="grey")
        return float((attribute(model, images, spec) - exact).norm() / exact.norm())

    assert error(1000) < 0.1
    assert error(1000) < error(10) / 3


def test_that_training_images_are_drawn_by_the_seed_once_each_and_again_only_in_turn():
    training = torch.arange(6).view(6, 1, 1, 1)
    few = drawn_from(training, ExpectedGradients(samples=4)).flatten().tolist()
    assert len(set(few)) == 4
    assert few != drawn_from(training, ExpectedGradients(samples=4, seed=1)).flatten().tolist()
    many = drawn_from(training, ExpectedGradients(samples=13)).flatten().tolist()
    assert many[:4] == few
    assert {many.count(value) for value in range(6)} == {2, 3}


def test_that_expected_gradients_need_training_images_or_a_constant_baseline():
    model, images = network(), some_images()
    for training in (None, images[:0]):
        with pytest.raises(InputError, match="compares with training images, and there are none"):
            attribute(model, images, ExpectedGradients(), training=training)
    assert attribute(model, images, ExpectedGradients(baseline="black")).isfinite().all()


@EACH_KIND
def test_that_a_method_can_be_cancelled_whenever_it_asks_the_network(kind):
    """One batch of a costly method can take minutes."""
    asked = []

    def check():
        asked.append(None)
        if len(asked) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attribute(network(), some_images(), kind(), training=some_images(), check_cancelled=check)
    assert len(asked) == 2
