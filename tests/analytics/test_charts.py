"""Our hand-made figures are what Plotly itself would make."""

import json

import plotly.graph_objects as go
from hypothesis import given
from hypothesis import strategies as st

from portal.web import charts
from portal.web.charts import Series


def week() -> charts.Figure:
    days = ["пн 16.11", "вт 17.11", "ср 18.11"]
    return charts.lines(
        days,
        [
            Series("Эта неделя", [100, None, 30050], ["1,00", "—", "300,50"], addresses=["/a", "/b", "/c"]),
            Series("Неделей раньше", [1, 2, 3], ["0,01", "0,02", "0,03"], is_before=True),
        ],
    )


def test_plotly_accepts_the_figure_and_changes_nothing() -> None:
    figure = json.loads(charts.dump(week()))
    known = go.Figure(figure).to_plotly_json()
    assert json.loads(json.dumps(known["data"])) == figure["data"]
    assert json.loads(json.dumps({**known["layout"], "template": None})) == {
        **figure["layout"],
        "template": None,
    }


def test_the_figure_equals_one_made_with_plotly() -> None:
    days = ["пн 16.11", "вт 17.11", "ср 18.11"]
    made = go.Figure(
        [
            go.Scatter(
                x=days, y=[0.01, 0.02, 0.03], mode="lines", name="Неделей раньше", text=["0,01", "0,02", "0,03"],
                hovertemplate="%{text}", meta={"series": 1, "role": "before"},
            ),
            go.Scatter(
                x=days, y=[1.0, None, 300.5], mode="lines+markers", name="Эта неделя", text=["1,00", "—", "300,50"],
                hovertemplate="%{text}", fill="tozeroy", customdata=["/a", "/b", "/c"], meta={"series": 1},
            ),
        ]
    ).to_plotly_json()  # fmt: skip
    assert json.loads(json.dumps(made["data"])) == json.loads(charts.dump(week()))["data"]


def test_a_figure_cannot_break_out_of_its_script_element() -> None:
    dumped = charts.dump({"name": "</script><script>alert(1)</script>"})
    assert "<" not in dumped
    assert json.loads(dumped) == {"name": "</script><script>alert(1)</script>"}


@given(st.lists(st.integers(-(10**15), 10**15), max_size=20), st.lists(st.integers(0, 10**15), max_size=20))
def test_a_sparkline_stays_in_its_box(values: list[int], before: list[int]) -> None:
    spark = charts.spark(values, before)
    assert len(spark.line.split()) == len(values)
    for point in (*spark.line.split(), *spark.before.split()):
        across, down = map(float, point.split(","))
        assert 0 <= across <= charts.SPARK_WIDTH + 0.1
        assert 0 <= down <= charts.SPARK_HEIGHT
