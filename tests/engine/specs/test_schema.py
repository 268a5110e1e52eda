import dataclasses
import json

import pytest

from engine import specs
from engine.specs.schema import KINDS, Spec, SpecError, fields_of, from_dict, kinds_of, param

TRAINING = {
    "kind": "training",
    "images": {"kind": "glyphs"},
    "network": {"kind": "small_cnn"},
}


def complete(cls: type[Spec]) -> Spec:
    """Return an example of a spec, its required fields filled with examples of theirs."""
    values = {}
    for field in fields_of(cls):
        if field.required and field.is_spec:
            values[field.name] = complete(kinds_of(field.type)[0])
        elif field.required:
            values[field.name] = {str: "abc", int: 3, float: 0.5}[field.type]
    if cls is specs.Boundary:
        values["classifier"] = values["classifier"].replace("images", specs.Gaussians2D())
    return cls(**values)


@pytest.mark.parametrize("cls", KINDS.values(), ids=KINDS)
def test_that_every_spec_survives_json_with_its_key(cls):
    spec = complete(cls)
    again = from_dict(json.loads(json.dumps(spec.as_dict())))
    assert again == spec
    assert again.key == spec.key
    assert spec.title


@pytest.mark.parametrize("cls", KINDS.values(), ids=KINDS)
def test_that_every_field_says_what_it_allows(cls):
    for field in fields_of(cls):
        assert field.allowed()
        if field.low is not None and not field.many:
            with pytest.raises(SpecError, match=f"{field.name} is .*must be"):
                dataclasses.replace(complete(cls), **{field.name: field.type(field.low - 1)})


def test_that_keys_are_the_same_on_every_machine_and_in_every_version():
    assert from_dict(TRAINING).key == "2f8c0dc1ec6d59154a03"


def test_that_a_field_left_at_its_default_does_not_change_the_key():
    assert from_dict({**TRAINING, "epochs": 5}).key == from_dict(TRAINING).key
    assert from_dict({**TRAINING, "epochs": 6}).key != from_dict(TRAINING).key


def test_that_whole_numbers_and_floats_of_one_value_have_one_key():
    one = from_dict({"kind": "pgd", "eps": 1})
    assert one.key == from_dict({"kind": "pgd", "eps": 1.0}).key
    assert from_dict({"kind": "pgd", "eps": -0.0}).key == from_dict({"kind": "pgd", "eps": 0}).key


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"shceme": 1}, "shceme is not a field of training (did you mean 'scheme'?)"),
        ({"epochs": 0}, "epochs is 0, must be a whole number at least 1"),
        ({"epochs": True}, "epochs is True, must be a whole number"),
        ({"epochs": "many"}, "epochs is 'many', must be"),
        ({"scheme": {"kind": "standrad"}}, "scheme.kind is 'standrad' (did you mean 'standard'?)"),
        (
            {"scheme": {"kind": "adversarial", "attack": {"kind": "pgd", "eps": -1}}},
            "scheme.attack.eps is -1, must be a number at least 0",
        ),
        ({"scheme": {"kind": "adversarial", "attack": {"kind": "pgd", "norm": "l3"}}}, "one of"),
        ({"optimizer": {"kind": "adam", "learning_rate": float("nan")}}, "learning_rate is nan"),
        ({"network": 3}, "network.a spec is a table"),
        ({"kind": "trainin"}, "did you mean 'training'?"),
    ],
)
def test_that_a_wrong_field_gets_a_sentence_that_names_it(change, sentence):
    with pytest.raises(SpecError) as caught:
        from_dict({**TRAINING, **change})
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_that_a_missing_field_is_named():
    with pytest.raises(SpecError, match="network is missing"):
        from_dict({"kind": "training", "images": {"kind": "glyphs"}})


def test_that_replace_follows_dotted_paths_and_checks():
    spec = from_dict({**TRAINING, "scheme": {"kind": "adversarial"}})
    assert spec.replace("scheme.attack.eps", 0.25).scheme.attack.eps == 0.25
    with pytest.raises(SpecError, match=r"scheme\.attack\.eps is -1"):
        spec.replace("scheme.attack.eps", -1)
    with pytest.raises(SpecError, match="attck is not a field"):
        spec.replace("scheme.attck", 1)


def test_that_requires_finds_recorded_specs_at_any_depth():
    training = from_dict(TRAINING)
    order = specs.AttributionRanking(classifier=training, attribution=specs.Gradient())
    retraining = specs.Retraining(
        occlusion=specs.Occlusion(ranking=order), network=specs.SmallCNN()
    )
    assert retraining.requires() == (training,)
    assert training.requires() == (specs.Glyphs(),)


def test_that_a_score_requires_every_retraining_once():
    training = from_dict(TRAINING)
    spec = specs.Interpretability(
        classifier=training, attribution=specs.Gradient(), baseline=training, repeats=3
    )
    needed = spec.requires()
    assert len({one.key for one in needed}) == len(set(needed)) == 1 + 2 * 5 * 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class MadeUpDefaults(Spec):  # without a kind, so that no other test meets it
    whole: float = param(1)
    zero: float = param(-0.0)
    listed: tuple[float, ...] = param((1, 2))
    text: str = param("a")
    wrong: int = param(0, low=1)


def test_that_a_default_is_converted_and_checked_like_any_value():
    found = MadeUpDefaults(wrong=1)
    assert [repr(value) for value in (found.whole, found.zero, found.listed)] == [
        "1.0",
        "0.0",
        "(1.0, 2.0)",
    ]
    with pytest.raises(SpecError, match="wrong is 0, must be a whole number at least 1"):
        MadeUpDefaults()


def test_that_the_names_of_a_key_are_in_the_order_of_their_letters():
    spec = MadeUpDefaults(wrong=1, whole=3.0, text="b", listed=(5,), zero=1.0)
    assert list(json.loads(spec.canonical)) == sorted(json.loads(spec.canonical))
    ranking = complete(specs.AttributionRanking).replace("blurriness", 0.5)
    assert list(json.loads(ranking.canonical)) == sorted(json.loads(ranking.canonical))
