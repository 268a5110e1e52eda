"""The scripts of ``packaging`` are run by name, not imported as a package: put them on the path."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let a test import the scripts, and return their folder."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(PACKAGING)])
    return PACKAGING
