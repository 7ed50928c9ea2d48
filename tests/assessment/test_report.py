import json
from html import unescape
from html.parser import HTMLParser

import pytest

from napari_cvdm.assessment.checks import Checks, run_checks
from napari_cvdm.assessment.report import SOURCES, html_report, json_report
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
    assert page.tags.count("svg") == 3
    assert [target[:22] for target in page.targets] == ["data:image/png;base64,"]
    for words in ("cell.ome.tif", "draws", "A paper", *SOURCES, "Agreement with the measurement"):
        assert words in unescape(html)


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
        checks, name="cell", provenance={"seconds": float("nan"), "path": object}, plane={"T": 3}
    )
    content = json.loads(text, parse_constant=pytest.fail)
    assert content["plane"] == {"T": 3}
    page = html_report(checks, name="cell", provenance={}, plane={"channel": 0, "t": 3})
    assert "<title>cell, channel 0, t 3</title>" in page
    assert content["checks"]["consistency"]["rsp"] == pytest.approx(checks.consistency.rsp)
    assert content["provenance"]["seconds"] is None
    assert len(content["checks"]["verdicts"]) == 6
