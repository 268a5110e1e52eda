"""How large each component of a packaged app is."""

from __future__ import annotations

from pathlib import Path

MEGABYTE = 1e6
SMALLEST = 5e6
# The report lists each subfolder of these folders as a component of its own.
OPENED = ("nvidia",)
REST = "everything else"


def by_component(folder: Path) -> dict[str, int]:
    """Return the bytes of each component of an app, the largest first.

    Links are not counted. Components below 5 MB form one entry, which is the last.

    Parameters
    ----------
    folder
        The app's folder, or its ``_internal``.
    """
    inside = folder / "_internal"
    root = inside if inside.is_dir() else folder
    sums: dict[str, int] = {}
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            name = _component(path.relative_to(root).parts)
            sums[name] = sums.get(name, 0) + path.stat().st_size
    small = sum(size for size in sums.values() if size < SMALLEST)
    large = {name: size for name, size in sums.items() if size >= SMALLEST}
    ordered = dict(sorted(large.items(), key=lambda pair: -pair[1]))
    return {**ordered, REST: small} if small else ordered


def table(sizes: dict[str, int]) -> str:
    """Return the sizes as lines of a table in Markdown, with the sum."""
    lines = ["| component | MB |", "|---|---:|"]
    lines += [f"| {name} | {size / MEGABYTE:,.0f} |" for name, size in sizes.items()]
    total = sum(sizes.values())
    return "\n".join([*lines, f"| **sum** | **{total / MEGABYTE:,.0f}** |"])


def _component(parts: tuple[str, ...]) -> str:
    """Return the name of the component, usually a library, that a file is counted under."""
    if len(parts) == 1:
        return "Python and libraries of the system"
    depth = 1
    while depth < len(parts) - 1 and "/".join(parts[:depth]) in OPENED:
        depth += 1
    return "/".join(parts[:depth]).removesuffix(".libs")
