"""Pictures of square pixels, and the camera they share."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication

from gui.widgets.images.image_view import MAX_ZOOM, Camera, ImageView, image_from, pixels_of
from tests.gui.pointer import move_to


def test_that_one_channel_becomes_grey():
    image = np.array([[[0, 128], [255, 7]]], np.uint8)
    assert pixels_of(image).tolist() == [
        [[0, 0, 0], [128, 128, 128]],
        [[255, 255, 255], [7, 7, 7]],
    ]


def test_that_two_channels_become_red_and_green():
    assert pixels_of(np.array([[[9]], [[8]]], np.uint8)).tolist() == [[[9, 8, 0]]]


def test_that_floats_are_rounded_and_clipped():
    image = np.array([[[-1.0, 0.5, 2.0, np.nan]]], np.float32)
    assert pixels_of(image)[0, :, 0].tolist() == [0, 128, 255, 0]


def test_that_colours_survive_the_way_into_a_picture():
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    image = image_from(pixels)
    assert image.size().toTuple() == (3, 2)
    assert image.pixelColor(2, 1).getRgb()[:3] == (15, 16, 17)


def test_that_zooming_keeps_the_point_under_the_mouse():
    camera, at = Camera(), QPointF(0.7, 0.4)
    camera.zoom_by(2.0, at)
    window = camera.window
    assert window.width() == 0.5
    assert (at.x() - window.x()) / window.width() == pytest.approx(0.7)
    assert (at.y() - window.y()) / window.height() == pytest.approx(0.4)


def test_that_the_camera_never_leaves_the_picture():
    camera = Camera()
    camera.zoom_by(4.0)
    camera.pan(QPointF(9, -9))
    assert camera.window.right() == 1.0
    assert camera.window.top() == 0.0
    camera.zoom_by(1e9)
    assert camera.zoom == MAX_ZOOM
    camera.zoom_by(1e-9)
    assert camera.window.getRect() == (0.0, 0.0, 1.0, 1.0)


def test_that_a_camera_that_does_not_move_says_nothing(qtbot):
    camera = Camera()
    with qtbot.assertNotEmitted(camera.changed):
        camera.reset()
        camera.pan(QPointF(1, 1))


@pytest.fixture
def view(qtbot):
    view = ImageView("map")
    view.resize(204, 104)
    view.set_pixels(np.zeros((10, 10, 3), np.uint8))
    qtbot.addWidget(view)
    view.show()
    return view


def test_that_pixels_are_found_where_they_are_drawn(view):
    # 10 x 10 pixels fill the 100 points of height, centred in the width.
    assert view.pixel_at(QPointF(53, 3)) == (0, 0)
    assert view.pixel_at(QPointF(151, 101)) == (9, 9)
    assert view.pixel_at(QPointF(30, 50)) is None


def test_that_pixels_are_drawn_unsmoothed(view):
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0, 0] = (255, 0, 0)
    view.set_pixels(pixels)
    shown = view.grab().toImage()
    colours = {shown.pixelColor(x, 25).name() for x in range(60, 144)}
    assert colours == {"#ff0000", "#000000"}


def test_that_views_with_one_camera_move_together(qtbot, view):
    other = ImageView("other", view.camera)
    qtbot.addWidget(other)
    qtbot.keyClick(view, Qt.Key.Key_Plus)
    assert other.camera.zoom > 1
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(102, 52))
    assert other.camera.zoom == 1


def test_that_arrow_keys_pan_and_0_shows_all(qtbot, view):
    view.camera.zoom_by(2.0)
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert view.camera.centre.x() > 0.5
    qtbot.keyClick(view, Qt.Key.Key_0)
    assert view.camera.window.width() == 1.0


def test_that_dragging_moves_the_picture_with_the_mouse(qtbot, view):
    view.camera.zoom_by(2.0)
    left = Qt.MouseButton.LeftButton
    qtbot.mousePress(view, left, pos=QPoint(100, 50))
    move_to(view, QPoint(110, 50), left)
    assert view.camera.centre.x() == pytest.approx(0.5 - 0.05)
    qtbot.mouseRelease(view, left, pos=QPoint(110, 50))
    move_to(view, QPoint(150, 50))
    assert view.camera.centre.x() == pytest.approx(0.45)


def test_that_a_new_picture_is_not_dimmed(view):
    view.set_dimmed(True)
    assert view.dimmed
    view.set_pixels(np.zeros((2, 2, 3), np.uint8))
    assert not view.dimmed


def test_that_a_note_stands_in_place_of_the_picture(view):
    view.set_note("no finite values")
    assert view.image is None
    view.copy()


def test_that_the_copied_picture_is_magnified_by_a_whole_number(view):
    view.copy()
    assert QGuiApplication.clipboard().image().width() == 510
