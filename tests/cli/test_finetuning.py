from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from scipy.ndimage import gaussian_filter

from napari_cvdm.cli import main
from napari_cvdm.files.ome_tiff import write_ome_tiff
from napari_cvdm.models import load_model
from napari_cvdm.restoration.restore import restore
from napari_cvdm.simulation.pairs import simulate_pair
from napari_cvdm.training.trainer import Trainer

REFERENCE = Path(__file__).parents[1] / "data" / "reference"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Path:
    """Two pairs whose sharp images are what the model shows, less sharp."""
    folder = tmp_path_factory.mktemp("made")
    for number in range(2):
        camera, _ = simulate_pair("rings", number, 32)
        shown = restore(camera, load_model(weights), preview=True, device="cpu").mean
        write_ome_tiff(folder / f"{number}_wf.tif", camera, "YX", 65.0)
        write_ome_tiff(folder / f"{number}_sim.tif", gaussian_filter(shown, 1.5), "YX", 32.5)
    return folder


@pytest.fixture
def pairs(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "pairs"))


def finetune(pairs: Path, out: Path, weights: Path, *more: str) -> int:
    return main(["finetune", str(pairs), "-o", str(out), "--model", str(weights), "--steps", "3", *more])


def test_a_seed_that_torch_cannot_take_is_named(
    pairs: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert finetune(pairs, tmp_path / "out", weights, "--seed", str(2**64)) == 2
    assert "'--seed'" in capsys.readouterr().err


def test_from_pairs_to_weights_that_restore(
    pairs: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in list(pairs.iterdir()):
        path.rename(path.with_name(path.name.replace("_wf", "-raw").replace("_sim", "-sharp")))
    out = tmp_path / "new" / "out"
    suffixes = ["--wf-suffix", "-raw", "--sim-suffix", "-sharp"]
    assert finetune(pairs, out, weights, "--name", "ours", "--seed", "4", *suffixes) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    lines = captured.out.splitlines()
    assert lines[0] == "1 pair to train on (1 plane), 1 held out; patches of 32 × 32 pixels, 4 in a step"
    assert any(line.startswith("step 3  seconds ") for line in lines)
    assert any(line.startswith("before, tiny") for line in lines)
    assert any(line.startswith("after, ours") for line in lines)
    assert lines[-1] == f"The weights are in {out / 'ours.safetensors'}."
    assert load_model(out / "ours.safetensors").card.training["seed"] == 4
    image = str(pairs / "0-raw.tif")
    restored = tmp_path / "restored.tif"
    arguments = ["restore", image, "-o", str(restored), "--model", str(out / "ours.safetensors"), "--preview"]
    assert main(arguments) == 0


def test_an_interrupted_run_goes_on_by_the_same_command(
    pairs: Path,
    weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    run, stop_at = Trainer.run, [0, 2]

    def interrupted(self: Trainer) -> None:
        if stop_at:
            self.step = stop_at.pop(0)
            if self.step:
                self.save()
            raise KeyboardInterrupt
        run(self)

    monkeypatch.setattr(Trainer, "run", interrupted)
    assert finetune(pairs, out, weights, "--held-out", "0") == 130
    assert capsys.readouterr().err == "napari-cvdm: interrupted\n"  # no checkpoint was written yet
    assert finetune(pairs, out, weights, "--held-out", "0") == 130
    assert capsys.readouterr().err.splitlines() == [
        "The last checkpoint is kept: the same command goes on from there.",
        "napari-cvdm: interrupted",
    ]
    assert [path.name for path in out.iterdir()] == ["checkpoint.pt"]
    stop_at.append(1)
    assert finetune(pairs, out, weights, "--held-out", "0", "--fresh") == 130
    assert "the same command without --fresh goes on from there." in capsys.readouterr().err
    assert finetune(pairs, out, weights, "--held-out", "0") == 0
    shown = capsys.readouterr().out
    assert "resumed at step 1" in shown
    assert "nothing was measured" in shown
    # Another run in the same folder is refused, and started when told so.
    assert finetune(pairs, out, weights, "--held-out", "1") == 2
    assert "choose another output folder, or start fresh (--fresh)" in capsys.readouterr().err
    assert finetune(pairs, out, weights, "--held-out", "1", "--fresh") == 0


def test_published_networks_cannot_be_fine_tuned(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert finetune(pairs, tmp_path / "out", REFERENCE / "small_sr3_zmd.h5") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "published implementation, which cannot be fine-tuned" in error


@pytest.mark.parametrize(
    ("fault", "more", "words"),
    [
        ("no pairs", ["--model", "no-such-model"], "has no pair of files"),  # said before a model loads
        ("", ["--held-out", "2"], "has 2 pairs, so 2 cannot be held out"),
        ("", ["--held-out", "-1"], "'--held-out'"),
        ("", ["--steps", "0"], "'--steps'"),
        ("", ["--model", "no-such-model"], "There is no model named 'no-such-model'"),
        ("unreadable", [], "1_wf.tif is not a TIFF file"),
        ("output", [], "is not a folder"),
    ],
)
def test_bad_input_is_exit_code_2_and_one_line(
    pairs: Path,
    weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    fault: str,
    more: list[str],
    words: str,
) -> None:
    out = tmp_path / "out"
    camera = pairs / "1_wf.tif"
    match fault:
        case "no pairs":
            camera.unlink()
            (pairs / "0_sim.tif").unlink()
        case "unreadable":
            camera.write_bytes(b"no image")
        case "output":
            out.write_bytes(b"a file")
    assert finetune(pairs, out, weights, *more) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("napari-cvdm: ")
    assert words in captured.err
    assert not out.is_dir()
