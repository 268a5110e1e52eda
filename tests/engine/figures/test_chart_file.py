import h5py
import numpy as np
import pytest

from engine.figures import chart_file
from engine.figures.charts import ChartData, FigureError, MapGridData, Regions, Series
from engine.store.hdf5 import read


def test_that_every_number_of_a_chart_is_in_the_file(tmp_path):
    series = Series("a/b", [0, 1], [2, 3], [1, 2], [3, 4], keys=("k0", "k1"))
    regions = Regions(np.array([0.0, 1.0]), np.eye(2))
    chart = ChartData((series,), "Title", "x", "y", "Caption", regions=regions)
    chart_file.write([chart, chart], tmp_path / "a.h5")
    found = read(tmp_path / "a.h5")
    assert list(found.arrays["panel_2/series_1/high"]) == [3.0, 4.0]
    assert np.array_equal(found.arrays["panel_1/regions"], np.eye(2))
    (panel, _) = found.documents["figure"]["panels"]
    assert panel["series"] == [{"name": "a/b", "keys": ["k0", "k1"]}]
    assert (panel["x_label"], found.documents["figure"]["caption"]) == ("x", "Caption")


def test_that_any_hdf5_reader_opens_it(tmp_path):
    chart = ChartData((Series("a", [0, 1], [2, 3]),))
    chart_file.write(chart, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        names = []
        file.visit(names.append)
    assert any(name.endswith("panel_1/series_1/x") for name in names)


def test_that_maps_are_kept_with_the_values_behind_them():
    picture, values = np.zeros((4, 4, 3), np.uint8), np.arange(16.0).reshape(4, 4)
    grid = MapGridData(
        ((picture, None),), ("net",), ("7", "8"), notes=(("n", ""),), values=((values, None),)
    )
    found = chart_file.content_of(grid)
    assert set(found.arrays) == {"row_1/column_1/rgb", "row_1/column_1/values"}
    assert found.documents["figure"]["columns"] == ["7", "8"]


def test_that_a_file_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("x")
    chart = ChartData((Series("a", [0, 1], [2, 3]),))
    with pytest.raises(FigureError, match="cannot be written"):
        chart_file.write(chart, tmp_path / "file" / "a.h5")
