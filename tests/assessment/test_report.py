import json
from base64 import b64decode
from dataclasses import replace
from html import escape, unescape
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from napari_cvdm.assessment import report
from napari_cvdm.assessment.checks import Checks, run_checks
from napari_cvdm.assessment.figure import Panel, draw_side_by_side
from napari_cvdm.assessment.report import SOURCES, html_report, json_report
from napari_cvdm.assessment.sampling_check import Condition
from napari_cvdm.simulation.pairs import simulate_pair

HOSTILE = "<script>alert('x')</script>\"&"


@pytest.fixture(scope="module")
def checks() -> Checks:
    image, truth = simulate_pair("microtubules", 0, 64, photons=500.0)
    return run_checks(image, truth, std=0.1 * truth + 1, pixel_size=65.0)


class Page(HTMLParser):
    """The tags and the links of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.targets: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.targets += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_tells_all_and_needs_no_other_file(checks: Checks) -> None:
    html = html_report(checks, name="cell.ome.tif", provenance={"draws": 8}, citations=["A paper"])
    page = Page(html)
    assert [target[:22] for target in page.targets] == 4 * ["data:image/png;base64,"]
    with Image.open(BytesIO(b64decode(page.targets[0].partition(",")[2]))) as picture:
        assert picture.width > 4 * 300
    for words in ("cell.ome.tif", "draws", "A paper", *SOURCES, "Agreement with the measurement"):
        assert words in unescape(html)
    assert "cycles per nm" in html
    assert "checked without the model.</p>" in html


def test_pictures_are_of_the_same_field_with_a_scale_where_it_is_known(
    checks: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[list[str], float | None]] = []

    def draw(panels: list[Panel], *, field_width: float | None, height: int) -> Image.Image:
        seen.append(([panel.title for panel in panels], field_width))
        return draw_side_by_side(panels, field_width=field_width, height=height)

    monkeypatch.setattr(report, "draw_side_by_side", draw)
    html_report(checks, name="cell")
    html_report(replace(checks, std=None, pixel_size=None), name="cell")
    assert seen == [
        (["input", "result", "uncertainty", "disagreement"], 64 * 65.0),
        (["input", "result", "disagreement"], None),
    ]


def test_what_could_not_be_measured_has_no_chart(checks: Checks) -> None:
    nothing = replace(
        checks.resolution, before=None, after=None, halves=None, draws=None, restored_halves=None
    )
    photometry = replace(checks.photometry, predicted=np.empty(0), measured=np.empty(0))
    html = html_report(replace(checks, resolution=nothing, photometry=photometry), name="cell")
    assert Page(html).tags.count("img") == 1
    assert "Too little stands out from the noise to tell.</p>" in html


def test_frequencies_are_per_pixel_where_its_size_is_not_known(checks: Checks) -> None:
    unknown = replace(checks.resolution, unit="camera pixels")
    assert "cycles per pixel" in html_report(replace(checks, resolution=unknown), name="cell")


def test_every_imaging_condition_is_told(checks: Checks) -> None:
    found = [Condition(name, "nm", 65.0, 38, 114, "inside") for name in ("Pixel size", "Wavelength")]
    html = html_report(replace(checks, conditions=tuple(found)), name="cell")
    assert all(f"<li>{escape(each.sentence)}</li>" in html for each in found)
    assert "checked without the model" not in html.partition("<h2>Imaging conditions</h2>")[2]


def test_all_text_from_outside_is_escaped(checks: Checks) -> None:
    html = html_report(
        checks, name=HOSTILE, provenance={HOSTILE: [HOSTILE]}, citations=[HOSTILE], plane={HOSTILE: 0},
        left_out=HOSTILE,
    )  # fmt: skip
    assert "script" not in Page(html).tags
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_what_was_left_out_is_told(checks: Checks) -> None:
    sentence = "Left out is the stability: its model is gone."
    assert sentence in html_report(checks, name="cell", left_out=sentence)
    assert json.loads(json_report(checks, name="cell", left_out=sentence))["left_out"] == sentence
    assert "<p></p>" not in html_report(checks, name="cell")


def test_json_tells_the_same_in_numbers(checks: Checks) -> None:
    text = json_report(
        checks, name="cell", plane={"T": 3},
        provenance={
            "seconds": float("nan"), "path": object, "n": np.int64(7), "of": [[np.float32("inf")], (1.5,)],
            "curve": np.array([0.25, np.nan]),
        },
    )  # fmt: skip
    content = json.loads(text, parse_constant=pytest.fail)
    assert content["plane"] == {"T": 3}
    page = html_report(checks, name="cell", provenance={}, plane={"channel": 0, "t": 3})
    assert "<title>cell, channel 0, t 3</title>" in page
    assert content["checks"]["consistency"]["rsp"] == pytest.approx(checks.consistency.rsp)
    made = content["provenance"]
    assert (made["seconds"], made["n"], made["of"], made["curve"]) == (None, 7, [[None], [1.5]], [0.25, None])
    assert len(content["checks"]["verdicts"]) == 6
