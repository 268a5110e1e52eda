import numpy as np
import pytest
from PySide6.QtGui import QColor

from engine.figures.images.regions import Regions
from gui.pages.attack.surface_view import Plane, SurfaceView


@pytest.mark.parametrize("shade", ["#101010", "#808080", "#f0f0f0"])
@pytest.mark.parametrize("ink", ["#1c2733", "#e6edf3"])
def test_that_the_edge_of_the_ball_is_seen_on_every_background(qtbot, shade, ink):
    view = SurfaceView("Plane")
    view.resize(260, 260)
    qtbot.addWidget(view)
    axis = np.linspace(-2, 2, 41)
    edge = np.array([[1, 0], [0, 1], [-1, 0], [0, -1], [1, 0]], dtype=float)
    regions = Regions(axis, np.zeros((41, 41)), (shade, shade))
    view.show_plane(Plane(regions, edge, np.array([1.0, 0.0]), lambda *_: "", QColor(ink)))
    picture = view.grab().toImage()
    across = [view.point_of(0.5 + shift, 0.5 + shift) for shift in np.linspace(-0.2, 0.2, 41)]
    seen = [picture.pixelColor(place.toPoint()).lightness() for place in across]
    ground = QColor(shade).lightness()
    assert max(abs(one - ground) for one in seen) > 80
