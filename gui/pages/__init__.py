"""The pages of the window, in the order of the navigation rail.

Their modules are imported when they are needed: the plotting library alone would take half of the
second in which the window has to be up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gui.pages.common.page import Page


@dataclass(frozen=True)
class Place:
    """A page as the rail knows it.

    Attributes
    ----------
    title, icon, tip
        As on the page itself.
    load
        Imports the page and returns its class.
    """

    title: str
    icon: str
    tip: str
    load: Callable[[], type[Page]]


def _welcome() -> type[Page]:
    from gui.pages.welcome.page import WelcomePage

    return WelcomePage


def _data() -> type[Page]:
    from gui.pages.data.page import DataPage

    return DataPage


def _train() -> type[Page]:
    from gui.pages.train.page import TrainPage

    return TrainPage


def _attack() -> type[Page]:
    from gui.pages.attack.page import AttackPage

    return AttackPage


def _maps() -> type[Page]:
    from gui.pages.maps.page import MapsPage

    return MapsPage


def _manifold() -> type[Page]:
    from gui.pages.manifold.page import ManifoldPage

    return ManifoldPage


def _retrain() -> type[Page]:
    from gui.pages.retrain.page import RetrainPage

    return RetrainPage


def _tradeoff() -> type[Page]:
    from gui.pages.tradeoff.page import TradeoffPage

    return TradeoffPage


def _boundary() -> type[Page]:
    from gui.pages.boundary.page import BoundaryPage

    return BoundaryPage


def _records() -> type[Page]:
    from gui.pages.records.page import RecordsPage

    return RecordsPage


# The page that works with records of a kind.
PAGE_OF_KIND = {
    "glyphs": "Data",
    "folder": "Data",
    "idx": "Data",
    "training": "Train",
    "imported": "Train",
    "maps": "Maps",
    "adversarial_examples": "Attack",
    "measurement": "Attack",
    "vae_gan": "Manifold",
    "manifold_distance": "Manifold",
    "retraining": "Retrain",
    "interpretability": "Trade-off",
    "boundary": "Boundary",
    "gaussians_2d": "Boundary",
}

PAGES = (
    Place("Welcome", "welcome", "Open the demo, images or a recent study", _welcome),
    Place("Data", "data", "Choose images, and look through them", _data),
    Place("Train", "train", "Train networks and watch their gradients", _train),
    Place("Attack", "attack", "Change an image by little, and watch the networks err", _attack),
    Place("Maps", "maps", "Which pixels a network's decision hangs on", _maps),
    Place("Manifold", "manifold", "How far attacks lie from the images' manifold", _manifold),
    Place("Retrain", "retrain", "Measure what the marked pixels are worth", _retrain),
    Place("Trade-off", "tradeoff", "Accuracy against interpretability", _tradeoff),
    Place("Boundary", "boundary", "How attacks in training turn a decision boundary", _boundary),
    Place("Records", "records", "Search, name and delete what was computed", _records),
)
