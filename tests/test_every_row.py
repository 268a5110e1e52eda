"""Every attack, attribution, scheme and metric: in plan, commands, report and tests by its row."""

import ast
import json
import re
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from engine import specs
from engine.attacks.table import ATTACKS
from engine.attribution.table import ATTRIBUTIONS
from engine.cli.main import main
from engine.figures.report import write_report
from engine.measures.measure import METRICS
from engine.plan.planfile import read_plan
from engine.plan.reproduce import plan_text
from engine.specs.methods import FAMILIES, source_of
from engine.specs.schema import kinds_of
from engine.store.study import Study
from engine.training.schemes import SCHEMES
from tests import made_up_study as made_up

ROOT = Path(__file__).parent.parent
TABLES = {
    "attacks": ATTACKS,
    "attributions": ATTRIBUTIONS,
    "schemes": SCHEMES,
    "metrics": METRICS,
}
ROWS = [(family, cls) for family in TABLES for cls in kinds_of(FAMILIES[family][1])]
EACH_ROW = pytest.mark.parametrize(
    ("family", "cls"), ROWS, ids=[f"{family}-{cls.kind}" for family, cls in ROWS]
)
OWN = "no paper: what the program itself defines"
WITHOUT_A_SOURCE = {
    "standard": "training as everyone does it",
    "robust_accuracy": OWN,
    "class_accuracy": OWN,
    "smallest_eps": OWN,
}

# What may ask for one kind by name, outside specs and tables, and why it is no special case.
ALLOWED = {
    "engine/figures/network_page/making.py": "puts other maps than the gradient first",
    "engine/figures/record_pictures.py": "names the live maps of records without that field",
    "engine/manifold/panels.py": "orders networks by eps; only standard ones are at 0",
    "engine/measures/scores/removal.py": "the function of deletion and insertion",
    "engine/tradeoff/frontier_predictions.py": "the registered predictions name schemes",
    "engine/tradeoff/frontier_verdicts.py": "the registered reference is PGD training",
}
JUDGED = (specs.AttributionSpec, specs.SchemeSpec, specs.ScoreSpec)


def of_row(family, cls, network=None):
    """Return the record that a row is for, with its defaults, on a network."""
    network = network or made_up.network()
    return {
        "attacks": lambda: specs.AdversarialExamples(classifier=network, attack=cls()),
        "attributions": lambda: specs.Maps(classifier=network, attribution=cls()),
        "schemes": lambda: network.replace("scheme", cls()),
        "metrics": lambda: specs.Measurement(classifier=network, metric=cls(), test_images=3),
    }[family]()


@EACH_ROW
def test_that_a_row_is_told_of_by_the_command_and_the_page(family, cls, capsys):
    assert cls.kind in TABLES[family]
    assert bool(source_of(cls)) != (cls.kind in WITHOUT_A_SOURCE)
    assert main(["methods", family, "--json"]) == 0
    found = {one["kind"]: one for one in json.loads(capsys.readouterr().out)["methods"]}
    assert found[cls.kind]["summary"].endswith(".")
    assert f"(`{cls.kind}`)" in (ROOT / "docs" / "methods.md").read_text()


@EACH_ROW
def test_that_a_row_stands_in_a_plan(family, cls, tmp_path):
    spec = of_row(family, cls)
    plan = tmp_path / "plan.toml"
    plan.write_text(plan_text(spec))
    assert list(read_plan(plan).specs)[-1] == spec


def study_of_all(folder):
    """Return a study with a record of every row, none of them computed."""
    study = Study(folder / "all.isthmus", create=True)
    made_up.add_images(study)
    plain = made_up.network()
    made_up.add_network(study, plain)
    for family, cls in ROWS:
        spec = of_row(family, cls, plain)
        if family == "schemes" and spec != plain:
            made_up.add_network(study, spec)
        elif family == "attributions":
            made_up.add_maps(study, plain, cls())
            made_up.add_score(study, made_up.scored(plain, plain, attribution=cls()), 0.1)
        elif family == "attacks":
            made_up.add_attack(study, plain, attack=cls())
            if cls is not specs.PGD:  # that is how the others are evaluated
                made_up.add_network(study, plain.replace("evaluation", cls()))
        elif family == "metrics" and cls.headline:
            made_up.add_metric(study, plain, cls())
    return study


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    return study_of_all(tmp_path_factory.mktemp("every row"))


@pytest.fixture(scope="module")
def report(everything):
    path = everything.path.parent / "report.pdf"
    write_report(everything, path)
    text = subprocess.run(["pdftotext", str(path), "-"], capture_output=True, text=True, check=True)
    return told(text.stdout)


def told(text):
    """Return a text without what its layout adds: spaces, breaks, and minus signs for hyphens."""
    return re.sub(r"\s+", "", text.replace("−", "-"))


@pytest.mark.parametrize(
    ("family", "cls"),
    # A metric without a number of its own is a curve or a table, with tests of their own.
    [row for row in ROWS if getattr(row[1], "headline", True)],
    ids=lambda value: getattr(value, "kind", value),
)
def test_that_a_row_is_named_by_the_report_and_by_show(family, cls, everything, report, capsys):
    spec = of_row(family, cls)
    name = told(cls().title)
    assert name in report
    entry = next(entry for entry in everything.entries if entry.key == of_made(spec))
    assert main(["show", "--study", str(everything.path), entry.key[:12]]) == 0
    assert name in told(capsys.readouterr().out)


def of_made(spec):
    """Return the key under which the made-up study has the record of a row."""
    if isinstance(spec, specs.Maps | specs.AdversarialExamples):
        return replace(spec, indices=(0, 1, 2)).key
    return spec.key


@EACH_ROW
def test_that_a_row_is_tested_by_name(family, cls):
    """Beside the tests that walk all rows: by its class, or by its kind."""
    words = re.compile(rf"\b{cls.__name__}\b|[\"']{cls.kind}[\"']")
    assert [path for path in files_of_tests() if words.search(path.read_text())]


@cache
def files_of_tests():
    return [path for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__)]


def test_that_nothing_asks_which_method_it_has():
    """Only specs, the tables of rows, and what :data:`ALLOWED` says."""
    kinds = [cls for base in JUDGED for cls in kinds_of(base)]
    names, texts = {cls.__name__ for cls in kinds}, {cls.kind for cls in kinds}
    texts -= {"alignment", "gradient", "road", "standard"}  # words of other things too
    found = {}
    for package in ("engine", "gui"):
        for path in sorted((ROOT / package).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            if place.startswith("engine/specs/"):
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if asked := names_asked_for(node) & (names | texts):
                    found.setdefault(place, []).append((node.lineno, sorted(asked)))
    assert set(found) == set(ALLOWED), {k: v for k, v in found.items() if k not in ALLOWED}


def names_asked_for(node):
    """Return the names of classes, and the texts, that a check of a type or a comparison has."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("isinstance", "issubclass"):
        parts = [node.args[1]]
    elif isinstance(node, ast.Compare):
        parts = [node.left, *node.comparators]
    elif isinstance(node, ast.MatchClass):
        parts = [node.cls]
    else:
        return set()
    return {
        getattr(one, "id", getattr(one, "attr", getattr(one, "value", None)))
        for part in parts
        for one in ast.walk(part)
        if isinstance(getattr(one, "value", ""), str | ast.AST)
    } - {None}


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("isinstance(scheme, TRADES)", "TRADES"),
        ("isinstance(spec, specs.Rise | specs.GradCam)", "Rise"),
        ("spec.kind == 'trades'", "trades"),
        ("spec.kind in (Rise.kind, 'x')", "Rise"),
        ("type(spec) is TRADES", "TRADES"),
    ],
)
def test_that_a_question_for_one_method_is_noticed(code, name):
    tree = ast.parse(code)
    assert name in set().union(*[names_asked_for(node) for node in ast.walk(tree)])
