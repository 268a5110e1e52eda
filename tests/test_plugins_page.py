"""The page on methods of one's own: its plan is read, and its commands are those there are."""

import re
import shlex
from pathlib import Path

import pytest

from engine.cli.parser import COMMANDS, parser
from engine.cli.templates import TEMPLATES
from engine.plan.planfile import read_plan
from engine.plugins import forget, load

PAGE = (Path(__file__).parent.parent / "docs" / "plugins.md").read_text()
PLANS = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
LINES = [
    line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) for line in block.splitlines()
]


@pytest.mark.parametrize("line", LINES)
def test_that_a_command_of_the_page_is_understood(line):
    program, *arguments = shlex.split(line)
    assert program == "main.py"
    if arguments[0] in COMMANDS:
        options = parser().parse_args(arguments)
        named = [path.name for path in options.plugin]
        assert named in ([], ["mine.py"], [f"{name}.py" for name in TEMPLATES])


def test_that_the_plan_of_the_page_compares_the_template_with_the_gradient(tmp_path):
    plan, mine = tmp_path / "compare.toml", tmp_path / "mine.py"
    plan.write_text(PLANS[0])
    mine.write_text(TEMPLATES["attribution"])
    plugin = load(mine)
    try:
        kinds = {spec.attribution.kind for spec in read_plan(plan).named["scores"]}
        assert kinds == {"gradient", "blurred_gradient"}
        assert len(read_plan(plan).specs) == 6 + 4
    finally:
        forget(plugin)


def test_that_the_other_plan_of_the_page_uses_all_four_templates(tmp_path):
    plan, loaded = tmp_path / "all.toml", []
    plan.write_text(PLANS[1])
    try:
        for name, text in TEMPLATES.items():
            file = tmp_path / f"{name}.py"
            file.write_text(text)
            loaded.append(load(file))
        found = read_plan(plan)
        assert len(found.specs) == 4 * 2
        asked = str([spec.as_dict() for spec in found.specs])
        for plugin in loaded:
            (kind,) = plugin.kinds
            assert repr(kind) in asked
    finally:
        for plugin in loaded:
            forget(plugin)


@pytest.mark.parametrize("name", TEMPLATES)
def test_that_a_template_names_only_what_is_there(name):
    assert f"`{name}`" in PAGE or name == "attribution"
    for page in re.findall(r"docs/\w+\.md", TEMPLATES[name]):
        assert (Path(__file__).parent.parent / page).is_file()
