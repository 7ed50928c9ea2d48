from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

import napari_cvdm
from napari_cvdm.cli import main
from napari_cvdm.cli.application import app
from napari_cvdm.training import trainer

COMMANDS = [
    "demo",
    "restore",
    "check",
    "evaluate",
    "train",
    "finetune",
    "simulate",
    "models list",
    "models fetch",
    "models add",
    "models verify",
    "models path",
    "models remove",
    "models export",
]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_explains_itself(command: str) -> None:
    shown, shortly = (CliRunner().invoke(app, [*command.split(), option]) for option in ("--help", "-h"))
    assert shown.exit_code == shortly.exit_code == 0
    assert "Usage:" in shown.output
    assert shortly.output == shown.output
    assert "[[" not in shown.output  # what may be left out stands in one pair of brackets


def test_help_says_from_which_number_parts_are_counted_and_what_needs_zarr() -> None:
    shown = " ".join(CliRunner().invoke(app, ["restore", "--help"]).output.split())
    assert "Which of several images in a file, from 0" in shown
    assert "Channels to restore, from 0" in shown
    assert "Planes to restore, from 0" in shown
    assert shown.count("With .ome.zarr output.") == 2  # --scheduler and --workers
    assert "standard (8)" in shown


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(command.split()[0] in shown for command in COMMANDS)


@pytest.mark.parametrize(
    ("typed", "proposed"),
    [("re", ["restore"]), ("restore --keep", ["--keep-draws"]), ("models ve", ["verify"])],
)
def test_a_shell_can_complete_commands_and_options(
    typed: str, proposed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_NAPARI_CVDM_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"napari-cvdm {typed}")
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split())))
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    assert capsys.readouterr().out.split() == proposed


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"napari-cvdm {napari_cvdm.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sharpen"], "No such command 'sharpen'"),
        (["restore"], "Missing argument 'INPUT'"),
        (["restore", "a.tif"], "Missing option '--output'"),
        (["restore", "a.tif", "-o", "b.tif", "--draws", "many"], "'--draws'"),
        (["restore", "a.tif", "-o", "b.tif", "--sharpness", "3"], "--sharpness"),
        (["evaluate"], "Missing argument 'PAIRS_DIR'"),
        (["evaluate", "no-such-folder"], "no-such-folder"),
        (["train", "no-such-file.toml"], "no-such-file.toml"),
        (["finetune", "no-such-folder", "-o", "out"], "no-such-folder"),
        (["simulate", "-o", "out", "--count", "0"], "'--count'"),
        (["simulate", "-o", "out", "--seed", "-1"], "'--seed'"),
        (["models"], "Missing command"),
        (["models", "list", "all"], "unexpected extra argument"),
        (["demo", "--model", "no-such.safetensors"], "no-such.safetensors"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_one_line(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("napari-cvdm: ")
    assert message in captured.err
    assert not any(tmp_path.iterdir())


def test_training_that_is_interrupted_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tubules.toml").write_text('name = "ours"\ndescription = ""\n[data.kinds]\nactin = 1.0\n')

    def run_training(_: Path, folder: Path, **__: object) -> Path:
        folder.mkdir(parents=True)
        (folder / "checkpoint.pt").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "run_training", run_training)
    assert main(["train", "tubules.toml"]) == 130
    assert "The last checkpoint is kept: the same command goes on" in capsys.readouterr().err
    assert (tmp_path / "runs" / "ours" / "checkpoint.pt").exists()  # where it has always been


def test_training_in_a_folder_that_cannot_be_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(trainer, "run_training", lambda *_, **__: pytest.fail("it began"))
    (tmp_path / "disk").symlink_to(tmp_path / "unmounted")
    assert main(["train", "tubules.toml", "-o", str(tmp_path / "disk" / "run")]) == 2
    assert "disk is a link to" in capsys.readouterr().err


def test_training_that_a_gpu_has_no_memory_for_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run_training(*_: object, **__: object) -> Path:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr(trainer, "run_training", run_training)
    assert main(["train", "tubules.toml", "-o", "run"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "Memory ran out for training" in told
    assert "batch or patch" in told


def test_a_shell_sees_the_exit_code_and_no_traceback(shell: Callable[..., subprocess.Popen[str]]) -> None:
    process = shell("restore", "absent.tif", "-o", "out.tif")
    output, error = process.communicate(timeout=120)
    assert process.returncode == 2
    assert output == ""
    assert error.count("\n") == 1


@pytest.mark.parametrize("module", ["application", "models"])
def test_an_interruption_while_the_program_loads_is_one_line(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupt:
        """Stands for Ctrl-C while a module is looked for."""

        def find_spec(self, name: str, *_: object) -> None:
            if name == f"napari_cvdm.cli.{module}":
                raise KeyboardInterrupt

    for name in ("application", "models"):
        monkeypatch.delitem(sys.modules, f"napari_cvdm.cli.{name}")
    monkeypatch.setattr(sys, "meta_path", [Interrupt(), *sys.meta_path])
    assert main(["--version"]) == 130
    assert capsys.readouterr().err == "napari-cvdm: interrupted\n"


def test_help_loads_nothing_heavy() -> None:
    program = """
import sys
from napari_cvdm.cli import main
commands = (["--help"], ["restore", "--help"], ["finetune", "--help"], ["models", "list"])
code = sum(main(command) for command in commands)
libraries = {"torch", "dask", "numpy", "skimage", "scipy", "tifffile", "napari", "PIL", "pooch"}
heavy = libraries & sys.modules.keys()
sys.exit(f"{code} {heavy}" if code or heavy else 0)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_models_are_listed_with_what_they_are_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    shown = capsys.readouterr().out
    for model in napari_cvdm.list_models():
        assert f"{model.name}  ({model.location}" in shown
        assert model.summary in shown


def test_the_folder_of_models_can_be_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NAPARI_CVDM_CACHE", str(tmp_path))
    assert main(["models", "path"]) == 0
    assert capsys.readouterr().out == f"{tmp_path}\n"


def test_a_name_that_the_encoding_lacks_does_not_end_a_batch(
    image: Path, weights: Path, tmp_path: Path
) -> None:
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
