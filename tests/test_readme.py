"""What the README says can be done."""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli.parser import COMMANDS, WITHOUT_STUDY
from engine.figures.catalog import FIGURES
from engine.plan.planfile import presets
from tests.engine.conftest import computed, study, training

__all__ = ["computed", "study"]  # fixtures

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_that_the_ten_lines_read_the_trade_off_of_a_study(study, computed):
    from engine import specs

    base = training(batch_size=20, epochs=6, optimizer=specs.Adam(learning_rate=5e-3))
    spec = specs.Interpretability(
        classifier=base,
        attribution=specs.GradientXInput(),
        mode="kar",
        baseline=base,
        fractions=(0.5,),
        repeats=1,
    )
    score, network = computed(spec, base)
    code = next(code for code in BLOCKS if "h5py" in code)
    assert len(code.strip().splitlines()) == 10
    ran = subprocess.run(
        [sys.executable, "-c", code, str(study.path)], capture_output=True, text=True, check=True
    )
    title, mode, attribution, accuracy, value = ran.stdout.strip().split("\t")
    assert (title, mode, attribution) == (base.title, "kar", "gradient_x_input")
    assert float(accuracy) == network.numbers["clean_accuracy"]
    assert float(value) == score.numbers["score"]


@pytest.mark.parametrize("name", re.findall(r"\]\((docs/[^)]*)\)", README))
def test_that_every_picture_of_the_readme_is_there(name):
    assert (ROOT / name).stat().st_size > 10_000


def test_that_every_preset_it_names_exists():
    named = set(re.findall(r"`((?:paper-|demo)[a-z0-9-]*)`", README))
    assert named <= set(presets())
    assert set(re.findall(r"main\.py run ([a-z0-9-]+)", README)) <= set(presets())


def test_that_the_command_for_the_tests_is_the_one_that_is_run_for_every_change():
    (command,) = re.findall(r"The tests:\n\n    (.*)\n\n", README)
    assert command in (ROOT / ".ci" / "run").read_text().splitlines()


def test_that_it_lists_the_options_of_every_command():
    shown = dict(re.findall(r"^    main\.py (\w+) +(.*(?:\n {20,}.*)*)", README, re.M))
    assert set(shown) == set(COMMANDS)
    for name, (_, add_arguments) in COMMANDS.items():
        command = argparse.ArgumentParser(prog=name)
        add_arguments(command)
        options = set(re.findall(r"--\w+", command.format_usage()))
        options |= set() if name in WITHOUT_STUDY else {"--study"}
        assert set(re.findall(r"--\w+", shown[name])) == options


def test_that_the_lines_for_notebooks_run_and_draw(tmp_path):
    code = next(code for code in BLOCKS if "api.open_study" in code)
    assert len(code.strip().splitlines()) == 10
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip().endswith("(8, 1, 28, 28)")
    assert (tmp_path / "maps.png").stat().st_size > 1000


def test_that_it_names_every_figure():
    (listed,) = re.findall(r"FIGURE is (.*?)`methods`", README, re.DOTALL)
    assert re.findall(r"`(\w+)`", listed) == list(FIGURES)
