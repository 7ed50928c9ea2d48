"""Pairs: found by name, scored where and how the rules say."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
import torch
from scipy.ndimage import gaussian_filter

from napari_cvdm.assessment import pairs as module
from napari_cvdm.assessment.pairs import evaluate_folder, evaluate_pair, find_pairs
from napari_cvdm.assessment.scores import METHODS, score
from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.cvdm.model import Estimate as CameraEstimate
from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.models import ModelCard, PretrainedModel
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.events import Estimate, Event, Finished
from napari_cvdm.restoration.result import Restoration

pytestmark = pytest.mark.usefixtures("short_search")

TEST_DATA = Path(__file__).parents[1] / "data"
MODEL = SimpleNamespace(upscaling=2, name="fake", sha256="0" * 64, card=SimpleNamespace(pixel_size_nm=None))
NOISE = 0.01


def field(height, width):
    """A sharp image and what a camera makes of it."""
    points = np.zeros((2 * height, 2 * width))
    rng, count = np.random.default_rng(0), height * width // 80
    points[rng.integers(9, 2 * height - 9, count), rng.integers(9, 2 * width - 9, count)] = 1
    sharp = gaussian_filter(points, 1.5)
    sharp = 1000 * sharp / sharp.max()
    blurred = gaussian_filter(sharp, 2.5).reshape(height, 2, width, 2).mean(axis=(1, 3))
    return (100 + 10 * blurred).astype("u2"), sharp.astype("u2")


@pytest.fixture
def restorer(monkeypatch):
    """A restoration that knows the truth: its error is Gaussian, of the size it states."""
    known = SimpleNamespace(truth=None, calls=[], warnings=[])

    def restore_events(image, model, **settings):
        known.calls.append((image, settings))
        sharp = module.normalize_truth(known.truth)
        std = NOISE * (1 + 4 * (sharp > 0.1))
        rng = np.random.default_rng(1)
        mean = (300 + 70 * (sharp + std * rng.standard_normal(sharp.shape))).astype("f4")
        first = (300 + 70 * gaussian_filter(sharp, 4)).astype("f4")
        std = (70 * std).astype("f4")
        place = {"plane": 0, "planes": 1, "draw": 0, "draws": settings["draws"], "step": 0, "steps": 1}
        yield Estimate("mean", **place, fraction=0.1, index=(), mean=first, std=std)
        yield Event("denoise", **place, fraction=0.5)
        yield Estimate("draw", **place, fraction=0.9, index=(), mean=mean, std=std)
        made = {"warnings": known.warnings}
        result = Restoration(mean, std, None, "YX", settings["pixel_size"], 2, made)
        yield Finished("done", **place, fraction=1.0, result=result)

    monkeypatch.setattr("napari_cvdm.restoration.restore.restore_events", restore_events)
    return known


def test_a_pair_gets_all_its_numbers(restorer):
    camera, restorer.truth = field(60, 40)
    scores = evaluate_pair("spots", camera, restorer.truth, MODEL, draws=4)
    assert scores.name == "spots"
    assert list(scores.methods) == list(METHODS)
    psnrs = {method: s.psnr for method, s in scores.methods.items()}
    assert psnrs["richardson_lucy"] > psnrs["bicubic"] + 1
    assert psnrs["posterior_mean"] > psnrs["mean_network"]
    assert scores.uncertainty.coverage[0.9] == pytest.approx(0.9, abs=0.02)
    assert scores.uncertainty.slope == pytest.approx(1, abs=0.1)
    assert scores.uncertainty.error_correlation > 0.4
    assert scores.richardson_lucy["sigma"] == 2.9
    assert 0 <= scores.seconds < 60


def test_what_speaks_against_the_numbers_is_kept(restorer):
    camera, restorer.truth = field(60, 40)
    assert evaluate_pair("spots", camera, restorer.truth, MODEL).warnings == ()
    restorer.warnings.append("Beware.")
    aside = np.roll(restorer.truth, 3, axis=0)
    told = evaluate_pair("spots", camera, aside, MODEL).warnings
    assert told[0] == "Beware."
    assert "ill registered" in told[1]
    assert len(told) == 2
    knowing = SimpleNamespace(upscaling=2, card=SimpleNamespace(pixel_size_nm=(40.0, 110.0)))
    restorer.warnings.clear()
    (told,) = evaluate_pair("spots", camera, restorer.truth, knowing).warnings
    assert "pixel size is not known" in told
    assert evaluate_pair("spots", camera, restorer.truth, knowing, pixel_size=65.0).warnings == ()


def test_the_whole_field_is_restored_and_its_centre_compared(restorer, monkeypatch):
    monkeypatch.setattr(module, "SCORED_SIDE", 32)
    camera, sharp = field(61, 24)
    restorer.truth = sharp
    clean = evaluate_pair("a", camera, sharp, MODEL)
    assert restorer.calls[0][0].shape == (61, 24)
    # Camera rows 14 to 46 are compared, sharp rows 28 to 92. The others can change places.
    outside = [*range(28), *range(92, 122)]
    moved = sharp.copy()
    moved[outside] = sharp[outside[::-1]]
    assert evaluate_pair("a", camera, moved, MODEL).methods["bicubic"] == clean.methods["bicubic"]
    moved[[27, 28]] = moved[[28, 27]]
    assert evaluate_pair("a", camera, moved, MODEL).methods["bicubic"] != clean.methods["bicubic"]


def test_settings_and_events_are_passed_on(restorer):
    camera, restorer.truth = field(40, 40)
    seen = []
    evaluate_pair(
        "a",
        camera,
        restorer.truth,
        MODEL,
        draws=3,
        steps=7,
        seed=5,
        device="cpu",
        pixel_size=65.0,
        progress=seen.append,
    )
    assert restorer.calls[0][1] == {
        "axes": "YX",
        "draws": 3,
        "steps": 7,
        "seed": 5,
        "device": "cpu",
        "pixel_size": 65.0,
        "on_tile": seen.append,
    }
    assert [event.stage for event in seen] == ["mean", "denoise", "draw", "done"]


def test_a_truth_of_the_wrong_size_is_named(restorer):
    camera, sharp = field(40, 30)
    with pytest.raises(InputError, match=r"Pair a: the sharp image has 80 × 58 pixels.*are 80 × 60"):
        evaluate_pair("a", camera[None], sharp[None, :, :-2], MODEL)  # as some files have single planes
    with pytest.raises(InputError, match=r"Pair a, camera image: the shape is \(2, .* single planes"):
        evaluate_pair("a", np.stack([camera, camera]), sharp, MODEL)
    with pytest.raises(InputError, match=r"Pair a, sharp image: .*constant"):
        evaluate_pair("a", camera, np.ones_like(sharp), MODEL)
    holed = camera.astype("f4")
    holed[3, 3] = np.nan
    advice = r"Crop both images to what was recorded\.$"
    with pytest.raises(InputError, match=rf"Pair a, camera image: .*NaN.* {advice}"):
        evaluate_pair("a", holed, sharp, MODEL)
    holed = sharp.astype("f4")
    holed[3, 3] = np.nan  # as at the borders of reconstructions
    with pytest.raises(InputError, match=rf"Pair a, sharp image: .*NaN.* {advice}"):
        evaluate_pair("a", camera, holed, MODEL)
    assert restorer.calls == []


def write(folder, *names, shape=(8, 8)):
    for name in names:
        tifffile.imwrite(folder / name, np.zeros(shape, "u1"))


def test_pairs_are_found_by_their_suffixes(tmp_path):
    write(tmp_path, "b_wf.tif", "b_sim.tif", "a_wf.TIF", "a_sim.tiff", "c_wf.ome.tif", "c_sim.ome.tif")
    write(tmp_path, "d_wf.tif", "e_sim.tif", "notes.tif", "._b_wf.tif")
    (tmp_path / "readme_wf.txt").touch()
    pairs, unpaired = find_pairs(tmp_path)
    assert [pair.name for pair in pairs] == ["a", "b", "c"]
    assert pairs[1].widefield == tmp_path / "b_wf.tif"
    assert pairs[1].truth == tmp_path / "b_sim.tif"
    assert unpaired == ["d_wf.tif", "e_sim.tif"]


def test_suffixes_can_be_set_and_may_end_alike(tmp_path):
    write(tmp_path, "a_lr.tif", "a_hr_lr.tif")
    pairs, unpaired = find_pairs(tmp_path, "_lr", "_hr_lr")
    assert [(pair.name, pair.widefield.name, pair.truth.name) for pair in pairs] == [
        ("a", "a_lr.tif", "a_hr_lr.tif")
    ]
    assert unpaired == []


def test_capitals_do_not_hide_a_pair(tmp_path):
    write(tmp_path, "a_WF.TIF", "a_SIM.TIF", "b_wf.tif", "b_SIM.tif", "c_WF.TIF")
    pairs, unpaired = find_pairs(tmp_path)
    assert [(pair.name, pair.widefield.name, pair.truth.name) for pair in pairs] == [
        ("a", "a_WF.TIF", "a_SIM.TIF"),
        ("b", "b_wf.tif", "b_SIM.tif"),
    ]
    assert unpaired == ["c_WF.TIF"]
    with pytest.raises(InputError, match="different suffixes"):
        find_pairs(tmp_path, "_wf", "_WF")


def test_accents_do_not_hide_a_pair(tmp_path):
    # A letter and its accent are one character or two, by the system that wrote the name.
    write(tmp_path, "ze\u0301lle_wf.tif", "z\u00e9lle_sim.tif", "b_lu\u0308.tif", "b_sim.tif")
    assert [pair.name for pair in find_pairs(tmp_path)[0]] == ["z\u00e9lle"]
    assert [pair.name for pair in find_pairs(tmp_path, wf_suffix="_l\u00fc")[0]] == ["b"]


def test_folders_without_pairs_are_named(tmp_path):
    with pytest.raises(InputError, match="There is no folder"):
        find_pairs(tmp_path / "nowhere")
    write(tmp_path, "a_wf.tif")
    with pytest.raises(InputError, match="has no pair"):
        find_pairs(tmp_path)
    with pytest.raises(InputError, match="different suffixes"):
        find_pairs(tmp_path, "_wf", "_wf")


def test_two_files_of_one_name_are_not_chosen_between(tmp_path):
    write(tmp_path, "a_wf.tif", "a_wf.ome.tif", "a_sim.tif")
    with pytest.raises(InputError, match=r"both a_wf\.ome\.tif and a_wf\.tif: keep one of them"):
        find_pairs(tmp_path)


def test_a_folder_is_evaluated_pair_by_pair(restorer, tmp_path):
    camera, sharp = field(40, 30)
    restorer.truth = sharp
    for name in ("a", "b"):
        tifffile.imwrite(
            tmp_path / f"{name}_wf.tif",
            camera,
            imagej=True,
            resolution=(1 / 0.065, 1 / 0.065),
            metadata={"unit": "um"},
        )
        tifffile.imwrite(tmp_path / f"{name}_sim.tif", sharp)
    write(tmp_path, "c_wf.tif")
    seen = []
    evaluation = evaluate_folder(tmp_path, MODEL, draws=2, progress=lambda *news: seen.append(news))
    assert [pair.name for pair in evaluation.pairs] == ["a", "b"]
    assert evaluation.unpaired == ("c_wf.tif",)
    assert restorer.calls[0][1]["pixel_size"] == pytest.approx(65, rel=1e-4)
    assert [(name, number, of) for name, number, of, _ in seen] == [("a", 0, 2)] * 4 + [("b", 1, 2)] * 4
    values = json.loads(json.dumps(evaluation.to_dict()))
    assert values["settings"] == {
        "model": "fake",
        "sha256": "0" * 64,
        "draws": 2,
        "steps": None,
        "seed": 0,
    }


def test_the_last_pair_is_looked_at_before_the_first_is_restored(restorer, tmp_path, monkeypatch):
    camera, restorer.truth = field(40, 30)
    for name, sharp in (("a", restorer.truth), ("b", restorer.truth), ("c", np.zeros_like(restorer.truth))):
        tifffile.imwrite(tmp_path / f"{name}_wf.tif", camera)
        tifffile.imwrite(tmp_path / f"{name}_sim.tif", sharp)
    with pytest.raises(InputError, match=r"Pair c, sharp image: .*constant"):
        evaluate_folder(tmp_path, MODEL, draws=2)
    sparse = np.zeros_like(restorer.truth)
    sparse[3, 4] = 1
    tifffile.imwrite(tmp_path / "c_sim.tif", sparse)
    with pytest.raises(InputError, match="Pair c: The sharp image is nearly constant"):
        evaluate_folder(tmp_path, MODEL, draws=2)
    monkeypatch.setattr(module, "SCORED_SIDE", 16)
    aside = restorer.truth.copy()
    aside[24:56, 14:46] = 0
    tifffile.imwrite(tmp_path / "c_sim.tif", aside)
    with pytest.raises(InputError, match="Pair c: the sharp image is constant in its middle"):
        evaluate_folder(tmp_path, MODEL, draws=2)
    assert restorer.calls == []


class RepeatingCVDM(CVDM):
    """Gives each fine pixel the intensity of its camera pixel, with residuals of one size."""

    def estimate(self, x):
        mean = x.repeat(1, 4, 1, 1)
        return CameraEstimate(mean, torch.full_like(mean, 0.1), torch.full_like(mean, 8.0))

    def predict_noise(self, z, x, mean, scale, gamma):
        return (1 - gamma).sqrt() * z


def test_a_real_restoration_of_a_real_image_is_scored():
    network = RepeatingCVDM(
        CVDMConfig(mean_widths=(4, 4), mean_blocks=(1, 1), noise_widths=(4, 4), noise_blocks=(1, 1))
    )
    card = ModelCard("repeating", "For tests.", network.config.to_dict(), upscaling=2, default_steps=2)
    model = PretrainedModel("repeating", network, card, sha256="0" * 64)
    camera, sharp = (read_tiff(TEST_DATA / f"tubulin_{kind}.tif").data for kind in ("wf", "sim"))
    scores = evaluate_pair("tubulin", camera, sharp, model, draws=4, device="cpu", pixel_size=65.0)
    repeated = score(camera.repeat(2, axis=0).repeat(2, axis=1), module.normalize_truth(sharp))
    assert scores.methods["mean_network"].psnr == pytest.approx(repeated.psnr, abs=1e-3)
    assert scores.methods["posterior_mean"].psnr == pytest.approx(repeated.psnr, abs=0.5)
    psnrs = {method: numbers.psnr for method, numbers in scores.methods.items()}
    assert psnrs["mean_network"] < psnrs["bicubic"] < psnrs["richardson_lucy"]
