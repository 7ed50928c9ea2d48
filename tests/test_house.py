"""The rules of the house: who may import whom, what loads when, how long a module is, what a release says."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import napari_cvdm

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "napari_cvdm"
MODULES = sorted(SOURCE.rglob("*.py"))

# Imports point down this list: a part may import from its own row and from those below.
ROWS = (
    ("__main__",),
    ("plugin", "cli"),
    ("files", "assessment", "training", "simulation"),
    ("restoration", "models", "reference"),
    ("cvdm",),
)
ROW_OF = {part: row for row, parts in enumerate(ROWS) for part in parts}
VIEWER_LIBRARIES = {
    "magicgui",
    "napari",
    "PyQt5",
    "PyQt6",
    "PySide2",
    "PySide6",
    "qtpy",
    "superqt",
    "vispy",
}
DISTRIBUTION_OF = {
    "PIL": "pillow",
    "bioimageio": "bioimageio.spec",
    "skimage": "scikit-image",
    "yaml": "pyyaml",
}


class Imported(NamedTuple):
    """One import statement's target, as an absolute dotted name."""

    name: str
    line: int
    for_types_only: bool

    @property
    def library(self) -> str:
        return self.name.partition(".")[0]


def relative(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def part_of(path: Path) -> str:
    """The part of the house that a file belongs to: its folder, or its name at the top."""
    inside = path.relative_to(SOURCE)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def statements(node: ast.AST, for_types_only: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Walk a tree; say of each node whether it stands under ``if TYPE_CHECKING``."""
    for child in ast.iter_child_nodes(node):
        inside = for_types_only or (is_type_checking(node) and child in node.body)
        yield child, inside
        yield from statements(child, inside)


def imports_in(source: str, package: str, name: str = "<a test>") -> list[Imported]:
    """All imports of a module, relative ones resolved; ``from a import b`` counts as ``a.b``."""
    found = []
    for node, for_types_only in statements(ast.parse(source, name)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{origin}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names = [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)]
        found += [Imported(name, node.lineno, for_types_only) for name in names]
    return found


def imports_of(path: Path) -> list[Imported]:
    package = ".".join(["napari_cvdm", *path.relative_to(SOURCE).parts[:-1]])
    return imports_in(path.read_text(encoding="utf-8"), package, relative(path))


def inner_parts(path: Path) -> list[tuple[str, Imported]]:
    """The parts of the house that a module imports; a public name counts as the part that defines it.

    The package's own version is free to all.
    """
    found = []
    for imported in imports_of(path):
        if imported.library == "napari_cvdm" and imported.name != "napari_cvdm.__version__":
            first = imported.name.split(".")[1] if "." in imported.name else ""
            home = napari_cvdm._HOME_OF.get(first)
            found.append((home.split(".")[1] if home else first, imported))
    return found


def breaches(path: Path) -> list[str]:
    """The imports of one module that point up the list."""
    here = part_of(path)
    return [
        f"{relative(path)}:{imported.line} imports {imported.name}"
        for part, imported in inner_parts(path)
        if ROW_OF.get(part, -1) < ROW_OF[here]
    ]


def modules_below_plugin() -> list[Path]:
    return [path for path in MODULES if part_of(path) != "plugin"]


def function_lengths(source: str) -> dict[str, int]:
    """Lines of each function's body, without docstring and signature: a command's options take many."""
    lengths = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body if ast.get_docstring(node) is None else node.body[1:]
            lengths[f"{node.name}:{node.lineno}"] = body[-1].end_lineno - body[0].lineno + 1 if body else 0
    return lengths


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def citation() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def requirements() -> list[Requirement]:
    stated = project()
    extras = [line for lines in stated["optional-dependencies"].values() for line in lines]
    return [Requirement(line) for line in [*stated["dependencies"], *extras]]


class TestTheCheckerItself:
    """A checker that sees nothing passes everything: here are imports that it must see."""

    @pytest.mark.parametrize(
        ("statement", "name"),
        [
            ("import napari_cvdm.plugin.widget", "napari_cvdm.plugin.widget"),
            ("from napari_cvdm import plugin", "napari_cvdm.plugin"),
            ("from .. import plugin", "napari_cvdm.plugin"),
            ("from ..plugin.widget import Widget", "napari_cvdm.plugin.widget.Widget"),
            ("from . import schedule", "napari_cvdm.cvdm.schedule"),
            ("def f():\n    from napari.utils import progress", "napari.utils.progress"),
            ("importlib.import_module('napari')", "napari"),
        ],
    )
    def test_sees_imports_in_every_form(self, statement: str, name: str) -> None:
        assert [imported.name for imported in imports_in(statement, "napari_cvdm.cvdm")] == [name]

    def test_tells_imports_for_types_from_others(self) -> None:
        source = "if TYPE_CHECKING:\n    import torch\nelse:\n    import numpy\nimport scipy"
        flags = {imported.name: imported.for_types_only for imported in imports_in(source, "napari_cvdm")}
        assert flags == {"torch": True, "numpy": False, "scipy": False}

    @pytest.mark.parametrize(
        ("source", "lines"),
        [
            ("def f(): return 1", 1),
            ('def f():\n    """Words."""', 0),
            ('def f():\n    """More\n    words."""\n    a = 1\n    return (\n        a\n    )', 4),
            ("def f(\n    a,\n    b,\n):\n    return a", 1),
            ("class C:\n    async def f(self):\n        a = 1\n\n        return a", 3),
        ],
    )
    def test_counts_the_lines_of_functions(self, source: str, lines: int) -> None:
        assert list(function_lengths(source).values()) == [lines]


class TestImports:
    def test_every_part_has_a_row(self) -> None:
        parts = {part_of(path) for path in MODULES}
        assert parts - {"__init__"} <= ROW_OF.keys()

    def test_point_down_the_list_only(self) -> None:
        # Imports for types count: a part that names a type from above knows about what is above.
        assert [line for path in MODULES if part_of(path) != "__init__" for line in breaches(path)] == []

    def test_the_public_face_needs_no_viewer(self) -> None:
        parts = {part for part, _ in inner_parts(SOURCE / "__init__.py")}
        assert parts <= {"restoration", "models"}

    def test_make_no_circle_between_parts(self) -> None:
        needs: dict[str, set[str]] = {}
        for path in MODULES:
            here = needs.setdefault(part_of(path), set())
            here |= {part for part, imported in inner_parts(path) if not imported.for_types_only}
        for part, others in needs.items():
            others.discard(part)
        try:
            TopologicalSorter(needs).prepare()
        except CycleError as error:
            pytest.fail(f"parts import each other in a circle: {' -> '.join(error.args[1])}")

    def test_only_the_plugin_knows_the_viewer(self) -> None:
        found = [
            f"{relative(path)}:{imported.line} imports {imported.name}"
            for path in modules_below_plugin()
            for imported in imports_of(path)
            if imported.library in VIEWER_LIBRARIES
        ]
        assert found == []

    def test_the_method_needs_torch_and_numpy_only(self) -> None:
        allowed = {"torch", "numpy", *sys.stdlib_module_names}
        found = [
            f"{relative(path)}:{imported.line} imports {imported.name}"
            for path in (SOURCE / "cvdm").rglob("*.py")
            for imported in imports_of(path)
            if imported.library not in allowed and not imported.name.startswith("napari_cvdm.cvdm")
        ]
        assert found == []

    def test_all_libraries_are_declared(self) -> None:
        declared = {canonicalize_name(requirement.name) for requirement in requirements()}
        found = {
            f"{relative(path)}:{imported.line} imports {imported.library}"
            for path in MODULES
            for imported in imports_of(path)
            if imported.library not in {"napari_cvdm", *sys.stdlib_module_names}
            and canonicalize_name(DISTRIBUTION_OF.get(imported.library, imported.library)) not in declared
        }
        assert found == set()

    @pytest.mark.parametrize("module", ["napari_cvdm", "napari_cvdm.plugin.widget"])
    def test_load_neither_torch_nor_dask(self, module: str) -> None:
        code = f"import sys, {module}; print(*sorted({{'torch', 'dask'}} & sys.modules.keys()))"
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
        )
        assert (run.returncode, run.stdout.strip()) == (0, ""), run.stderr


class TestModules:
    def test_are_one_idea_of_300_lines_at_most(self) -> None:
        lengths = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
        assert {name: length for name, length in lengths.items() if length > 300} == {}

    def test_each_has_its_tests(self) -> None:
        missing = []
        for path in MODULES:
            if path.name == "__init__.py":
                continue
            tests = ROOT / "tests" / path.relative_to(SOURCE).with_name(f"test_{path.stem.strip('_')}.py")
            if not tests.is_file():
                missing.append(tests.relative_to(ROOT).as_posix())
        assert missing == []

    def test_are_named_after_what_they_hold(self) -> None:
        vague = {"common", "helper", "helpers", "misc", "util", "utils"}
        assert [relative(path) for path in MODULES if path.stem in vague or path.parent.name in vague] == []

    def test_leave_nothing_for_later(self) -> None:
        unfinished = re.compile(r"NotImplementedError|\b(TODO|FIXME|XXX)\b")
        found = [
            f"{relative(path)}:{number} {line.strip()}"
            for path in MODULES
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
            if unfinished.search(line)
        ]
        assert found == []

    def test_are_typed_for_users(self) -> None:
        assert (SOURCE / "py.typed").is_file()


class TestFunctions:
    def test_fit_on_a_screen(self) -> None:
        found = {
            f"{relative(path)}: {name}": length
            for path in MODULES
            for name, length in function_lengths(path.read_text(encoding="utf-8")).items()
            if length > 55
        }
        assert found == {}


class TestRelease:
    def test_changelog_tells_of_this_version(self) -> None:
        assert f"## [{project()['version']}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    def test_citation_names_this_version_and_both_papers(self) -> None:
        cited = citation()
        assert str(cited["version"]) == project()["version"]
        assert cited["license"] == project()["license"]
        urls = {reference["url"] for reference in cited["references"]}
        assert urls == {"https://arxiv.org/abs/2312.02246", "https://arxiv.org/abs/2406.04388"}

    def test_dependencies_have_lower_bounds_only(self) -> None:
        bounds = {
            str(r): [s.operator for s in r.specifier] for r in requirements() if r.name != project()["name"]
        }
        assert {line: operators for line, operators in bounds.items() if operators != [">="]} == {}

    def test_no_qt_binding_is_forced_on_users(self) -> None:
        core = [Requirement(line) for line in project()["dependencies"]]
        assert [r.name for r in core if r.name.lower().startswith(("pyqt", "pyside"))] == []
        assert [str(r) for r in core if r.extras - {"array"}] == []

    def test_constraints_pin_what_is_declared_and_nothing_else_than_versions(self) -> None:
        text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
        pinned = {
            canonicalize_name(name): Version(version) for name, version in (li.split("==") for li in lines)
        }
        unfit = [
            str(r)
            for r in requirements()
            if r.name != project()["name"]
            and not (
                pinned.get(canonicalize_name(r.name))
                and r.specifier.contains(pinned[canonicalize_name(r.name)])
            )
        ]
        assert unfit == []

    def test_the_manifest_at_the_top_is_the_packaged_one(self) -> None:
        manifest = ROOT / "napari.yaml"
        assert manifest.is_symlink()
        assert manifest.resolve(strict=True) == SOURCE / "napari.yaml"
