import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from engine import specs
from engine.cli.main import main
from engine.data.image_set import ImageSet
from engine.figures.network_page.page import network_html
from engine.networks import library
from engine.networks.architectures import build
from engine.program import BAD_INPUT, OK
from engine.store.study import Study
from engine.training.proposing import sentences
from tests.data_sources import real_data

CLASSES = ("ant", "bee")


@pytest.fixture
def network():
    """Return a network that tells dark images of 16x16 from bright ones, dark first."""
    generator = torch.Generator().manual_seed(0)
    spec = specs.SmallCNN(width=2, hidden=2, normalization="none")
    made = build(spec, shape=(3, 16, 16), classes=2, generator=generator)
    state = made[1].state_dict()
    for name, value in state.items():
        value.fill_(0.02 if name.endswith("weight") else 0.0)
    with torch.no_grad():
        hidden = made[1][:-1](torch.full((1, 3, 16, 16), 0.5))[0, 0]
    state["dense2.weight"].copy_(torch.tensor([[-1.0, -1.0], [1.0, 1.0]]))
    state["dense2.bias"].copy_(torch.tensor([2.0, -2.0]) * hidden)
    return state


@pytest.fixture
def pictures(tmp_path):
    """Return a folder of dark ants and bright bees."""
    random = np.random.default_rng(0)
    for name, level in zip(CLASSES, (60, 190), strict=True):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(15):
            pixels = random.integers(level - 40, level + 40, (16, 16, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{number}.png")
    return tmp_path / "pictures"


def run(*arguments):
    return main([str(argument) for argument in arguments])


def test_that_a_network_is_found_measured_and_recorded(network, pictures, tmp_path, capsys):
    torch.save({"net": {f"module.{k}": v for k, v in network.items()}}, tmp_path / "mine.pth.tar")
    study = tmp_path / "s.isthmus"
    file = tmp_path / "mine.pth.tar"
    assert run("import", file, "--study", study, "--images", pictures, "--json") == OK
    said = json.loads(capsys.readouterr().out)
    assert said["network"] == "Small CNN"
    assert (said["classes"], said["entry"]) == (2, "net")
    assert said["parameters"] == sum(value.numel() for value in network.values())
    assert (said["normalizer"], said["class_order"]) == ("none", "as in the folders")
    assert said["clean_accuracy"] == 1
    assert (said["renamed"], said["left_out"], said["near_chance"]) == ([], [], False)
    assert {row["normalizer"] for row in said["accuracies"]} >= {"none", "signed", "data set"}
    (entry,) = [entry for entry in Study(study).entries if entry.kind == "imported"]
    assert entry.key == said["key"]
    assert run("show", entry.key, "--study", study) == OK
    text = capsys.readouterr().out
    assert "100.0 % of 30 images with normaliser none, classes as in the folders (taken)" in text
    assert text.count("(taken)") == 1
    assert run("show", entry.key, "--study", study, "--json") == OK
    kept = json.loads(capsys.readouterr().out)["accuracies"]
    assert [row["class_order"] for row in kept if row["taken"]] == ["as in the folders"]
    shown = {(row["normalizer"], row["class_order"], row["correct"]) for row in said["accuracies"]}
    assert {(row["normalizer"], row["class_order"], row["correct"]) for row in kept} == shown
    html = network_html(Study(study), entry.key)
    assert "by which it was decided how to read them" in html
    assert '<td>none</td><td>as in the folders</td><td class="n">100.0 %</td>' in html
    # The images of the study serve for the next network.
    assert run("import", file, "--study", study) == OK
    assert "Small CNN" in capsys.readouterr().out


def test_that_a_network_with_more_outputs_is_measured_by_numbers(
    network, pictures, tmp_path, capsys
):
    for number, name in enumerate(("4", "1")):
        (pictures / CLASSES[number]).rename(pictures / name)
    wide = dict(network)
    wide["dense2.weight"] = torch.zeros(6, 2)
    wide["dense2.bias"] = torch.full((6,), -100.0)
    for output, row in ((4, 0), (1, 1)):
        wide["dense2.weight"][output] = network["dense2.weight"][row]
        wide["dense2.bias"][output] = network["dense2.bias"][row]
    torch.save(wide, tmp_path / "wide.pt")
    study = tmp_path / "s.isthmus"
    code = run("import", tmp_path / "wide.pt", "--study", study, "--images", pictures, "--json")
    assert code == OK
    printed = capsys.readouterr()
    said = json.loads(printed.out)
    assert (said["class_order"], said["clean_accuracy"]) == ("by number", 1)
    assert "has 6 outputs; those of the images' 2 classes come first" in printed.err
    spec = Study(study).read(said["key"]).spec
    assert (spec.outputs, sorted(spec.class_order)) == (6, [1, 4])


def test_that_without_images_what_was_found_is_printed_and_nothing_recorded(
    network, tmp_path, capsys
):
    torch.save(network, tmp_path / "w.pt")
    code = run("import", tmp_path / "w.pt", "--study", tmp_path / "s.isthmus", "--json")
    printed = capsys.readouterr()
    assert code == BAD_INPUT
    assert json.loads(printed.out)["network"] == "Small CNN"
    assert "name some with --images" in printed.err
    assert not (tmp_path / "s.isthmus").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"<!DOCTYPE html><html>", "is a web page"), (b"", "is empty")],
)
def test_that_what_is_no_weights_file_is_one_line(content, words, tmp_path, capsys):
    (tmp_path / "w.pt").write_bytes(content)
    assert run("import", tmp_path / "w.pt", "--study", tmp_path / "s.isthmus") == BAD_INPUT
    message = capsys.readouterr().err
    assert message.startswith("isthmus: w.pt")
    assert words in message
    assert message.count("\n") == 1


def test_that_images_of_another_kind_are_refused_with_what_is_needed(
    network, pictures, tmp_path, capsys
):
    torch.save(network, tmp_path / "w.pt")
    arguments = ("--study", tmp_path / "s.isthmus", "--images", pictures, "--size", "32")
    assert run("import", tmp_path / "w.pt", *arguments) == BAD_INPUT
    message = capsys.readouterr().err
    assert "w.pt holds Small CNN for RGB images such as 16x16 px" in message
    assert "the images have 3 channels and 32x32 px: read them in that size" in message


def test_that_the_network_of_trades_has_its_published_accuracy(tmp_path, capsys):
    file, images = real_data("checkpoints/trades-mnist-smallcnn.pt"), real_data("mnist")
    study = tmp_path / "s.isthmus"
    assert run("import", file, "--study", study, "--images", images, "--json") == OK
    said = json.loads(capsys.readouterr().out)
    assert (said["network"], said["normalizer"]) == ("TRADES' MNIST network", "none")
    assert said["clean_accuracy"] == 0.9948
    assert (said["verdict"], said["strong_accuracy"]) == ("unchecked", None)
    assert said["findings"][0].startswith("Not yet checked")
    others = [row["accuracy"] for row in said["accuracies"] if row["normalizer"] == "signed"]
    assert max(others) < 0.6


def test_that_the_resnet_of_a_package_reads_raw_pixels():
    package = importlib.util.find_spec("pyautoattack")
    if package is None:
        pytest.skip("pyautoattack, which has the weights, is not installed")
    from engine.data.images import ingest
    from engine.networks.opening.finding import find, open_file
    from engine.training.deciding import decide

    _, images = ingest(real_data("cifar10-images.tar.gz"), max_train=100, max_test=200)
    file = Path(package.origin).parent / "examples" / "model_test.pt"
    decision = decide(find(open_file(file), shape=images.shape), images, most=200)
    assert decision.proposed.normalizer == "none"
    assert 0.75 < decision.proposed.accuracy < 0.92
    wrong = [choice.accuracy for choice in decision.choices if choice.normalizer == "data set"]
    assert max(wrong) < 0.3


def test_that_a_network_of_a_library_gets_photographs_in_its_size_and_all_of_them(tmp_path, capsys):
    made = library.torchvision_network(specs.Torchvision(name="squeezenet1_1"), (3, 64, 64), 1000)
    torch.save(made.state_dict(), tmp_path / "w.pt")
    random = np.random.default_rng(0)
    for name in ("3", "14"):
        (tmp_path / "photographs" / name).mkdir(parents=True)
        for number in range(3):
            pixels = random.integers(0, 256, (230, 300, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photographs" / name / f"{number}.png")
    study = tmp_path / "s.isthmus"
    arguments = ("--study", study, "--images", tmp_path / "photographs", "--json")
    assert run("import", tmp_path / "w.pt", *arguments) == OK
    said = json.loads(capsys.readouterr().out)
    assert (said["network"], said["classes"]) == ("squeezenet1_1", 1000)
    assert {row["images"] for row in said["accuracies"]} == {6}
    images = Study(study).read(said["key"]).spec.images
    assert (images.image_size, images.test_fraction) == (224, 1.0)
    # Nothing is left to train on, which a training says.
    place = tmp_path / "photographs"
    (tmp_path / "plan.toml").write_text(
        f"""
run = ["learnt"]
specs.images = {{ path = "{place}", test_fraction = 1.0 }}
specs.small = {{ kind = "small_cnn" }}
specs.learnt = {{ kind = "training", images = "@images", epochs = 1, network = "@small" }}
"""
    )
    assert run("run", tmp_path / "plan.toml", "--study", study) != OK
    said = capsys.readouterr().err
    assert "have no training images; at least one is needed" in said
    assert "no training image:" not in said


@pytest.mark.parametrize(
    ("spec", "side"),
    [
        (specs.Torchvision(name="resnet18"), 224),
        (specs.Torchvision(name="inception_v3"), 299),
        (specs.SmallCNN(), None),
    ],
)
def test_that_the_side_is_known_that_published_weights_expect(spec, side):
    assert library.usual_side(spec) == side


def test_that_small_images_for_a_network_of_imagenet_are_remarked():
    found = SimpleNamespace(
        classes=1000, network=specs.Torchvision(name="resnet18"), notes=(), shape=(3, 64, 64)
    )
    pixels, labels = np.zeros((60, 3, 64, 64), np.uint8), np.arange(60) % 2
    images = ImageSet(
        train_images=pixels,
        train_labels=labels,
        test_images=pixels[:3],
        test_labels=labels[:3],
        classes=("a", "b"),
    )
    size, few = sentences(found, images)
    assert size.endswith("resnet18 expect images of 224x224 px; these are read at 64x64 px.")
    assert "the set's 3 test images; with a test fraction of 1 they are on all 63." in few
    found.classes = 10
    assert sentences(found, images) == [few]
