"""A score stands in plan, records, charts, tables, pages and texts by its row alone."""

import json

import numpy as np
import pytest

from engine import specs
from engine.cli.main import main
from engine.figures import tables
from engine.figures.metrics import metric_charts, record_charts
from engine.figures.network_page.page import network_html
from engine.figures.report import _figures
from engine.plan.planfile import read_plan
from engine.plan.reproduce import plan_text
from engine.program import OK
from engine.specs.methods import in_short
from engine.specs.schema import kinds_of
from engine.specs.scores.base import BASELINES, ScoreSpec
from engine.tradeoff.metrics import measured_in
from engine.tradeoff.scores import record_words
from tests.engine.conftest import computed, study, training
from tests.engine.measures.scores.test_judged import small

__all__ = ["computed", "study"]  # fixtures

SCORE_KINDS = pytest.mark.parametrize("kind", kinds_of(ScoreSpec), ids=lambda kind: kind.kind)
NETWORK = training(epochs=1)


@SCORE_KINDS
def test_that_a_score_is_computed_by_a_plan_and_shown_everywhere(
    kind, computed, study, capsys, tmp_path
):
    spec = specs.Measurement(classifier=NETWORK, metric=small(kind), test_images=30)
    beside = [BASELINES[name] for name in kind.baselines]
    (record,) = computed(spec)
    plan = tmp_path / "p.toml"
    plan.write_text(plan_text(spec))
    assert list(read_plan(plan).specs) == [spec]
    (found,) = measured_in(study)
    assert found.low <= found.value <= found.high
    assert set(found.beside) == set(beside)
    assert kind.caveat in record_words(study, record.entry)
    charts = record_charts(record)
    for chart in charts:
        assert [series.name for series in chart.series] == [spec.metric.method, *beside]
        assert kind.caveat in chart.caption
        assert chart.x_label
        assert chart.y_label
        for series in chart.series:
            assert np.isfinite(series.y).all()
            if kind.curve_x:
                assert (series.low <= series.y + 1e-12).all()
                assert (series.high >= series.y - 1e-12).all()
    (summed,) = metric_charts(study)
    assert [series.name for series in summed.series[1:]] == beside
    assert summed.series[0].low[0] == found.low
    assert kind.caveat in summed.caption
    (row,) = tables.beside_rows(study)[1:]
    assert row[1] == spec.metric.title
    assert len(row) == 6
    assert kind.caveat in tables.as_text(study)
    (told,) = tables.as_json(study)["metrics"]
    assert told["low"] == found.low
    assert told["caveat"] == kind.caveat
    page = network_html(study, NETWORK.key)
    assert kind.label in page
    assert kind.caveat.split("'")[0] in page
    assert main(["show", "--study", str(study.path), spec.key[:10]]) == OK
    assert kind.caveat in capsys.readouterr().out


@SCORE_KINDS
def test_that_texts_of_a_kind_end_with_what_it_does_not_show(kind, capsys):
    assert in_short(kind).endswith("\n" + kind.caveat)
    assert main(["methods", "metrics"]) == OK
    assert kind.caveat in capsys.readouterr().out
    assert main(["methods", "metrics", "--json"]) == OK
    found = {one["kind"]: one for one in json.loads(capsys.readouterr().out)["methods"]}
    assert found[kind.kind]["caveat"] == kind.caveat


def test_that_report_and_tables_say_once_a_score_what_it_does_not_show(computed, study, capsys):
    """However many networks and methods have it, and also where nothing stands beside it."""
    networks = [NETWORK, NETWORK.replace("seed", 1)]
    metrics = [
        specs.Sparseness(),
        specs.Sparseness(attribution=specs.GradientXInput()),
        specs.GlyphTruth(),
        specs.MapTangentShare(),
    ]
    computed(*[
        specs.Measurement(classifier=network, metric=metric, test_images=20)
        for network in networks
        for metric in metrics
    ])  # fmt: skip
    assert main(["show", "--study", str(study.path)]) == OK
    told = [capsys.readouterr().out, tables.as_text(study)]
    told.append(" ".join(repr(block) for block in _figures(study, lambda: None)))
    for text in told:
        for metric in metrics[1:]:
            assert text.count(metric.caveat) == 1, metric.kind
            assert f"{metric.label}: {metric.caveat}" in text


def test_that_a_metric_without_baselines_says_it_too(computed, study):
    computed(specs.Measurement(classifier=NETWORK, metric=specs.GlyphTruth(), test_images=20))
    assert specs.GlyphTruth.caveat in tables.as_text(study)


def test_that_a_network_without_scores_says_how_to_get_one(computed, study):
    computed(NETWORK)
    assert "how good its maps are" in network_html(study, NETWORK.key)
