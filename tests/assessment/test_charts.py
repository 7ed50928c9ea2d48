import re
from xml.etree import ElementTree

import numpy as np
import pytest

from napari_cvdm.assessment.charts import Line, line_chart


def polylines(svg: str) -> list[list[tuple[float, float]]]:
    root = ElementTree.fromstring(svg)
    return [
        [tuple(map(float, point.split(","))) for point in each.get("points", "").split()]
        for each in root.iter("{http://www.w3.org/2000/svg}polyline")
    ]


def test_curves_rise_where_their_values_do() -> None:
    (curve,) = polylines(line_chart([Line("a", [0, 1, 2], [0, 1, 4])], "x", "y"))
    (x0, y0), (x1, y1), (x2, y2) = curve
    assert x0 < x1 < x2
    assert y0 > y1 > y2  # SVG counts downwards
    assert (y0 - y1) / (y0 - y2) == pytest.approx(0.25, abs=0.01)


def test_curves_fill_the_frame_to_its_corners() -> None:
    svg = line_chart([Line("a", [-1, 2], [-1, 4])], "x", "y")
    frame = next(ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}path")).get("d", "")
    left, top, bottom, right = map(float, re.findall(r"\d+", frame))
    assert polylines(svg) == [[(left, bottom), (right, top)]]


def test_a_threshold_is_level_and_numbers_that_are_none_are_left_out() -> None:
    threshold, curve = polylines(line_chart([Line("a", [0, 1, 2], [1, np.nan, 3])], "x", "y", level=0.5))
    assert threshold[0][1] == threshold[1][1]
    assert len(curve) == 2


def test_words_are_escaped() -> None:
    svg = line_chart([Line("<script>", [0, 1], [0, 1])], "<b>", '"&')
    assert "<script>" not in svg
    ElementTree.fromstring(svg)


def test_empty_and_constant_curves_are_drawn_too() -> None:
    ElementTree.fromstring(line_chart([Line("none", [], []), Line("flat", [0, 0], [0, 0])], "x", "y"))


def test_refuses_more_curves_than_can_be_told_apart() -> None:
    with pytest.raises(ValueError, match="at most 4"):
        line_chart([Line("a", [0], [0])] * 5, "x", "y")


def test_intensities_are_written_as_a_person_does() -> None:
    svg = line_chart([Line("measured", [0, 22_950], [-0.2, 61_234])], "predicted", "measured")
    assert {">0<", ">23000<", ">-0.2<", ">61200<"} <= {
        f">{each.text}<" for each in ElementTree.fromstring(svg).iter()
    }
