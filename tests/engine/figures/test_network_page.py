"""The page of a network: whole, escaped, loads nothing, and says what was not measured."""

import base64
import html
import io
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.cli.main import main
from engine.figures.charts import FigureError
from engine.figures.network_page.markup import element, escaped, picture
from engine.figures.network_page.page import SECTIONS, network_html, write_network
from engine.plan.planfile import read_plan
from engine.specs import (
    PGD,
    ClassAccuracy,
    CorruptedAccuracy,
    Imported,
    Road,
    SmallestEps,
    StrongAccuracy,
)
from engine.specs.measures import Measurement
from engine.specs.scores.removal import ORDERS
from engine.store.study import Study, StudyError
from tests import made_up_study as made_up

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
NETWORK = made_up.network("linf", 0.1)
HOSTILE = "<script>alert(1)</script>&\"'\x00\x1b\u202e"


class Reader(HTMLParser):
    """Collects tags with attributes, and the text; complains about tags left open."""

    def __init__(self):
        super().__init__()
        self.tags, self.words, self.open = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("img", "meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(self.words)


def read(text):
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return reader


@pytest.fixture
def study(tmp_path):
    found = Study(tmp_path / "s.isthmus", create=True)
    made_up.add_images(found)
    made_up.add_network(found, NETWORK, 0.9, 0.4)
    return found


def add(study, metric, numbers, arrays=None, network=NETWORK, images=200):
    spec = Measurement(classifier=network, metric=metric, test_images=images)
    return made_up.add(study, spec, {**numbers, "test_images": images}, arrays)


def by_class_arrays(classes=10, channels=1):
    """Return 20 images a class, all right but two of class 3, which are taken for class 5."""
    confusion = np.eye(classes, dtype=np.int64) * 20
    confusion[3, 3], confusion[3, 5] = 18, 2
    attacked = np.full((classes, classes), 0, np.int64)
    attacked[:, 0] = 20
    return {
        "labels": np.repeat(np.arange(classes), 20),
        "confusion": confusion,
        "attacked_confusion": attacked,
        "margin": np.linspace(-1, 1, 20 * classes, dtype=np.float32),
        "attacked_margin": np.linspace(-2, 1, 20 * classes, dtype=np.float32),
        "worst/images": np.full((3, channels, 8, 8), 100, np.uint8),
        "worst/indices": np.array([61, 62, 7]),
        "worst/labels": np.array([3, 3, 0]),
        "worst/predicted": np.array([5, 5, 0]),
    }


def fill(study):
    """Store every metric that the page shows."""
    add(study, ClassAccuracy(attack=PGD(eps=0.1)), {"accuracy": 0.99}, by_class_arrays())
    means = {f"{n}_accuracy": 0.5 for n in ("gaussian_noise", "jpeg")}
    corrupted = {"clean_accuracy": 0.9, "mean_corrupted_accuracy": 0.55, **means}
    add(study, CorruptedAccuracy(), corrupted, {"corruptions": np.full((5, 6), 0.5)})
    values = np.array([0.0, 0.01, 0.02, 0.04, np.nan], np.float32)
    add(study, SmallestEps(), {"never_fooled": 0.2}, {"smallest_eps": values})
    strong = {"accuracy": 0.3, "clean_accuracy": 0.9, "no_gradient_share": 0.5}
    add(study, StrongAccuracy(), strong)
    score = {"road": 0.25, "road_low": 0.2, "road_high": 0.3, "road_sobel": 0.125}
    panel = {name: np.full((3, 2), 0.5) for name in ("map", "random", "sobel", "blurred")}
    curves = {f"curves/{order}/{name}": curve for order in ORDERS for name, curve in panel.items()}
    values = {"road": np.full(4, 0.25), "curves/x": np.array([0.0, 0.5])}
    add(study, Road(), score, {**values, **curves})


def test_that_the_page_says_all_that_is_known(study):
    fill(study)
    reader = read(network_html(study, NETWORK.key, now=NOW))
    text = reader.text
    for title, _ in SECTIONS:
        assert title in text
    for part in (
        "2026-01-02 03:04",
        "30.0 % under L-inf 8/255 PGD-20 + targeted margin",
        "24.1 to 36.7 %",  # Wilson of 60 of 200
        "Verdict:  doubtful",
        "5 (2)",  # class 3 is twice taken for class 5
        "3 → 5 (image 61)",
        "0 → 0 (image 7, right)",
        "55.0 %",
        "never fooled",
        "ROAD of Gradient",
        "0.200 to 0.300",
        "Sobel edges 0.125",
        Road.caveat,
        "evaluation.eps",
        "must be CIFAR-10 with its ten classes",
    ):
        assert part in text, part
    assert "Not measured" not in text


def test_that_it_loads_nothing_and_its_pictures_are_inside(study):
    fill(study)
    text = network_html(study, NETWORK.key, now=NOW)
    reader = read(text)
    pictures = [attributes["src"] for tag, attributes in reader.tags if tag == "img"]
    assert len(pictures) >= 8
    for source in pictures:
        head, _, data = source.partition(",")
        assert head == "data:image/png;base64"
        Image.open(io.BytesIO(base64.b64decode(data))).verify()
    assert not {tag for tag, _ in reader.tags} & {"script", "link", "iframe", "object", "a"}
    assert not re.search(r"https?:|url\(|@import|\son\w+=", text)
    assert "default-src 'none'" in html.unescape(text)
    assert len(text) < 3_000_000


def test_that_every_text_of_a_file_is_escaped(tmp_path):
    study = Study(tmp_path / "s.isthmus", create=True)
    classes = [HOSTILE, *map(str, range(1, 10))]
    noted = {"classes": classes, "notes": [HOSTILE], "test_files": []}
    made_up.add(study, made_up.IMAGES, {"classes": 10}, documents=noted)
    spec = Imported(images=made_up.IMAGES, network=made_up.NETWORK, name=HOSTILE, digest="d")
    made_up.add(study, spec, {"clean_accuracy": 0.5})
    add(study, ClassAccuracy(), {"accuracy": 0.9}, by_class_arrays(), network=spec)
    study.labels.set(spec.key, title="<b>bold</b>", note="<img src=x onerror=alert(1)>")
    study.describe(name="<i>study</i>")
    text = network_html(study, spec.key, now=NOW)
    reader = read(text)
    assert not {tag for tag, _ in reader.tags} & {"script", "b", "i"}
    assert "<b>bold</b>" in reader.text
    assert "<script>alert(1)</script>" in reader.text
    assert not any(attributes.get("onerror") for _, attributes in reader.tags)
    assert "\x00" not in text
    assert "\x1b" not in text


def test_that_what_was_not_measured_is_said_with_a_plan_that_measures_it(study, tmp_path):
    text = network_html(study, NETWORK.key, now=NOW)
    plans = [html.unescape(part) for part in re.findall(r"<pre>(.*?)</pre>", text, re.DOTALL)]
    asked = []
    for number, plan in enumerate(plans):
        path = tmp_path / f"{number}.toml"
        path.write_text(plan)
        asked += read_plan(path).specs
    measured = [spec for spec in asked if isinstance(spec, Measurement)]
    assert {spec.classifier.key for spec in measured} == {NETWORK.key}
    assert {type(spec.metric) for spec in measured} == {
        StrongAccuracy,
        ClassAccuracy,
        CorruptedAccuracy,
        SmallestEps,
        Road,
    }
    assert read(text).text.count("Not measured") == 5


def test_that_an_l2_network_is_to_be_measured_at_radii_of_its_norm(study):
    spec = made_up.network("l2", 0.5).replace("evaluation", PGD(norm="l2", eps=0.5))
    made_up.add_network(study, spec)
    text = html.unescape(network_html(study, spec.key, now=NOW))
    assert "0.0625" in text
    assert 'norm = "l2"' in text


def test_that_a_damaged_measurement_costs_its_section_only(study):
    fill(study)
    arrays = by_class_arrays()
    del arrays["confusion"]
    add(study, ClassAccuracy(), {"accuracy": 1.0}, arrays, images=500)
    text = read(network_html(study, NETWORK.key, now=NOW)).text
    assert "lacks a part that its kind has: 'confusion'" in text
    assert "never fooled" in text


def test_that_many_classes_and_odd_channels_are_shown_in_short(study):
    arrays = by_class_arrays(classes=40, channels=2)
    add(study, ClassAccuracy(), {"accuracy": 1.0}, arrays)
    text = read(network_html(study, NETWORK.key, now=NOW)).text
    assert "The 30 worst classes under attack; 10 more." in text
    assert "neither 1 nor 3 channels" in text


def test_that_large_pictures_are_shrunk():
    noise = np.random.default_rng(0).integers(0, 255, (600, 300, 3), dtype=np.uint8)
    made = picture(noise, "noise")
    found = re.search('base64,([^"]*)"', made).group(1)
    assert Image.open(io.BytesIO(base64.b64decode(found))).size == (64, 128)


def test_that_a_page_with_large_images_stays_small(study):
    noise = np.random.default_rng(0).integers(0, 255, (18, 3, 224, 224), dtype=np.uint8)
    arrays = by_class_arrays() | {
        "worst/images": noise,
        **{f"worst/{name}": np.zeros(18, np.int64) for name in ("indices", "labels", "predicted")},
    }
    add(study, ClassAccuracy(), {"accuracy": 1.0}, arrays)
    text = network_html(study, NETWORK.key, now=NOW)
    assert text.count("image 0, right") == 2 * 18  # below the picture, and where none is drawn
    assert len(text) < 1_800_000


def test_that_text_is_escaped_once_and_markup_never():
    assert element("p", "a < b", element("b", "c")) == "<p>a &lt; b<b>c</b></p>"
    assert escaped("\ud800x\x07") == "\\ud800x\\x07"
    assert element("th", "x", class_='"><script>') == '<th class="&quot;&gt;&lt;script&gt;">x</th>'


def test_that_the_network_must_be_known_and_the_file_a_page(study, tmp_path):
    out = tmp_path / "n.html"
    write_network(study, out)  # the only network
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    with pytest.raises(FigureError, match=r"must end in one of \.html"):
        write_network(study, tmp_path / "n.pdf")
    with pytest.raises(FigureError, match=str(tmp_path / "no")):
        write_network(study, tmp_path / "no" / "n.html")
    with pytest.raises(StudyError, match="which is no network"):
        write_network(study, out, made_up.IMAGES.key)
    made_up.add_network(study, made_up.network())
    with pytest.raises(FigureError, match=r"--network is missing: the study has .*Standard"):
        write_network(study, out)
    write_network(study, out, NETWORK.key)  # a page is replaced, other text is not
    out.write_text("my notes")
    with pytest.raises(FigureError, match="is not replaced"):
        write_network(study, out, NETWORK.key)
    with pytest.raises(FigureError, match="lies in the study"):
        write_network(study, study.path / "n.html", NETWORK.key)
    with pytest.raises(FigureError, match="no network"):
        write_network(Study(tmp_path / "empty.isthmus", create=True), tmp_path / "m.html")


def test_that_the_command_writes_it_and_refuses_what_makes_no_sense(study, tmp_path, capsys):
    out = tmp_path / "n.html"
    command = ["export", "network", "--study", str(study.path), "--out", str(out)]
    assert main([*command, "--network", NETWORK.key[:8]]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert NETWORK.key in out.read_text(encoding="utf-8")
    assert main([*command, "--network", "zz"]) == 2
    assert "no record begins with it" in capsys.readouterr().err
    curves = ["export", "curves", "--study", str(study.path), "--out", str(tmp_path / "c.pdf")]
    assert main([*curves, "--network", NETWORK.key]) == 2
    assert "shows the whole study" in capsys.readouterr().err
    assert not Path(tmp_path / "c.pdf").exists()
