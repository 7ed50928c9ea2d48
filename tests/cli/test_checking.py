import base64
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from napari_cvdm.assessment import checked_part
from napari_cvdm.cli import main
from napari_cvdm.files.image_set import StoredImage, write_image_set
from napari_cvdm.files.ome_tiff import read_provenance, write_ome_tiff
from napari_cvdm.files.ome_zarr import create_ome_zarr, plan_layout, write_region
from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.files.zarr_set import write_zarr_set
from napari_cvdm.models import add_model, load_model
from napari_cvdm.models.registry import read_registry
from napari_cvdm.restoration.axes import name_axes
from napari_cvdm.simulation.pairs import simulate_pair
from napari_cvdm.simulation.ranges import AcquisitionRanges


@pytest.fixture
def result(tmp_path: Path) -> Path:
    """A result with all that ``restore`` puts beside it, and its input."""
    image, truth = simulate_pair("microtubules", 0, 48, photons=500.0)
    write_ome_tiff(tmp_path / "cell.tif", image, "YX", 65.0)
    made = {"source": "cell.tif", "draws": 2, "upscaling": 2, "model": {"name": "some", "sha256": "0" * 64}}
    pictures = {"": (truth, "reconstruction"), "_uncertainty": (0.1 * truth + 1, "uncertainty")}
    for number, draw in enumerate(draws_of(truth), start=1):
        pictures[f"_draw{number:02d}"] = draw, f"draw {number} of 3"
    for name, (data, content) in pictures.items():
        said = {**made, "content": content}
        write_ome_tiff(tmp_path / f"cell_cvdm{name}.ome.tif", data, "YX", 32.5, said)
    return tmp_path / "cell_cvdm.ome.tif"


def draws_of(truth: np.ndarray) -> list[np.ndarray]:
    noise = [np.random.default_rng(number).normal(0, 5, truth.shape) for number in (1, 2, 3)]
    return [(truth + each).astype("f4") for each in noise]


def numbers_of(report: Path) -> dict[str, Any]:
    return json.loads(report.with_suffix(".json").read_text())


def pictures_in(report: Path) -> int:
    """How many pictures a page shows side by side; without the uncertainty there is one less."""
    coded = report.read_text().partition("data:image/png;base64,")[2].partition('"')[0]
    width, height = Image.open(io.BytesIO(base64.b64decode(coded))).size
    return round(width / height)


def sharp_of(report: Path) -> Any:
    """What the resolution says of single draws: None if none were compared."""
    return numbers_of(report)["checks"]["resolution"]["ring_correlation_draws"]


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["check", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_writes_page_numbers_and_map(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, result, "--without-model")
    assert code == 0, err
    assert "Agreement with the measurement" in out
    report = result.with_name("cell_cvdm_check.html")
    assert out.splitlines()[-1] == str(report)
    numbers = json.loads(report.with_suffix(".json").read_text())
    assert numbers["provenance"]["draws"] == 2
    assert numbers["checks"]["resolution"]["ring_correlation_draws"] is not None
    assert numbers["checks"]["consistency"]["sigma_camera_pixels"] > 0
    assert pictures_in(report) == 4
    disagreement = read_tiff(result.with_name("cell_cvdm_check_disagreement.ome.tif"))
    assert disagreement.data.shape == (48, 48)
    assert disagreement.pixel_size == 65.0


def test_likeness_counts_for_the_model_that_the_result_names(
    result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, result, "--without-model")
    assert code == 0, err
    said = next(line for line in out.splitlines() if "Likeness" in line)
    assert said.startswith(
        "not known  Likeness to the training images: The image looks like those of the bundled"
    )
    assert "other weights ('some')" in said
    assert numbers_of(result.with_name("cell_cvdm_check.html"))["checks"]["made_by"]["name"] == "some"
    bundled = read_registry().find("default")
    made = {**read_provenance(result), "model": {"name": bundled.name, "sha256": bundled.sha256}}
    write_ome_tiff(result, read_tiff(result).data, "YX", 32.5, made, overwrite=True)
    assert run(capsys, result, "--without-model", "--overwrite")[1].startswith(
        "good       Likeness to the training images: The image looks like those of training"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text elsewhere")
def test_a_name_that_is_not_in_utf8(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = result.rename(result.with_name(os.fsdecode(b"bild\xe4_cvdm.ome.tif")))
    code, _, err = run(capsys, odd, "--without-model")
    assert code == 0, err
    report = odd.with_name(os.fsdecode(b"bild\xe4_cvdm_check.html"))
    assert r"bild\udce4_cvdm" in report.read_text()
    assert numbers_of(report)["provenance"]["draws"] == 2


def test_of_a_large_plane_a_part_is_checked_and_that_is_said(
    result: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checked_part, "LARGEST", 32)
    code, out, err = run(capsys, result, "--without-model")
    assert code == 0, err
    assert "of 48 × 48 pixels" in out
    report = result.with_name("cell_cvdm_check.html")
    part = numbers_of(report)["checks"]["part"]
    assert part["rows"][1] - part["rows"][0] == 32
    assert part["of"] == [48, 48]
    path = result.with_name("cell_cvdm_check_disagreement.ome.tif")
    assert read_tiff(path).data.shape == (32, 32)
    assert read_provenance(path)["part"] == part


def test_a_report_that_came_to_exist_meanwhile_stays(
    result: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    report = result.with_name(f"{result.name.removesuffix('.ome.tif')}_check.html")
    meanwhile = "napari_cvdm.cli.progress.ProgressDisplay.advance"
    monkeypatch.setattr(meanwhile, lambda *_: report.write_text("another's"))
    code, _, err = run(capsys, result, "--without-model")
    assert (code, report.read_text()) == (2, "another's")
    assert f"{report} exists already" in err


def test_refuses_to_overwrite_unless_told(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, result, "--without-model")[0] == 0
    code, _, err = run(capsys, result, "--without-model")
    assert code == 2
    assert "exists" in err
    assert run(capsys, result, "--without-model", "--overwrite")[0] == 0


def test_an_input_is_never_written_to(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    psf = result.with_name("a_disagreement.ome.tif")
    psf.write_bytes(b"precious")
    report = result.with_name("a.html")
    code, _, err = run(capsys, result, "--psf", psf, "-o", report, "--overwrite", "--without-model")
    assert code == 2
    assert "never written to" in err
    assert psf.read_bytes() == b"precious"


def test_the_input_can_be_named_and_must_fit(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cell.tif").rename(tmp_path / "moved.tif")
    code, _, err = run(capsys, result, "--without-model")
    assert code == 2
    assert "--input" in err
    assert "cell.tif" in err
    for side in (30, 24):  # the second would be enlarged by a whole number, but not by the result's own
        other = write_ome_tiff(tmp_path / f"{side}.tif", np.eye(side, dtype="f4"), "YX")
        code, _, err = run(capsys, result, "--without-model", "--input", other)
        assert code == 2
        assert "cannot belong" in err
    psf = write_ome_tiff(tmp_path / "psf.tif", np.ones((1, 5, 5), np.float32), "ZYX")
    command = [result, "--without-model", "--input", tmp_path / "moved.tif", "--psf", psf]
    assert run(capsys, *command, "-o", tmp_path / "new" / "folder")[0] == 0
    numbers = numbers_of(tmp_path / "new" / "folder" / "cell_cvdm_check.html")
    assert numbers["checks"]["consistency"]["sigma_camera_pixels"] is None  # no width was estimated


def test_a_name_in_a_file_leads_nowhere_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = tmp_path / "secret.tif"
    image, truth = simulate_pair("rings", 0, 32)
    write_ome_tiff(secret, image, "YX")
    folder = tmp_path / "results"
    folder.mkdir()
    result = write_ome_tiff(folder / "r.ome.tif", truth, "YX", None, {"source": str(secret)})
    code, _, err = run(capsys, result, "--without-model")
    assert code == 2
    assert "--input" in err


def test_a_plane_of_a_stack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    thin = AcquisitionRanges(haze=(0.0, 0.2))
    pairs = [simulate_pair("microtubules", seed, 40, photons=800.0, ranges=thin) for seed in (0, 1)]
    image = write_ome_tiff(tmp_path / "film.tif", np.stack([pair[0] for pair in pairs]), "TYX")
    # The truths, the wrong way round for the first plane.
    swapped = np.stack([np.flipud(pairs[0][1]), pairs[1][1]])
    result = write_ome_tiff(tmp_path / "film_cvdm.ome.tif", swapped, "TYX", None, {"source": image.name})
    levels = []
    for plane in ("t = 0", "T=1"):
        code, out, err = run(capsys, result, "--without-model", "--plane", plane, "--overwrite")
        assert code == 0, err
        levels.append(next(line.split()[0] for line in out.splitlines() if "Agreement" in line))
    assert levels == ["doubt", "good"]
    code, _, err = run(capsys, result, "--without-model", "--plane", "T=2", "--overwrite")
    assert code == 2
    assert "T=0 to 1" in err
    code, _, err = run(capsys, result, "--without-model", "--plane", "T=0,T=1", "--overwrite")
    assert code == 2
    assert "--plane names axis T twice" in err


def test_with_a_model_it_says_that_another_made_the_result(
    result: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, result, "--model", weights, "--device", "cpu")
    assert code == 0, err
    assert "was not made by" in err
    assert "Turned, mirrored or shifted" in out


def test_the_bundled_model_does_not_judge_the_results_of_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image, truth = simulate_pair("microtubules", 0, 48, photons=500.0)
    write_ome_tiff(tmp_path / "cell.tif", image, "YX", 65.0)
    stated = {"source": "cell.tif", "model": {"name": "ours", "sha256": "ab" * 32}}
    made = write_ome_tiff(tmp_path / "cell_cvdm.ome.tif", truth, "YX", 32.5, stated)
    code, out, err = run(capsys, made, "--device", "cpu")
    assert code == 0, err
    assert "made by another model than the bundled one" in err
    assert "checked without the model" in out
    assert "Turned, mirrored or shifted" not in out


def test_the_model_that_made_a_result_is_found_if_it_was_added(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NAPARI_CVDM_ADDED", str(tmp_path / "added"))
    model = load_model(add_model(weights, "ours"))
    image, truth = simulate_pair("microtubules", 0, 48, photons=500.0)
    write_ome_tiff(tmp_path / "cell.tif", image, "YX", 65.0)
    stated = {"source": "cell.tif", "model": {"name": "called otherwise", "sha256": model.sha256}}
    made = write_ome_tiff(tmp_path / "cell_cvdm.ome.tif", truth, "YX", 32.5, stated)
    code, out, err = run(capsys, made, "--device", "cpu")
    assert code == 0, err
    assert "warning" not in err
    assert "Turned, mirrored or shifted" in out


def test_of_a_result_that_does_not_say_whose_model_made_it_nothing_is_said_of_another(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image, truth = simulate_pair("microtubules", 0, 48, photons=500.0)
    write_ome_tiff(tmp_path / "cell.tif", image, "YX", 65.0)
    result = write_ome_tiff(tmp_path / "cell_cvdm.ome.tif", truth, "YX", 32.5, {"source": "cell.tif"})
    code, _, err = run(capsys, result, "--model", weights, "--device", "cpu")
    assert code == 0, err
    assert "was not made by" not in err


def test_draws_of_another_run_do_not_count(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = read_provenance(result) or {}
    for number in (1, 2, 3):
        path = result.with_name(f"cell_cvdm_draw{number:02d}.ome.tif")
        said = {**made, "seed": 5, "content": f"draw {number} of 3"}
        write_ome_tiff(path, read_tiff(path).data, "YX", 32.5, said, overwrite=True)
    code, _, err = run(capsys, result, "--without-model")
    assert code == 0, err
    assert sharp_of(result.with_name("cell_cvdm_check.json")) is None
    assert "left out: cell_cvdm_draw01.ome.tif, cell_cvdm_draw02.ome.tif, cell_cvdm_draw03.ome.tif" in err


@pytest.mark.parametrize(("writer", "ending"), [(write_image_set, ".ome.tif"), (write_zarr_set, ".ome.zarr")])
def test_all_pictures_of_what_the_panel_has_saved(
    tmp_path: Path, writer: Any, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    image, truth = simulate_pair("microtubules", 0, 48, photons=500.0)
    write_ome_tiff(tmp_path / "cell.tif", image, "YX", 65.0)
    made = {"source": "cell.tif", "run": "abc"}
    images = [
        StoredImage("cell CVDM uncertainty", 0 * truth + 7, "YX", 32.5, {"picture": "uncertainty", **made}),
        StoredImage("cell CVDM", truth, "YX", 32.5, {"picture": "reconstruction", **made}),
        StoredImage("draws", np.stack(draws_of(truth)), "QYX", 32.5, {"picture": "draws", "run": "abc"}),
    ]
    # What was saved before, without draws, under the names that files of a shell's run have, is not asked.
    write_ome_tiff(tmp_path / "cell.cvdm_uncertainty.ome.tif", np.eye(5, dtype="f4"), "YX")
    path = writer(tmp_path / f"cell.cvdm{ending}", images)
    code, out, err = run(capsys, path, "--without-model")
    assert code == 0, err
    report = tmp_path / "cell.cvdm_check.html"
    assert out.splitlines()[-1] == str(report)
    assert numbers_of(report)["checks"]["consistency"]["rsp"] > 0.5  # the uncertainty is the same everywhere
    assert pictures_in(report) == 4
    assert sharp_of(report) is not None
    assert numbers_of(report)["provenance"]["picture"] == "reconstruction"


def test_a_picture_that_is_no_reconstruction_is_refused(
    result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("uncertainty", "draw02"):
        path = result.with_name(f"cell_cvdm_{name}.ome.tif")
        code, out, err = run(capsys, path, "--without-model")
        assert (code, out) == (2, "")
        assert err.startswith(f"napari-cvdm: {path} holds ")
        assert err.endswith(f"not the reconstruction: give {result}.\n")
        assert err.count("\n") == 1
    assert not list(result.parent.glob("*check*"))


@pytest.mark.parametrize("output", ["report.pdf", "cell.tif/report.html"])
def test_refuses_reports_that_cannot_be(
    result: Path, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, result, "--without-model", "-o", result.parent / output)
    assert code == 2
    assert len(err.strip().splitlines()) == 1


def write_zarr(path: Path, data: np.ndarray, provenance: dict[str, object] | None = None) -> Path:
    axes = name_axes(data.shape, "TYX")
    layout = plan_layout(axes, data.shape, data.shape[-1])
    create_ome_zarr(path, layout, name=path.name, pixel_size_nm=32.5, provenance=provenance)
    for frame, plane in enumerate(data):
        write_region(path, layout, (frame,), 0, 0, plane)
    return path


def test_results_and_inputs_in_zarr_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image, truth = simulate_pair("microtubules", 0, 48, photons=500.0)
    write_zarr(tmp_path / "film.ome.zarr", np.stack([image, image[::-1]]))
    made = {"source": "film.ome.zarr", "draws": 2}
    # The wrong way round in the second frame, which is asked for.
    result = write_zarr(tmp_path / "film_cvdm.ome.zarr", np.stack([truth, truth]), made)
    write_zarr(tmp_path / "film_cvdm_uncertainty.ome.zarr", np.stack([truth, truth]) + 1, made)
    right, out, err = run(capsys, result, "--without-model")
    assert right == 0, err
    assert out.splitlines()[-1] == str(tmp_path / "film_cvdm_check.html")
    report = tmp_path / "film_cvdm_check.html"
    assert pictures_in(report) == 4
    numbers = json.loads(report.with_suffix(".json").read_text())
    assert numbers["provenance"]["draws"] == 2
    assert run(capsys, result, "--without-model", "--plane", "T=1", "--overwrite")[0] == 0
    wrong = json.loads(report.with_suffix(".json").read_text())
    assert wrong["checks"]["consistency"]["rsp"] < 0.5 < numbers["checks"]["consistency"]["rsp"]
    assert not list(result.glob("*check*"))


def test_of_tiff_files_nothing_is_read_but_the_plane(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def whole(*_: object) -> None:
        raise AssertionError("a file was read as a whole")

    image, truth = simulate_pair("microtubules", 0, 48, photons=500.0)
    write_ome_tiff(tmp_path / "film.ome.tif", np.stack([image[::-1], image]), "TYX", 65.0)
    made = {"source": "film.ome.tif", "draws": 2, "axes": "TYX"}
    for name, added in (("", 0), ("_uncertainty", 1)):
        film = np.stack([truth, truth]) + added
        write_ome_tiff(tmp_path / f"film_cvdm{name}.ome.tif", film, "TYX", 32.5, made)
    monkeypatch.setattr("napari_cvdm.files.tiff.read_image", whole)
    code, _, err = run(capsys, tmp_path / "film_cvdm.ome.tif", "--without-model", "--plane", "T=1")
    assert code == 0, err
    assert numbers_of(tmp_path / "film_cvdm_check.html")["checks"]["consistency"]["rsp"] > 0.5


def test_a_damaged_zarr_folder_ends_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image, truth = simulate_pair("rings", 0, 32)
    result = write_zarr(tmp_path / "r.zarr", truth[None], {"source": "i.zarr"})
    write_zarr(tmp_path / "i.zarr", image[None])
    for chunk in [p for p in (result / "0").rglob("*") if p.is_file() and p.suffix != ".json"]:
        chunk.write_bytes(b"scratched")
    code, _, err = run(capsys, result, "--without-model")
    assert code == 2
    assert "could not be read" in err
    assert not list(tmp_path.glob("*check*"))
