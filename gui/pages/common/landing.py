"""The page on which one goes on after a study was opened."""

from __future__ import annotations

from gui.pages import BOUNDARY, DATA, MAPS, TRAIN, Place
from gui.session.workspace import Workspace


def landing(workspace: Workspace) -> Place:
    """Return the page that shows what the open study has, or where its next step is made.

    Networks are looked at on Maps, images are trained on, and anything else begins with images. The
    networks of the plane have a page of their own.
    """
    if workspace.classifiers():
        kinds = {spec.images.kind for _, spec in workspace.classifiers()}
        return BOUNDARY if kinds == {"gaussians_2d"} else MAPS
    return DATA if workspace.images is None else TRAIN
