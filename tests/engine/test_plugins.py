"""Files of the user with methods of their own: loaded, refused in one sentence, told apart."""

import json
import re

import numpy as np
import pytest
import torch
from torch import nn

from engine import plugins, specs
from engine.attacks.table import attack
from engine.attribution.table import ATTRIBUTIONS, attribute
from engine.cli.main import main
from engine.cli.templates import TEMPLATES
from engine.plan.planfile import read_plan
from engine.plan.reproduce import command_text, plan_text, python_text
from engine.plugins import PluginError, forget, load, loaded
from engine.specs import AttackSpec, AttributionSpec
from engine.specs.schema import KINDS, ORIGINS, SpecError, from_dict
from engine.specs.variants import absent_words
from engine.store.study import Study

FIRST = TEMPLATES["attribution"]


def line_of(text):
    return next(number for number, line in enumerate(FIRST.splitlines(), 1) if text in line)


CLASS, FUNCTION = line_of("class Blurred"), line_of("def blurred_gradient")
ROW, RETURN = line_of("ATTRIBUTIONS[Blurred"), line_of("return functional")
PLAN = """
run = ["maps"]
[specs.images]
kind = "glyphs"
train = 60
test = 20
[specs.network]
kind = "training"
images = "@images"
network = { kind = "small_cnn" }
epochs = 1
evaluation_images = 10
[specs.maps]
kind = "maps"
classifier = "@network"
attribution = { kind = "blurred_gradient" }
"""


MEASURED = """
run = ["measured"]
[specs.images]
kind = "glyphs"
train = 60
test = 20
[specs.network]
kind = "training"
images = "@images"
network = {{ kind = "small_cnn" }}
epochs = 1
evaluation_images = 10
{scheme}
[specs.measured]
kind = "measurement"
classifier = "@network"
metric = {metric}
"""


@pytest.fixture(autouse=True)
def unloaded():
    yield
    for plugin in loaded():
        forget(plugin)


@pytest.fixture
def file(tmp_path):
    """Return a function that writes a plugin, a template with some of its text replaced."""

    def write(*changes, template="attribution", name="mine.py"):
        text = TEMPLATES[template]
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def linear():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 3))


def some_images():
    return torch.rand(4, 1, 6, 6, generator=torch.Generator().manual_seed(1))


def test_that_a_file_is_loaded_once_and_forgotten_without_a_trace(file):
    before = set(KINDS)
    plugin = load(file())
    assert load(file()) is plugin
    assert set(KINDS) - before == {"blurred_gradient"} == set(plugin.kinds)
    assert plugin.title == "mine.py: Blurred gradient"
    forget(plugin)
    assert set(KINDS) == before
    assert not ORIGINS
    assert "blurred_gradient" not in ATTRIBUTIONS
    assert loaded() == ()


@pytest.mark.parametrize("kind", ["attribution", "attack", "scheme", "metric"])
def test_that_every_template_runs_as_it_is(kind, tmp_path, capsys):
    path = tmp_path / f"{kind}.py"
    assert main(["methods", "--template", kind, "--out", str(path)]) == 0
    capsys.readouterr()
    assert main(["methods", "--json", "--plugin", str(path)]) == 0
    (plugin,) = loaded()
    listed = {method["kind"]: method for method in json.loads(capsys.readouterr().out)["methods"]}
    assert listed[plugin.kinds[0]]["source"] == "mine"
    assert listed[plugin.kinds[0]]["summary"]


def test_that_a_template_replaces_no_file(tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text("precious")
    assert main(["methods", "--template", "attack", "--out", str(path)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert path.read_text() == "precious"
    assert main(["methods", "--template", "atack"]) == 2
    assert "did you mean 'attack'" in capsys.readouterr().err


def test_that_the_attribution_of_the_template_is_a_blurred_gradient(file):
    load(file())
    model, images = linear(), some_images()
    spec = from_dict({"kind": "blurred_gradient", "quantity": "logit"}, AttributionSpec)
    found = attribute(model, images, spec)
    plain = attribute(model, images, specs.Gradient(quantity="logit"))
    torch.testing.assert_close(found[:, :, 2, 3], plain[:, :, 1:4, 2:5].mean((2, 3)))
    torch.testing.assert_close(found[:, :, 0, 0], plain[:, :, :2, :2].mean((2, 3)))
    wide = attribute(model, images, spec.replace("side", 4))
    assert wide.shape == images.shape


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_that_the_attack_of_the_template_stays_in_its_ball(file, norm):
    load(file(template="attack"))
    spec = from_dict({"kind": "random_corners", "norm": norm, "eps": 0.2}, AttackSpec)
    model, images = linear(), some_images()
    labels = model(images).argmax(1)
    found = attack(model, images, labels, spec, generator=torch.Generator().manual_seed(2))
    delta = (found - images).flatten(1)
    far = delta.abs().amax(1) if norm == "linf" else delta.norm(dim=1)
    assert far.max() <= 0.2 + 1e-6
    assert far.min() > 0.05


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ([("def blurred_gradient(", "def blurred_gradient((")], r"mine.py, line \d+: .+"),
        (
            [("from dataclasses", "import no_such_module\nfrom dataclasses")],
            "mine.py, line 3: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        (
            [('kind="blurred_gradient"', 'kind="gradient"')],
            f"mine.py, line {CLASS}: TypeError: two specs are of kind 'gradient'; a .+",
        ),
        (
            [("ATTRIBUTIONS[BlurredGradient.kind]", 'ATTRIBUTIONS["gradient"]')],
            f"mine.py, line {ROW}: ATTRIBUTIONS has a row 'gradient' already; .+",
        ),
        (
            [("ATTRIBUTIONS[BlurredGradient.kind]", 'ATTRIBUTIONS["blurry"]')],
            f"mine.py, line {ROW}: ATTRIBUTIONS has a row 'blurry', which is no .+",
        ),
        (
            [("ATTRIBUTIONS[BlurredGradient.kind] =", "unused =")],
            f"mine.py, line {CLASS}: BlurredGradient has no function: ATTRIBUTIONS.+",
        ),
        (
            [
                (
                    '"""Gradient of the explained quantity, averaged over a small square. '
                    'Source: mine."""',
                    "",
                )
            ],
            f"mine.py, line {CLASS}: BlurredGradient has no docstring; .+",
        ),
        (
            [("@dataclass(frozen=True, kw_only=True)", "")],
            f"mine.py, line {CLASS}: BlurredGradient lacks @dataclass.frozen=True, .+",
        ),
        (
            [('label="Blurred gradient"', 'label="Gradient"')],
            f"mine.py, line {CLASS}: BlurredGradient: label is 'Gradient', which .+ has already",
        ),
        (
            [("param(3,", "param(0,")],
            f"mine.py, line {CLASS}: .+ wrong default: side is 0, must be .+",
        ),
        ([("param(3, low", "param(low")], "mine.py, .+: the field 'side' needs a default"),
        ([("side: int", "side: dict")], "mine.py, .+: the field 'side' is of no type .+"),
        ([("    side: int", "    key: int")], "mine.py, .+: a field cannot be called 'key', .+"),
        (
            [("quantity, side)", "quantity)")],
            f"mine.py, line {FUNCTION}: blurred_gradient is called with .+",
        ),
        (
            [("return TO_PIXELS", "return 1 / 0")],
            "mine.py, line 25: ZeroDivisionError: division by zero",
        ),
        (
            [("return TO_PIXELS", 'return "a lot"')],
            f"mine.py, line {CLASS}: BlurredGradient has passes 'a lot', must be .+",
        ),
        ([("# The row.", "import sys; sys.exit(3)")], f"mine.py, line {ROW - 1}: SystemExit: 3"),
        ([(FIRST, "x = 1")], "mine.py declares no method: no class in it has a kind; .+"),
        ([("AttributionSpec, kind", "Spec, kind")], "mine.py, line .+"),
    ],
)
def test_that_a_bad_file_is_refused_in_one_sentence_and_changes_nothing(
    file, changes, sentence, capsys
):
    before = dict(KINDS), dict(ATTRIBUTIONS)
    path = file(*changes)
    with pytest.raises(PluginError) as caught:
        load(path)
    assert re.fullmatch(sentence, str(caught.value)), caught.value
    assert (dict(KINDS), dict(ATTRIBUTIONS)) == before
    assert not ORIGINS
    assert main(["methods", "--plugin", str(path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"isthmus: {caught.value}"


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"\xff\xfe\x00", "mine.py", "mine.py, line 1: .+"),
        (b"x = '\x00'", "mine.py", "mine.py.*null bytes"),
        (b"", "mine.txt", "plugin is 'mine.txt', must be a Python file that ends in .py"),
        (None, "mine.py", "plugin .+mine.py cannot be read: No such file or directory"),
        (b"", "mine.py", "mine.py declares no method.+"),
        (b"#" * (5 << 20), "mine.py", "mine.py has more than 4 MB, too many for a plugin"),
        (b"(" * 50_000, "mine.py", "mine.py.+"),
    ],
)
def test_that_what_is_no_plugin_is_refused(tmp_path, content, name, sentence):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PluginError, match=sentence) as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_that_a_folder_and_a_file_in_a_study_are_refused(tmp_path):
    folder = tmp_path / "folder.py"
    folder.mkdir()
    with pytest.raises(PluginError, match="it is a folder, must be a regular file"):
        load(folder)
    study = tmp_path / "s.isthmus"
    Study(study, create=True)
    inside = study / "mine.py"
    inside.write_text(FIRST)
    with pytest.raises(PluginError, match=r"mine.py is not run: .+ lies in the study"):
        load(inside)
    link = tmp_path / "link.py"
    link.symlink_to(inside)
    with pytest.raises(PluginError, match="lies in the study"):
        load(link)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("return found.sum(1)", r"returned Tensor of shape \(4, 6, 6\), must be a tensor of .+"),
        ("return None", r"returned None, must be a tensor of the images' shape, \(4, 1, 6, 6\)"),
        ("return found.double()", "returned a tensor of torch.float64, must be torch.float32"),
        ("return found * float('nan')", "returned 144 of 144 values not finite, must be finite"),
    ],
)
def test_that_a_wrong_map_is_said_to_be_one(file, change, sentence):
    load(file(("    return functional", f"    {change}\n    return functional")))
    spec = from_dict({"kind": "blurred_gradient"}, AttributionSpec)
    with pytest.raises(
        PluginError, match=f"^mine.py, line {FUNCTION}: blurred_gradient {sentence}$"
    ):
        attribute(linear(), some_images(), spec)


def test_that_what_a_method_raises_names_its_file_and_line(file):
    load(
        file(
            ("    return functional", "    raise RuntimeError('no\\nluck')\n    return functional")
        )
    )
    spec = from_dict({"kind": "blurred_gradient"}, AttributionSpec)
    with pytest.raises(PluginError, match=rf"^mine.py, line {RETURN}: RuntimeError: no luck$"):
        attribute(linear(), some_images(), spec)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("return worst", "return worst + 1", "returned pixels from .+, must be in .0, 1."),
        ("eps * delta.sign()", "2 * eps * delta.sign()", "images at a distance of 0.2 .linf."),
        ("return worst", "return worst[:2]", r"Tensor of shape \(2, 1, 6, 6\)"),
    ],
)
def test_that_an_attack_that_leaves_its_ball_is_refused(file, old, new, sentence):
    load(file((old, new), template="attack"))
    spec = from_dict({"kind": "random_corners", "eps": 0.1}, AttackSpec)
    model, images = linear(), some_images()
    with pytest.raises(PluginError, match=sentence):
        attack(model, images, model(images).argmax(1), spec)


@pytest.mark.parametrize(
    ("template", "old", "new", "sentence"),
    [
        (
            "scheme",
            "return descend(",
            "return 0.5 or max(",
            "half_and_half_step returned a float",
        ),
        (
            "scheme",
            "clean * clean_loss",
            "float('inf') * clean_loss",
            "half_and_half_step returned a loss of inf, must be finite",
        ),
        ("scheme", "adv_images = attacked(", "adv_images = attac(", "NameError: name 'attac'"),
        (
            "metric",
            "return Result(",
            "return (lambda *parts: {})(",
            "overconfidence returned a dict",
        ),
        (
            "metric",
            '"accuracy": float(right.mean())',
            '"accuracy": float("nan")',
            "ValueError: the result accuracy is nan, not a finite number",
        ),
        ("metric", '"right": right.numpy()', '"right": right', "right as Tensor of shape"),
        ("metric", "float(right.mean()),", "right.mean(),", "accuracy as Tensor of shape"),
    ],
)
def test_that_a_scheme_or_metric_that_fails_fails_its_computation_with_a_sentence(
    file, tmp_path, capsys, template, old, new, sentence
):
    path = file((old, new), template=template)
    plan = tmp_path / "plan.toml"
    scheme = 'scheme = { kind = "half_and_half" }' if template == "scheme" else ""
    metric = '{ kind = "overconfidence" }' if template == "metric" else '{ kind = "alignment" }'
    plan.write_text(MEASURED.format(scheme=scheme, metric=metric))
    run = ["run", str(plan), "--study", str(tmp_path / "s"), "--device", "cpu"]
    assert main([*run, "--plugin", str(path)]) == 1
    said = capsys.readouterr().err
    (line,) = [line for line in said.splitlines() if "FAILED: mine.py" in line]
    assert sentence in line


def test_that_a_field_of_a_plugin_is_checked_by_its_own_sentence(file):
    load(file())
    with pytest.raises(SpecError, match=r"^side is 0, must be a whole number at least 1"):
        from_dict({"kind": "blurred_gradient", "side": 0})


def test_that_another_content_has_other_keys_and_another_name_has_not(file):
    key = from_dict({"kind": "blurred_gradient"}) if load(file()) else None
    forget(loaded()[0])
    load(file(name="other.py"))
    assert from_dict({"kind": "blurred_gradient"}).key == key.key
    forget(loaded()[0])
    load(file(("# The row.", "# The row!")))
    assert from_dict({"kind": "blurred_gradient"}).key != key.key


def test_that_a_changed_file_takes_the_place_of_what_it_was(file):
    load(file())
    old = from_dict({"kind": "blurred_gradient"}, AttributionSpec)
    form = old.as_dict()
    load(file(("param(3,", "param(5,")))
    assert len(loaded()) == 1
    assert from_dict({"kind": "blurred_gradient"}).side == 5
    with pytest.raises(SpecError, match="the one that is loaded differs"):
        from_dict(form)
    with pytest.raises(PluginError):
        load(file(("side: int", "side:: int")))
    assert from_dict({"kind": "blurred_gradient"}).side == 5
    attribute(linear(), some_images(), from_dict({"kind": "blurred_gradient"}, AttributionSpec))


def test_that_a_content_that_was_not_allowed_is_not_run(file):
    allowed = plugins.digest_of(file())
    with pytest.raises(PluginError, match=r"mine.py has changed since it was allowed"):
        load(file(("# The row.", "raise SystemExit")), allowed)
    assert load(file(), allowed).origin.digest == allowed


def test_that_a_study_without_the_plugin_shows_its_records_and_says_what_is_missing(
    file, tmp_path, capsys
):
    plan, study, path = tmp_path / "plan.toml", str(tmp_path / "s"), file()
    plan.write_text(PLAN)
    run = ["run", str(plan), "--study", study, "--device", "cpu"]
    assert main([*run, "--plugin", str(path)]) == 0
    (plugin,) = loaded()
    entry = next(one for one in Study(tmp_path / "s").entries if one.kind == "maps")
    stored = Study(tmp_path / "s").read(entry.key)
    assert stored.provenance["plugins"] == [f"mine.py {plugin.origin.digest}"]
    assert entry.spec["attribution"]["plugin"] == f"mine.py {plugin.origin.digest}"
    assert entry.lacks == ""
    assert entry.known_spec is not None
    forget(plugin)
    assert entry.known_spec is None
    capsys.readouterr()

    missing = f"the plugin mine.py (SHA-256 {plugin.origin.digest[:12]}), which is not loaded"
    assert entry.lacks == missing
    assert main(["list", "--study", study]) == 0
    assert f"1 record needs {missing}" in capsys.readouterr().err
    assert main(["show", entry.key, "--study", study]) == 0
    shown = capsys.readouterr().out
    assert "Blurred gradient, 3 px maps" in shown
    assert "attributions             float32 (8, 1, 28, 28)" in shown
    assert missing in shown
    assert main(["check", "--study", study]) == 0
    assert "0 damaged" in capsys.readouterr().err
    assert main(["pack", "--study", study, "--out", str(tmp_path / "p.h5")]) == 0
    assert main(["unpack", str(tmp_path / "p.h5"), "--study", str(tmp_path / "s2")]) == 0
    assert main(["export", "report", "--study", study, "--out", str(tmp_path / "r.pdf")]) == 0
    assert main(run) == 2
    assert "kind is 'blurred_gradient'" in capsys.readouterr().err
    copied = Study(tmp_path / "s2").read(entry.key)
    np.testing.assert_array_equal(copied.arrays["attributions"], stored.arrays["attributions"])
    # With the file named, nothing is computed again.
    assert main([*run, "--plugin", str(path)]) == 0
    assert "nothing to compute" in capsys.readouterr().err


def test_that_a_file_that_a_study_names_is_shown_harmlessly_and_briefly():
    named = [{"kind": "x", "plugin": f"{n}\x1b[2J{'y' * 500}.py {n:064x}"} for n in range(9)]
    words = absent_words([{"inner": named, "plugin": 3}, {"plugin": {"plugin": "no"}}])
    assert words.startswith("the plugins 0\\x1b[2Jyy")
    assert words.endswith(", 3 more, which are not loaded")
    assert len(words) < 700
    with pytest.raises(SpecError, match="kind is 'gradient' of the plugin"):
        from_dict({"kind": "gradient", "plugin": "mine.py 00"})


def test_that_copied_commands_and_code_load_the_plugin(file, tmp_path):
    path = file()
    load(path)
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)
    (spec,) = read_plan(plan).specs
    assert f"--plugin {path}" in command_text(spec, tmp_path / "s", "posix")
    again = tmp_path / "again.toml"
    again.write_text(plan_text(spec))
    assert read_plan(again).specs[0].key == spec.key
    code = python_text(spec, tmp_path / "s").replace("print(dict", "found = (dict")
    names = {}
    exec(compile(code, "copied", "exec"), names)
    assert names["record"].entry.key == spec.key
    changed = file(("# The row.", "# The row!"))
    load(changed)
    with pytest.raises(SpecError, match="is not loaded; the one that is loaded differs"):
        read_plan(again)
    with pytest.raises(SpecError, match=r"mine.py has changed since this was asked for"):
        command_text(spec, tmp_path / "s", "posix")


def test_that_a_method_that_fails_fails_its_computation_only(file, tmp_path, capsys):
    plan, study = tmp_path / "plan.toml", str(tmp_path / "s")
    path = file(("    return functional", "    raise KeyError('x')\n    return functional"))
    plan.write_text(PLAN)
    code = main(["run", str(plan), "--study", study, "--device", "cpu", "--plugin", str(path)])
    assert code == 1
    said = capsys.readouterr().err
    assert f"mine.py, line {RETURN}: KeyError: 'x'" in said
    assert {entry.kind for entry in Study(tmp_path / "s").entries} == {"glyphs", "training"}
