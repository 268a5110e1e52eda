import numpy as np
import pytest

from engine.data.image_set import ImageSet


def image_set(train=2, test=1, dtype=np.uint8, **changes):
    values = {
        "train_images": np.full((train, 3, 4, 5), 51, dtype),
        "train_labels": np.zeros(train, np.int64),
        "test_images": np.full((test, 3, 4, 5), 255, dtype),
        "test_labels": np.zeros(test, np.int64),
        "classes": ("a",),
        **changes,
    }
    return ImageSet(**values)


def test_that_shape_and_classes_are_told():
    images = image_set()
    assert images.shape == (3, 4, 5)
    assert images.class_count == 1


def test_that_no_array_can_be_written_to_but_the_callers_own_can():
    own = np.zeros((1, 3, 4, 5), np.uint8)
    images = image_set(test_images=own)
    for name in ("train_images", "train_labels", "test_images", "test_labels"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(images, name)[...] = 0
    own[...] = 1


def test_that_the_channel_mean_is_of_the_training_images():
    pixels = np.zeros((2, 3, 4, 5), np.uint8)
    pixels[:, 1], pixels[0, 2] = 51, 255
    np.testing.assert_allclose(image_set(train_images=pixels).channel_mean, [0, 0.2, 0.5])


def test_that_the_channel_mean_is_of_the_test_images_where_there_are_no_others():
    np.testing.assert_allclose(image_set(train=0).channel_mean, [1, 1, 1])


def test_that_floats_are_taken_as_they_are():
    points = np.full((2, 2, 1, 1), 0.25, np.float32)
    images = image_set(train_images=points, test_images=points[:1])
    np.testing.assert_allclose(images.channel_mean, [0.25, 0.25])


@pytest.mark.parametrize(
    "changes",
    [
        {"train_images": np.zeros((2, 3, 4, 6), np.uint8)},
        {"train_images": np.zeros((2, 3, 4, 5))},
        {"train_images": np.zeros((2, 3, 20), np.uint8)},
        {"test_labels": np.zeros(2, np.int64)},
        {"test_labels": np.zeros(1, np.int32)},
        {"train_files": ("one.png",)},
    ],
)
def test_that_arrays_that_do_not_fit_together_are_refused(changes):
    with pytest.raises(ValueError, match="must"):
        image_set(**changes)
