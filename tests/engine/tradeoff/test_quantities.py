"""What lies along an axis: every number that a study knows of a network."""

from engine.specs import Alignment, Measurement
from engine.store.study import Study
from engine.tradeoff.metrics import measured_in
from engine.tradeoff.points import networks
from engine.tradeoff.quantities import quantities
from tests import made_up_study as made_up


def test_that_every_number_of_the_networks_is_a_quantity(tmp_path):
    study = made_up.sweep(tmp_path, eps=(0.02,), norms=("linf",))
    spec = made_up.network("linf", 0.02)
    for count, value in ((100, 0.5), (40, 0.9)):
        one = Measurement(classifier=spec, metric=Alignment(), test_images=count)
        numbers = dict.fromkeys(Alignment.headline, value) | {"test_images": count}
        made_up.add(study, one, numbers)
    found = {q.name: q for q in quantities(networks(study), measured_in(study))}
    assert found["clean"].values[spec.key] == 0.9 - 0.02
    assert found["eps"].values == {made_up.network().key: 0.0, spec.key: 0.02}
    assert found["roar/gradient"].label == "ROAR score, Gradient"
    (measured,) = [q for name, q in found.items() if name.startswith("metric/")]
    assert measured.values == {spec.key: 0.5}, "that on more images counts"
    assert (measured.better, found["eps"].better) == (1, 0)


def test_that_a_study_without_networks_has_none(tmp_path):
    study = Study(tmp_path / "empty.isthmus", create=True)
    assert quantities(networks(study), measured_in(study)) == []
