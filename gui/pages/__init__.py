"""The pages of the window, one row each, in the order of the navigation rail.

Their modules are named, not imported: the plotting library alone would take half of the second in
which the window has to be up. Pages name each other by the constants here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.program import named

if TYPE_CHECKING:
    from gui.pages.common.page import Page


@dataclass(frozen=True)
class Place:
    """A row of :data:`PAGES`.

    Attributes
    ----------
    title, icon, tip
        What the rail shows.
    page
        "module:class" of the page.
    kinds
        Of the records that the page works with.
    """

    title: str
    icon: str
    tip: str
    page: str
    kinds: tuple[str, ...] = ()

    def load(self) -> type[Page]:
        """Import the page and return its class."""
        loaded: type[Page] = named(self.page)
        return loaded


WELCOME = Place(
    "Welcome",
    "welcome",
    "Open the demo, images or a recent study",
    "gui.pages.welcome.page:WelcomePage",
)
DATA = Place(
    "Data",
    "data",
    "Choose images, and look through them",
    "gui.pages.data.page:DataPage",
    ("glyphs", "folder", "idx"),
)
TRAIN = Place(
    "Train",
    "train",
    "Train networks and watch their gradients",
    "gui.pages.train.page:TrainPage",
    ("training", "imported"),
)
ATTACK = Place(
    "Attack",
    "attack",
    "Change an image by little, and watch the networks err",
    "gui.pages.attack.page:AttackPage",
    ("adversarial_examples", "measurement"),
)
MAPS = Place(
    "Maps",
    "maps",
    "Which pixels a network's decision hangs on",
    "gui.pages.maps.page:MapsPage",
    ("maps",),
)
MANIFOLD = Place(
    "Manifold",
    "manifold",
    "How far attacks lie from the images' manifold",
    "gui.pages.manifold.page:ManifoldPage",
    ("vae_gan", "manifold_distance"),
)
RETRAIN = Place(
    "Retrain",
    "retrain",
    "Measure what the marked pixels are worth",
    "gui.pages.retrain.page:RetrainPage",
    ("retraining", "mask_tuning"),
)
TRADEOFF = Place(
    "Trade-off",
    "tradeoff",
    "Accuracy against interpretability",
    "gui.pages.tradeoff.page:TradeoffPage",
    ("interpretability",),
)
BOUNDARY = Place(
    "Boundary",
    "boundary",
    "How attacks in training turn a decision boundary",
    "gui.pages.boundary.page:BoundaryPage",
    ("boundary", "gaussians_2d"),
)
RECORDS = Place(
    "Records",
    "records",
    "Search, name and delete what was computed",
    "gui.pages.records.page:RecordsPage",
)
PINNED = Place(
    "Pinned",
    "pinned",
    "The charts that you pinned, together",
    "gui.pages.pinned.page:PinnedPage",
)
PAGES = (
    WELCOME,
    DATA,
    TRAIN,
    ATTACK,
    MAPS,
    MANIFOLD,
    RETRAIN,
    TRADEOFF,
    BOUNDARY,
    RECORDS,
    PINNED,
)


def place_of(kind: str) -> Place | None:
    """Return the page that works with records of a kind, or None."""
    return next((place for place in PAGES if kind in place.kinds), None)
