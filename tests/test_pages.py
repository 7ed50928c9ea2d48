"""The pages for readers: links lead somewhere, commands have the options named, and Python code runs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
import typer

import napari_cvdm
from napari_cvdm.cli.application import app
from napari_cvdm.files.samples import read_sample

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)\s#]*)(?:#([^)\s]+))?\)")


def prose(page: Path) -> str:
    return re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)", prose(page), flags=re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def options() -> dict[str, set[str]]:
    """The options of each command of ``napari-cvdm``."""
    commands = dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    for name, command in commands.pop("models").commands.items():
        commands[f"models {name}"] = command
    return {
        name: {"--help", "-h", *(o for p in command.params for o in (*p.opts, *p.secondary_opts))}
        for name, command in commands.items()
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    lost = []
    for file, heading in LINK.findall(prose(page)):
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (heading and heading not in anchors(target)):
            lost.append(f"{file}#{heading}")
    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_have_the_options_that_are_named(page: Path) -> None:
    known = options()
    unknown = [
        f"{command} {option}"
        for command, rest in re.findall(
            r"napari-cvdm ((?:models )?[a-z]+)([^\n`|#]*)", page.read_text(encoding="utf-8")
        )
        for option in re.findall(r"(?<![\w-])--?[a-z][\w-]*", rest)
        if command in known and option not in known[command]
    ]
    assert unknown == []


@pytest.mark.parametrize(
    "page", ["README", "docs/python", "docs/large_images", "docs/inspecting", "docs/uncertainty"]
)
def test_python_code_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Those of other pages need weights that nobody has published, or the network.
    monkeypatch.chdir(tmp_path)
    plane = read_sample().data[:32, :32]
    film = np.stack([plane, plane[::-1]])
    tifffile.imwrite("film.tif", film)
    result = napari_cvdm.restore(plane, napari_cvdm.load_model(), preset="preview")
    names = {"array": film, "result": result}
    text = (ROOT / f"{page}.md").read_text(encoding="utf-8")
    for code in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
        exec(code, names)
    assert np.isfinite(names["result"].mean).all()
