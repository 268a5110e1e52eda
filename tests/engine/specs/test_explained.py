"""A plan is refused if one of its methods cannot explain one of its networks."""

import pytest

from engine import specs
from engine.plan.planfile import read_plan
from engine.specs.schema import SpecError

IMAGES = specs.Glyphs(train=50, test=20)
NO_CONVOLUTION = (
    "needs a convolution beyond a patch embedding, and Paper's 2-D network has none; choose "
    "another method"
)
NO_RELU = "needs a network with ReLU, and this one has silu; choose Gradient instead"
UNFIT = [
    (specs.PaperMLP(), specs.GradCam(), f"Grad-CAM, which {NO_CONVOLUTION}"),
    (specs.PaperMLP(), specs.LayerCam(), f"LayerCAM, which {NO_CONVOLUTION}"),
    (
        specs.SmallCNN(activation="silu"),
        specs.GuidedBackpropagation(),
        f"Guided back-propagation, which {NO_RELU}",
    ),
]
USES = {
    "maps": lambda trained, method: specs.Maps(classifier=trained, attribution=method),
    "ranking": lambda trained, method: specs.AttributionRanking(
        classifier=trained, attribution=method
    ),
    "roar": lambda trained, method: specs.Interpretability(
        classifier=trained, attribution=method, baseline=trained
    ),
    "metric": lambda trained, method: specs.Measurement(
        classifier=trained, metric=specs.Road(attribution=method)
    ),
    "live maps": lambda trained, method: specs.Training(
        images=IMAGES, network=trained.network, live_maps=method
    ),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(
    ("network", "method", "sentence"), UNFIT, ids=["Grad-CAM", "LayerCAM", "guided"]
)
def test_that_it_is_refused_in_every_use(use, network, method, sentence):
    trained = specs.Training(images=IMAGES, network=network)
    with pytest.raises(SpecError) as caught:
        USES[use](trained, method)
    assert str(caught.value).endswith(sentence)
    assert USES[use](trained, specs.Gradient()) is not None


def test_that_a_plan_says_which_of_its_entries_it_is(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(
        """
[specs.images]
kind = "glyphs"
[specs.plain]
kind = "training"
images = "@images"
network = { kind = "paper_mlp" }
[specs.maps]
kind = "maps"
classifier = "@plain"
attribution = { kind = "gradcam" }
"""
    )
    sentence = f"^plan.toml: specs.maps.attribution is Grad-CAM, which {NO_CONVOLUTION}$"
    with pytest.raises(SpecError, match=sentence):
        read_plan(path)
