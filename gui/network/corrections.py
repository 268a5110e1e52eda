"""What the user corrected in what was found, so that it can be taken back step by step."""

from __future__ import annotations

from dataclasses import dataclass

from engine.specs import NetworkSpec


@dataclass(frozen=True)
class Corrections:
    """All corrections at one time; each is None where what was found stands.

    Attributes
    ----------
    place
        Where in the file the weights are.
    network
        The architecture.
    row
        Normaliser and order of classes of the row that was chosen in place of the proposed one.
    """

    place: str | None = None
    network: NetworkSpec | None = None
    row: tuple[str, str] | None = None
