"""What can be known of the package timm without importing it, which takes seconds."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path

NO_TIMM = (
    "the package timm is not installed; networks of kind 'timm' need it "
    "(in a checkout of the program: uv sync --extra timm)"
)
_REGISTERED = re.compile(r"^@register_model\b.*\n(?:@.*\n)*def (\w+)", re.MULTILINE)


def has_timm() -> bool:
    """Return whether timm is there."""
    return importlib.util.find_spec("timm") is not None


@cache
def timm_names() -> tuple[str, ...]:
    """Return the names of timm's networks, read from its source files; none without timm."""
    found = importlib.util.find_spec("timm")
    places = found.submodule_search_locations if found is not None else None
    files = [path for place in places or () for path in (Path(place) / "models").glob("*.py")]
    names: set[str] = set()
    for path in files:
        names.update(_REGISTERED.findall(path.read_text(encoding="utf-8")))
    return tuple(sorted(names))
