"""Charts as plain dictionaries for Plotly: built by hand, because the library itself is slow and heavy to load.

A trace names its hue by number (`meta.series`) and its role; the page gives the colours of the reader's theme.
`customdata` of a point is the address that a click on it opens.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

Figure = dict[str, object]

# A thousand of kopecks is exact in a float; a chart shows units and never adds.
MINOR_IN_UNIT = 100


@dataclass(frozen=True)
class Series:
    """One line of a chart: sums in minor units (None is a hole), with what each point says and opens."""

    name: str
    minor: Sequence[int | None]
    words: Sequence[str]
    hue: int = 1
    is_before: bool = False
    addresses: Sequence[str] = ()


def lines(labels: Sequence[str], series: Sequence[Series]) -> Figure:
    """Lines over labelled places; the period compared with is dashed and lies under the others."""
    return {
        "data": [_line(labels, one) for one in sorted(series, key=lambda one: not one.is_before)],
        "layout": {
            "xaxis": {"type": "category", "tickangle": 0},
            "yaxis": {"rangemode": "tozero", "nticks": 5, "tickformat": ",~r"},
            "hovermode": "x unified",
        },
    }


def dump(figure: Figure) -> str:
    """A figure as JSON that may stand inside a script element of a page."""
    return orjson.dumps(figure).decode().replace("<", "\\u003c")


def _line(labels: Sequence[str], series: Series) -> Figure:
    meta: dict[str, object] = {"series": series.hue}
    trace: Figure = {
        "type": "scatter",
        "mode": "lines" if series.is_before else "lines+markers",
        "name": series.name,
        "x": list(labels),
        "y": [None if minor is None else minor / MINOR_IN_UNIT for minor in series.minor],
        "text": list(series.words),
        "hovertemplate": "%{text}",
        "meta": meta,
    }
    if series.is_before:
        meta["role"] = "before"
    else:
        trace["fill"] = "tozeroy"
    if series.addresses:
        trace["customdata"] = list(series.addresses)
    return trace


# The box that a sparkline is drawn in, and the room that its line leaves above.
SPARK_WIDTH = 100
SPARK_HEIGHT = 32


@dataclass(frozen=True)
class Spark:
    """The shape of a series as points of an SVG line; `before` is the series compared with."""

    line: str
    before: str
    end: float


def spark(values: Sequence[int], before: Sequence[int] = ()) -> Spark:
    """Draw a series in a small box, as high as the greatest value and never below zero unless a value is."""
    top = max((*values, *before, 1))
    low = min((*values, *before, 0))
    step = SPARK_WIDTH / max(len(values) - 1, len(before) - 1, 1)
    height = (SPARK_HEIGHT - 2) / (top - low)

    def points(series: Sequence[int]) -> str:
        return " ".join(
            f"{place * step:.1f},{SPARK_HEIGHT - 1 - (value - low) * height:.1f}"
            for place, value in enumerate(series)
        )

    return Spark(points(values), points(before), round((len(values) - 1) * step, 1))
