"""What is known of an architecture before it is built; needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from engine.networks.sizes import Sizes


@dataclass(frozen=True)
class Facts:
    """What is known of one architecture.

    Attributes
    ----------
    sizes
        Which images it takes.
    parameters
        Number of weights with 1,000 classes.
    side
        Height and width in pixels of the images of ``operations`` and ``kept``.
    operations
        Multiplications and additions of one image forwards.
    kept
        Bytes that one image occupies between the ways forwards and back.
    """

    sizes: Sizes
    parameters: float
    side: int
    operations: float
    kept: float

    def at(self, side: int) -> Facts:
        """Return the facts for images of another side: both grow with the area, nearly."""
        side = self.sizes.nearest((3, side, side))
        share = (side / self.side) ** 2
        return Facts(self.sizes, self.parameters, side, self.operations * share, self.kept * share)


def read_facts(table: str) -> dict[str, Facts]:
    """Return the facts of a table of text, by name; see the comment at the table."""
    found = {}
    for line in table.strip().splitlines():
        name, least, multiple, square, millions, side, billions, megabytes = line.split()
        found[name] = Facts(
            Sizes(int(least), int(multiple), bool(int(square)), colour=True),
            float(millions) * 1e6,
            int(side),
            float(billions) * 1e9,
            float(megabytes) * 1e6,
        )
    return found
