import re

import pytest

from engine import specs
from engine.plan.planfile import find_plan, head_of, presets, read_plan
from engine.specs.schema import SpecError

PLAN = """
title = "Two strengths"
run = ["standard", "robust"]

[specs.images]
kind = "glyphs"
train = 200

[specs.standard]
kind = "training"
images = "@images"
network = { kind = "small_cnn" }

[specs.robust]
kind = "training"
images = "@images"
network = { kind = "small_cnn" }
seed = { each = [0, 1] }
scheme = { kind = "adversarial", attack = { kind = "pgd", eps = { each = [0.1, 0.2] } } }

[specs.scores]
kind = "interpretability"
classifier = { each = ["@standard", "@robust"] }
attribution = { kind = "gradient" }
baseline = "@standard"
"""


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return path


def changed(plan, old, new):
    plan.write_text(PLAN.replace(old, new))
    return plan


def test_that_sweeps_multiply_and_references_carry_them(plan):
    read = read_plan(plan)
    assert len(read.specs) == 1 + 2 * 2
    assert len(read.named["scores"]) == 5
    eps = [one.scheme.attack.eps for one in read.named["robust"]]
    assert sorted(eps) == [0.1, 0.1, 0.2, 0.2]
    assert {one.images for one in read.specs} == {specs.Glyphs(train=200)}


def test_that_set_changes_a_field_before_sweeps_are_expanded(plan):
    settings = ["images.train=50", "robust.epochs=2", "robust.scheme.attack.norm=l2"]
    read = read_plan(plan, settings=settings)
    assert read.specs[0].images.train == 50
    assert {one.epochs for one in read.named["robust"]} == {2}
    assert {one.scheme.attack.norm for one in read.named["robust"]} == {"l2"}


def test_that_seed_changes_trainings_and_not_images(plan):
    read = read_plan(plan, seed=7)
    assert {one.seed for one in read.specs} == {7}
    assert read.specs[0].images.seed == 0


def test_that_given_images_take_the_place_of_the_plans(plan):
    form = {"kind": "folder", "name": "mine", "digest": "abc", "max_train": None}
    asked = []
    read = read_plan(
        plan,
        images="my/folder",
        settings=["images.max_train=7"],
        ingest_with=lambda path, fields: asked.append((path, fields)) or form,
    )
    assert asked == [("my/folder", {"path": "my/folder", "max_train": 7})]
    assert {(one.images.digest, one.images.max_train) for one in read.specs} == {("abc", 7)}


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('title = "Two', "title = Two", "is not valid TOML"),
        ("train = 200", "trian = 200", "specs.images.trian is not a field of glyphs (did you mean"),
        ('"@images"', '"@imagse"', "'@imagse', must name a spec above: images"),
        ("eps = {", "epsilon = {", "specs.robust.scheme.attack.epsilon is not a field"),
        ("[0.1, 0.2]", "[0.1, -2]", "scheme.attack.eps is -2, must be a number at least 0"),
        ('["standard", "robust"]', '["standrad"]', "run has 'standrad', must name one of"),
        ("title", "titel", "titel is no field of a plan (title, about, run, specs)"),
        ('"Two strengths"', "2", "title is 2, must be a text"),
        ("title", "about = 1\ntitle", "about is 1, must be a text"),
    ],
)
def test_that_a_typo_gets_one_sentence_that_names_it(plan, old, new, sentence):
    changed(plan, old, new)
    with pytest.raises(SpecError) as caught:
        read_plan(plan)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("epochs=3", "must be spec.field=value"),
        ("nothing.epochs=3", "must name one of"),
        ("standard.network.kind.deeper=3", "has no fields"),
        ("standard.epochs=-3", "epochs is -3"),
    ],
)
def test_that_a_wrong_setting_gets_one_sentence(plan, setting, sentence):
    with pytest.raises(SpecError, match=sentence):
        read_plan(plan, settings=[setting])


def test_that_an_unknown_preset_is_named_with_those_that_exist():
    with pytest.raises(SpecError, match=r"plan is 'demmo' \(did you mean 'demo'\?\), must be "):
        find_plan("demmo")


@pytest.mark.parametrize("name", presets())
def test_that_every_preset_can_be_read(name):
    form = {"kind": "idx", "name": "mnist", "digest": "abc", "max_train": None, "max_test": None}
    plan = read_plan(find_plan(name), ingest=lambda path: form)
    assert plan.specs
    assert all(spec.recorded for spec in plan.specs)


@pytest.mark.parametrize("name", presets())
def test_that_every_preset_checks_its_networks_or_says_that_it_does_not(name):
    text = find_plan(name).read_text(encoding="utf-8")
    comments = " ".join(line for line in text.splitlines() if line.startswith("#"))
    assert 'kind = "strong_accuracy"' in text or '"not yet checked"' in comments


def test_that_other_images_are_not_left_out_in_silence(tmp_path):
    plan = tmp_path / "own.toml"
    plan.write_text(
        'run = ["net"]\n[specs.net]\nkind = "training"\nimages = { kind = "glyphs" }\n'
        'network = { kind = "small_cnn" }\n'
    )
    with pytest.raises(SpecError, match=r"nothing to compute with other images"):
        read_plan(plan, images="/pictures", ingest=lambda path: {"kind": "glyphs"})
    assert read_plan(plan).specs


PAIRED = """
same = [["seed", "classifier.seed"], ["baseline.seed", "classifier.seed"]]
seed = { each = [0, 1] }
"""


def test_that_what_is_swept_twice_can_be_paired(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(PLAN.replace('"standard", "robust"', '"scores"') + PAIRED)
    text = path.read_text().replace("[specs.robust]", "seed = { each = [0, 1] }\n\n[specs.robust]")
    path.write_text(text)
    found = read_plan(path).specs
    # Two seeds of standard training and of two strengths, each with the baseline of its seed.
    assert len(found) == 6
    assert {(one.seed, one.classifier.seed, one.baseline.seed) for one in found} == {
        (0, 0, 0),
        (1, 1, 1),
    }


@pytest.mark.parametrize(
    ("same", "sentence"),
    [
        ('"seed"', "specs.scores.same is 'seed', must be a list of pairs"),
        ('[["seed"]]', "must be a list of pairs"),
        ('[["seed", "classifier.seeds"]]', "same names 'classifier.seeds', which has no field"),
    ],
)
def test_that_a_pair_that_is_none_gets_one_sentence(tmp_path, same, sentence):
    path = tmp_path / "plan.toml"
    path.write_text(PLAN + f"same = {same}\nseed = {{ each = [0, 1] }}\n")
    with pytest.raises(SpecError, match=re.escape(sentence)):
        read_plan(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[specs." + ".".join("a" * 200_000) + "]", "nested too deeply"),
        (".".join("a" * 100_000) + " = 1", "nested too deeply"),
        ("[specs." + ".".join("a" * 500) + "]", "nested too deeply"),
        ("x = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ("x = " + "[" * 60 + "]" * 60, "nested too deeply"),
        ("seed = " + "9" * 100_000, "number of thousands of digits"),
        ("# " + "x" * (9 << 20), "more than 8 MB"),
    ],
)
def test_that_a_plan_of_absurd_size_or_depth_is_refused_in_a_sentence(tmp_path, text, reason):
    path = tmp_path / "p.toml"
    path.write_text(text)
    for read in (read_plan, head_of):
        with pytest.raises(SpecError, match=reason) as refused:
            read(path)
        assert len(str(refused.value)) < 200
