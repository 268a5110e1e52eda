"""The display of the smoke test: the one that the window tests use (see tests/gui/desktop.py)."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))

from tests.gui.desktop import Desktop, Failure, until

__all__ = ["Desktop", "Failure", "until"]
