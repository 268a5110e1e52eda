"""The version is the same wherever it is written."""

import re
import tomllib
from pathlib import Path

from engine.program import VERSION

ROOT = Path(__file__).resolve().parent.parent


def cited(field):
    (found,) = re.findall(rf'^{field}: "?([^"\n]*)"?$', (ROOT / "CITATION.cff").read_text(), re.M)
    return found


def test_that_the_program_the_project_and_the_citation_have_one_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert cited("version") == project["version"] == VERSION


def test_that_the_changelog_has_the_version_and_its_date_below_what_is_unreleased():
    versions = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert versions[:2] == ["Unreleased", f"{VERSION} - {cited('date-released')}"]
