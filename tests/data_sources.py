"""Where the tests find real images, and what they do where there are none."""

import os

import pytest

from engine.data.images import data_folder


def real_data(name):
    """Return the path of a file or folder of real data.

    Without it the test is skipped by name; but not where all tests must run.
    """
    path = data_folder() / name
    if path.exists():
        return path
    missing = f"{name} is not in {data_folder()}; ISTHMUS_DATA names the folder that holds it"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(missing)
    pytest.skip(missing)
