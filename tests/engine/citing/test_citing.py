"""The methods section says what was computed, and cites works that are listed."""

import json
import re

import pytest

from engine.citing.paragraph import methods_of
from engine.citing.sources import cited, named_in
from engine.citing.works import WORKS
from engine.cli.main import main
from engine.specs import Glyphs
from engine.specs.methods import methods
from engine.specs.schema import KINDS
from engine.store.study import Result, Study
from tests import made_up_study as made_up
from tests.golden.make import HERE

KINDS_OF_OURS = [method for method in methods() if not method.kind.startswith("made_up")]


@pytest.mark.parametrize("method", KINDS_OF_OURS, ids=lambda method: method.kind)
def test_that_every_work_that_a_docstring_names_is_listed(method):
    if not KINDS[method.kind].__module__.startswith("engine."):
        pytest.skip("a kind that another test made up")
    named = named_in(method.source)
    assert len(named) == len(re.findall(r"\b(?:19|20)\d\d[a-z]?\b", method.source)), method.source
    assert [name for name in named if name not in WORKS] == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("Madry 2018, eq. 2.1", ["Madry 2018"]),
        ("Kim, Seo, Jeon 2019; Hooker 2019", ["Kim, Seo, Jeon 2019", "Hooker 2019"]),
        ("Carlini et al. 2019, evaluating robustness", ["Carlini et al. 2019"]),
        ("Croce, Hein 2020b", ["Croce, Hein 2020b"]),
        ("Hedström 2024, smooth MPRT", ["Hedström 2024"]),
        ("mine", []),
    ],
)
def test_that_works_are_found_in_a_source(source, names):
    assert named_in(source) == names
    assert [WORKS[name] for name in names] == cited(source)


def test_that_no_two_works_share_a_key_and_every_entry_is_whole():
    keys = [work.key for work in WORKS.values()]
    assert len(set(keys)) == len(keys)
    for name, work in WORKS.items():
        assert re.fullmatch(r"[a-z]+\d{4}[a-z]+", work.key)
        assert name.split()[-1].startswith(str(work.year))
        assert len(re.findall(r"[{]", work.bibtex())) == len(re.findall(r"[}]", work.bibtex()))
    assert WORKS["Hedström 2024"].key == "hedstrom2024sanity"
    assert WORKS["Madry 2018"].short == "Madry et al. 2018"
    assert WORKS["Kingma, Ba 2015"].short == "Kingma and Ba 2015"


def test_that_the_section_of_a_sweep_names_what_differs_and_what_does_not(tmp_path):
    study = made_up.sweep(tmp_path, eps=(0.02, 0.04, 0.06), norms=("linf",))
    section = methods_of(study)
    (values,) = re.findall(r"eps ([\d., and]+), loss", section.text)
    assert {"0.02", "0.04", "0.06"} <= set(re.findall(r"[\d.]+", values))
    assert "[Madry et al. 2018" in section.text
    assert "digest" not in section.text
    assert WORKS["Kim, Seo, Jeon 2019"] in section.references
    assert len(set(section.references)) == len(section.references)
    latex = methods_of(study, latex=True).text
    assert "\\cite{madry2018towards" in latex
    assert re.search(r"(?<!\\)[%_&#]", re.sub(r"\\cite\{.*?\}", "", latex)) is None


@pytest.mark.parametrize(
    ("version", "shown"),
    [
        ("\\input{/etc/passwd}", "\\textbackslash{}input\\{/etc/passwd\\}"),
        ("^^5cinput ~", "\\textasciicircum{}\\textasciicircum{}5cinput \\textasciitilde{}"),
        ("a\n\n\\end", "a\\textbackslash{}n\\textbackslash{}n\\textbackslash{}end"),
        ("$x$ & % # _ <b>", "\\$x\\$ \\& \\% \\# \\_ \\textless{}b\\textgreater{}"),
        ("2" * 10_000, "2" * 20 + "…"),
    ],
)
def test_that_no_text_of_a_record_is_a_command_of_latex(tmp_path, version, shown):
    study = Study(tmp_path / "s.isthmus", create=True)
    study.write(Glyphs(), Result({}), seconds=1.0, provenance={"torch": version})
    text = methods_of(study, latex=True).text
    assert f"PyTorch {shown}" in text
    assert "\n" not in text
    assert len(text) < 2_000
    assert set(re.findall(r"\\[a-z]+", text)) <= {
        "\\cite",
        "\\textbackslash",
        "\\textasciicircum",
        "\\textasciitilde",
        "\\textless",
        "\\textgreater",
    }


def test_that_the_command_prints_the_section_and_its_references(capsys):
    study = HERE / "v0.1.isthmus"
    assert main(["cite", "--study", str(study)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("The images were ")
    assert "@inproceedings{madry2018towards,\n  author = {Madry, Aleksander" in printed
    assert main(["cite", "--study", str(study), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"text", "references", "bibtex"}


def test_that_an_empty_study_has_nothing_to_describe(tmp_path, capsys):
    Study(tmp_path / "s.isthmus", create=True)
    assert main(["cite", "--study", str(tmp_path / "s.isthmus")]) == 2
    assert "holds no records yet" in capsys.readouterr().err
