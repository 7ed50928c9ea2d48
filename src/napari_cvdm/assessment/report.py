"""A page about one result: input, result, uncertainty, checks, how it was made, how to cite it.

One HTML file with everything in it, to keep beside the result or to send; and the same as JSON. Names and
notes come from files that anybody may have written: all text is escaped.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from napari_cvdm.assessment.checks import Checks
from napari_cvdm.assessment.doubt_figures import FigureStyle, draw_curves, rendered
from napari_cvdm.assessment.figure import Panel, draw_side_by_side
from napari_cvdm.assessment.ring_correlation import ONE_SEVENTH
from napari_cvdm.assessment.significance import SIGNIFICANT
from napari_cvdm.assessment.verdicts import Verdict

SOURCES = (
    "Agreement with the measurement: Culley et al., Nature Methods 15, 263 (2018).",
    "Decorrelation: Descloux, Grußmayer & Radenovic, Nature Methods 16, 918 (2019).",
    "Fourier ring correlation: Nieuwenhuizen et al., Nature Methods 10, 557 (2013).",
)
"""Whom to cite for the checks."""

_HEIGHT = 300
_CHART = FigureStyle(width=420, height=240, ratio=2.0)
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1120px;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse}td{padding:.25em .8em .25em 0;vertical-align:top}
.good b{color:#0072b2}.look b{color:#b36b00}.doubt b{color:#a3003c}img{max-width:100%}
pre{background:#f4f4f4;padding:1em;overflow:auto;font-size:12px}h2{margin-top:1.6em}
"""


def json_report(
    checks: Checks,
    *,
    name: str,
    provenance: Mapping[str, Any] | None = None,
    citations: Sequence[str] = (),
    plane: Mapping[str, int] | None = None,
    left_out: str = "",
) -> str:
    """Return what `html_report` tells, but for the pictures, as JSON text."""
    content = {
        "result": name,
        "plane": dict(plane or {}),
        "left_out": left_out,
        "checks": checks.to_dict(),
        "provenance": dict(provenance or {}),
        "cite": [*citations, *SOURCES],
    }
    return json.dumps(_finite(content), indent=2, ensure_ascii=False, default=str) + "\n"


def html_report(
    checks: Checks,
    *,
    name: str,
    provenance: Mapping[str, Any] | None = None,
    citations: Sequence[str] = (),
    plane: Mapping[str, int] | None = None,
    left_out: str = "",
) -> str:
    """Write the report.

    Parameters
    ----------
    checks : Checks
        What was found.
    name : str
        What to call the result.
    provenance : mapping, optional
        How it was made.
    citations : sequence of str
        Works to cite for the model.
    plane : mapping of str to int, optional
        Which plane of a stack was checked, by axis, counted from 0.
    left_out : str
        Which checks were not made and why, a sentence.

    Returns
    -------
    str
        An HTML page that needs no other file and runs no script.
    """
    title = ", ".join([name, *(f"{axis} {index}" for axis, index in (plane or {}).items())])
    sources = "".join(f"<li>{escape(str(each))}</li>" for each in (*citations, *SOURCES))
    described = json.dumps(_finite(dict(provenance or {})), indent=2, ensure_ascii=False, default=str)
    body = (
        f"<h1>How far to trust {escape(title)}</h1>",
        f"<table>{''.join(map(_row, checks.verdicts))}</table>",
        "<p>✓ nothing found · ? look again · ✗ do not rely on it · – could not be determined. "
        "No check can prove a result right.</p>",
        *(f"<p>{escape(words)}</p>" for words in (checks.part.words, left_out) if words),
        f"<h2>Pictures</h2>{_picture(checks)}",
        "<p>The disagreement is the difference between what the camera recorded and what the result predicts "
        "for it, in standard deviations of noise and usual misfit: values above 5 need an explanation.</p>",
        f"<h2>Resolution</h2>{_decorrelation_chart(checks)}{_ring_chart(checks)}",
        f"<h2>Brightness</h2>{_brightness_chart(checks)}",
        f"<h2>Imaging conditions</h2>{_conditions(checks)}",
        f"<h2>How it was made</h2><pre>{escape(described)}</pre>",
        f"<h2>How to cite</h2><ul>{sources}</ul>",
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _row(verdict: Verdict) -> str:
    css = verdict.level.replace(" ", "-")
    return (
        f'<tr class="{css}"><td><b>{verdict.mark}</b></td><td><b>{escape(verdict.name)}</b></td>'
        f"<td>{escape(verdict.sentence)}</td></tr>"
    )


def _picture(checks: Checks) -> str:
    panels = [Panel("input", checks.image), Panel("result", checks.sharp)]
    if checks.std is not None:
        panels.append(Panel("uncertainty", checks.std, is_uncertainty=True))
    panels.append(
        Panel("disagreement", checks.consistency.map, is_uncertainty=True, unit="noise", top=2 * SIGNIFICANT)
    )
    width = None if checks.pixel_size is None else checks.pixel_size * checks.image.shape[1]
    picture = draw_side_by_side(panels, field_width=width, height=_HEIGHT)
    return _embedded(picture, "Input, result, uncertainty, disagreement", picture.width)


def _embedded(picture: Image.Image, words: str, width: float) -> str:
    file = io.BytesIO()
    picture.save(file, format="PNG", optimize=True)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return f'<img alt="{escape(words)}" width="{width:g}" src="data:image/png;base64,{data}">'


def _chart(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]], x: str, y: str, level: float | None = None
) -> str:
    """Draw curves; nothing if there are none."""
    if not curves:
        return ""
    figure = draw_curves(curves, _CHART, x, y, level)
    return _embedded(Image.fromarray(rendered(figure)), f"{y} over {x}: {', '.join(curves)}", _CHART.width)


def _decorrelation_chart(checks: Checks) -> str:
    found = {"input": checks.resolution.before, "result": checks.resolution.after}
    curves = {name: (each.radius, each.curve) for name, each in found.items() if each is not None}
    return _chart(curves, "frequency / Nyquist frequency of each image", "decorrelation")


def _ring_chart(checks: Checks) -> str:
    found = {
        "halves of the input": checks.resolution.halves,
        "two draws": checks.resolution.draws,
        "results of the halves": checks.resolution.restored_halves,
    }
    curves = {name: (ring.frequency, ring.correlation) for name, ring in found.items() if ring is not None}
    unit = "nm" if checks.resolution.unit == "nm" else "pixel"
    return _chart(curves, f"cycles per {unit}", "Fourier ring correlation", ONE_SEVENTH)


def _brightness_chart(checks: Checks) -> str:
    found = checks.photometry
    if not found.predicted.size:
        return "<p>Too little stands out from the noise to tell.</p>"
    top = float(found.predicted[-1])
    return _chart(
        {"measured": (found.predicted, found.measured), "proportional": ([0, top], [0, top])},
        "brightness predicted from the result",
        "brightness measured",
    )


def _conditions(checks: Checks) -> str:
    if not checks.conditions:
        return "<p>Not compared with what the model was trained for: checked without the model.</p>"
    return "<ul>" + "".join(f"<li>{escape(each.sentence)}</li>" for each in checks.conditions) + "</ul>"


def _finite(value: Any) -> Any:
    """Replace numbers that JSON has no word for by null, at any depth."""
    if isinstance(value, Mapping):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, np.ndarray):
        return _finite(value.tolist())
    if isinstance(value, np.generic):
        return _finite(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
