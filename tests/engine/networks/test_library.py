"""torchvision's and timm's classifiers by name: a sample of them; a script builds all."""

import importlib.util
import subprocess
import sys
import threading

import pytest
import safetensors.torch
import torch
import torchvision

from engine import specs
from engine.networks.architectures import build, expected_state, laid_out, sizes_of
from engine.networks.gradients import input_gradients
from engine.networks.library import NO_TIMM, has_timm
from engine.networks.torchvision_facts import FACTS
from engine.networks.weights import load_state
from engine.specs.networks import TORCHVISION_NAMES
from engine.specs.schema import SpecError
from tests.engine.small_networks import seeded

# One of each way to be built: plain, batch norms, dense layers of a fixed size, stochastic depth,
# attention, auxiliary classifiers, a version, computed widths, functions in place, tokens.
SAMPLE = [
    "alexnet",
    "convnext_tiny",
    "densenet121",
    "googlenet",
    "mnasnet0_5",
    "mobilenet_v3_small",
    "regnet_y_400mf",
    "resnet18",
    "swin_t",
    "vit_b_32",
]


def made(name, shape, classes=7, seed=0, **fields):
    spec = specs.Torchvision(name=name, **fields)
    return build(spec, shape=shape, classes=classes, generator=seeded(seed))


def pixels(shape, count=2):
    return torch.rand(count, *shape, generator=seeded(9))


def side_of(name):
    return sizes_of(specs.Torchvision(name=name)).nearest((3, 1, 1))


def test_that_the_names_are_torchvision_s():
    listed = torchvision.models.list_models(module=torchvision.models)
    assert list(TORCHVISION_NAMES) == sorted(listed)
    assert list(FACTS) == list(TORCHVISION_NAMES)


@pytest.mark.parametrize("name", SAMPLE)
def test_that_a_network_has_a_gradient_and_survives_a_file(name, tmp_path):
    shape = (3, side_of(name), side_of(name))
    model = made(name, shape)
    labels = torch.zeros(2, dtype=torch.int64)
    _, found = input_gradients(model.train(), pixels(shape), labels, lambda out, _: out[:, 0])
    assert found.shape == (2, *shape)
    assert found.isfinite().all()
    safetensors.torch.save_model(model.network, str(tmp_path / "weights.safetensors"))
    other = made(name, shape, seed=1)
    load_state(other, tmp_path / "weights.safetensors")
    with torch.no_grad():
        assert torch.equal(other.eval()(pixels(shape)), model.eval()(pixels(shape)))


@pytest.mark.parametrize("name", SAMPLE)
def test_that_training_moves_it_and_leaves_the_global_generator(name):
    shape = (3, side_of(name), side_of(name))
    before = torch.random.get_rng_state()
    model = made(name, shape)
    images = pixels(shape).requires_grad_(True)
    torch.nn.functional.cross_entropy(model(images), torch.tensor([0, 1])).backward()
    assert torch.equal(torch.random.get_rng_state(), before)
    assert images.grad.abs().max() > 0
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("name", SAMPLE)
def test_that_the_expected_state_is_torchvision_s_without_auxiliaries(name):
    extra = {"image_size": 64} if name.startswith("vit") else {}
    if name == "googlenet":
        extra = {"init_weights": True}
    theirs = torchvision.models.get_model(name, weights=None, num_classes=5, **extra)
    state = {key: value for key, value in theirs.state_dict().items() if "aux" not in key}
    found = expected_state(specs.Torchvision(name=name), shape=(3, 64, 64), classes=5)
    assert found == {key: value.shape for key, value in state.items()}
    assert list(found) == list(state)


@pytest.mark.parametrize("name", ["resnet18", "convnext_tiny", "googlenet"])
def test_that_it_computes_what_torchvision_s_does(name):
    side = 64
    ours = made(name, (3, side, side), normalization="none").eval()
    extra = {"init_weights": True, "aux_logits": False} if name == "googlenet" else {}
    theirs = torchvision.models.get_model(name, weights=None, num_classes=7, **extra)
    theirs.load_state_dict(ours.network.state_dict())
    images = pixels((3, side, side))
    torch.testing.assert_close(ours(images), theirs.eval()(images), rtol=1e-4, atol=1e-5)


def test_that_first_weights_are_distributed_as_torchvision_s():
    torch.manual_seed(0)
    theirs = torchvision.models.mobilenet_v3_small(weights=None, num_classes=7).state_dict()
    ours = made("mobilenet_v3_small", (3, 32, 32)).network.state_dict()
    for name, tensor in theirs.items():
        if tensor.is_floating_point() and tensor.numel() > 5000:
            torch.testing.assert_close(ours[name].std(), tensor.std(), rtol=0.05, atol=1e-4)


def test_that_threads_building_at_once_get_the_weights_of_one_alone():
    alone = made("resnet18", (3, 32, 32)).state_dict()
    start, built = threading.Barrier(3), []

    def work():
        start.wait()
        built.append(made("resnet18", (3, 32, 32)).state_dict())

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 3
    for state in built:
        assert all(torch.equal(state[name], tensor) for name, tensor in alone.items())


@pytest.mark.parametrize("normalization", ["signed", "imagenet"])
def test_that_a_grey_image_is_repeated_and_its_gradients_are_summed(normalization):
    grey = made("resnet18", (1, 32, 32), normalization=normalization).eval()
    colour = made("resnet18", (3, 32, 32), normalization=normalization).eval()
    images = pixels((1, 32, 32)).requires_grad_(True)
    repeated = images.detach().expand(-1, 3, -1, -1).clone().requires_grad_(True)
    first, second = grey(images), colour(repeated)
    assert torch.equal(first, second)
    first.sum().backward()
    second.sum().backward()
    torch.testing.assert_close(images.grad, repeated.grad.sum(1, keepdim=True))


def test_that_the_statistics_of_grey_images_are_repeated():
    spec = specs.Torchvision(normalization="per_channel")
    statistics = {"channel_mean": [0.2], "channel_std": [0.3]}
    model = build(spec, shape=(1, 32, 32), classes=3, generator=seeded(0), **statistics)
    assert model.normalize.mean.flatten().tolist() == pytest.approx([0.2] * 3)
    assert model.normalize.std.flatten().tolist() == pytest.approx([0.3] * 3)


def test_that_means_of_colours_make_a_network_of_colours_of_grey_images():
    spec = specs.TradesCNN(normalization="imagenet")
    state = expected_state(spec, shape=(1, 28, 28), classes=10)
    assert state["feature_extractor.conv1.weight"] == (32, 3, 3, 3)
    model = build(spec, shape=(1, 28, 28), classes=10, generator=seeded(0))
    assert model.eval()(pixels((1, 28, 28))).shape == (2, 10)
    assert model.normalize.mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])


def test_that_other_channels_are_refused():
    with pytest.raises(SpecError, match="images have 2 channels, resnet18 takes 1 or 3"):
        made("resnet18", (2, 32, 32))
    spec = specs.PaperMLP(normalization="cifar10")
    with pytest.raises(SpecError, match="'cifar10' with 3 channels, but the images have 2"):
        build(spec, shape=(2, 1, 1), classes=2, generator=seeded(0))


@pytest.mark.parametrize(
    ("name", "side", "sentence"),
    [
        ("alexnet", 32, "32x32 px, alexnet needs at least 63x63 px"),
        (
            "vit_b_16",
            28,
            "28x28 px, vit_b_16 needs square images whose sides are multiples of 16 px, such as "
            "32x32 px",
        ),
        (
            "maxvit_t",
            32,
            "32x32 px, maxvit_t needs square images whose sides are multiples of 224 px, such as "
            "224x224 px",
        ),
    ],
)
def test_that_a_wrong_size_is_refused_with_the_sizes_that_are_taken(name, side, sentence):
    spec = specs.Torchvision(name=name)
    with pytest.raises(SpecError) as raised:
        laid_out(spec, shape=(3, side, side), classes=3)
    assert str(raised.value) == f"images are {sentence}"
    near = sizes_of(spec).nearest((3, side, side))
    images = torch.empty(2, 3, near, near, device="meta")
    assert laid_out(spec, shape=(3, near, near), classes=3).to("meta")(images).shape == (2, 3)


@pytest.mark.parametrize("name", ["resnet18", "vgg11_bn", "vit_b_16"])
def test_that_the_facts_are_those_of_the_network(name):
    facts = FACTS[name]
    model = laid_out(specs.Torchvision(name=name), shape=(3, 64, 64), classes=1000)
    if name != "vit_b_16":  # whose tokens depend on the size of the images
        published = torchvision.models.get_model_weights(name).DEFAULT.meta["num_params"]
        assert facts.parameters == pytest.approx(published, rel=1e-3)
    assert facts.parameters == pytest.approx(
        sum(parameter.numel() for parameter in model.parameters()), rel=1e-3
    )
    assert facts.operations > 0
    assert facts.at(128).kept == pytest.approx(4 * facts.kept)


@pytest.mark.skipif(has_timm(), reason="timm is installed")
def test_that_without_timm_a_sentence_says_how_to_get_it():
    with pytest.raises(SpecError) as raised:
        laid_out(specs.Timm(name="resnet18"), shape=(3, 32, 32), classes=3)
    assert str(raised.value) == NO_TIMM


def test_that_a_missing_timm_is_told_also_where_it_is_there(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SpecError, match="timm is not installed"):
        laid_out(specs.Timm(name="resnet18"), shape=(3, 32, 32), classes=3)


def test_that_neither_package_is_imported_before_it_is_needed():
    code = (
        "import sys; import engine.networks.architectures, engine.api; "
        "sys.exit('torchvision.models' in sys.modules or 'timm' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


needs_timm = pytest.mark.skipif(not has_timm(), reason="the optional extra timm is missing")


@needs_timm
@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224", "efficientnet_lite0"])
def test_that_timm_s_networks_are_built_and_trained_alike(name):
    spec, before = specs.Timm(name=name), torch.random.get_rng_state()
    models = [build(spec, shape=(1, 32, 32), classes=5, generator=seeded(0)) for _ in range(2)]
    images = pixels((1, 32, 32)).requires_grad_(True)
    models[0](images).square().sum().backward()
    assert images.grad.shape == (2, 1, 32, 32)
    assert images.grad.abs().max() > 0
    assert torch.equal(torch.random.get_rng_state(), before)
    first, second = (model.network.state_dict() for model in models)
    assert list(expected_state(spec, shape=(1, 32, 32), classes=5)) == list(first)
    counted = ("running_mean", "running_var", "num_batches_tracked")  # the first one has trained
    drawn = [key for key in first if not key.endswith(counted)]
    assert all(torch.equal(first[key], second[key]) for key in drawn)


@needs_timm
def test_that_a_wrong_name_of_timm_is_told_with_the_nearest():
    with pytest.raises(SpecError, match=r"name is 'resnt18' \(did you mean 'res"):
        laid_out(specs.Timm(name="resnt18"), shape=(3, 32, 32), classes=3)
