"""Names that an encoding lacks are escaped, and end nothing."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from napari_cvdm.cli.printing import print_whatever_comes


@pytest.mark.parametrize(
    ("encoding", "errors", "text", "written"),
    [
        ("ascii", "strict", "2 µm", b"2 \\xb5m"),
        ("utf-8", "strict", "a\udce9.tif", b"a\\udce9.tif"),
        ("utf-8", "strict", "2 µm", "2 µm".encode()),
        ("ascii", "surrogateescape", "a\udce9 2 µm", b"a\xe9 2 \\xb5m"),
        ("ascii", "replace", "2 µm", b"2 ?m"),
    ],
)
def test_what_cannot_be_written_is_escaped(encoding: str, errors: str, text: str, written: bytes) -> None:
    file = io.BytesIO()
    stream = io.TextIOWrapper(file, encoding=encoding, errors=errors)
    print_whatever_comes(stream, None, io.StringIO())
    stream.write(text)
    stream.flush()
    assert file.getvalue() == written


def test_such_a_name_does_not_end_a_batch(image: Path, weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / "λ"  # click itself sees to ASCII
    program = "import sys; from napari_cvdm.cli import main; sys.exit(main())"
    arguments = ["restore", image, "-o", f"{folder}/", "--model", weights, "--preview", "--device", "cpu"]
    ended = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**os.environ, "PYTHONIOENCODING": "latin-1:strict", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "\\u03bb" in ended.stdout
    assert len(list(folder.iterdir())) == 2
