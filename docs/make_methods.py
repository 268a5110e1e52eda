"""Writes docs/methods.md from the specs.

python docs/make_methods.py
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from engine.specs.methods import as_markdown

if __name__ == "__main__":
    (ROOT / "docs" / "methods.md").write_text(as_markdown(), encoding="utf-8")
