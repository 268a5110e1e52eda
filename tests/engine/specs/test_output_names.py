"""What the outputs of a network are called."""

from engine.specs import Glyphs, Imported, SmallCNN, Training


def imported(**fields):
    return Imported(images=Glyphs(), network=SmallCNN(), name="w.pt", digest="ab", **fields)


def test_that_outputs_without_a_class_are_called_by_their_number_in_the_file():
    spec = imported(outputs=6, class_order=(4, 1))
    assert spec.output_names(("cat", "dog")) == (
        *("cat", "dog"),
        *("output 0", "output 2", "output 3", "output 5"),
    )
    assert spec.output_names(("4", "1")) == ("4", "1", "0", "2", "3", "5")
    assert spec.output_names(()) == ()
    assert imported(outputs=3).output_names(("cat", "dog")) == ("cat", "dog", "output 2")
    assert imported().output_names(("cat", "dog")) == ("cat", "dog")


def test_that_a_trained_network_has_an_output_for_each_class():
    trained = Training(images=Glyphs(), network=SmallCNN())
    assert trained.output_names(("cat", "dog")) == ("cat", "dog")
