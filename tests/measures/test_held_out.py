"""Held-out fields: the same each time, registered, and from where they should come."""

import numpy as np
import pytest
import tifffile
from measures.held_out import held_out_fields, real_pairs, without_background
from PIL import Image

from napari_cvdm.assessment.baselines import enlarge
from napari_cvdm.assessment.metrics import normalize_truth
from napari_cvdm.assessment.reimaging import STRUCTURES
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.simulation.pairs import KINDS

RNG = np.random.default_rng(0)


def test_simulated_fields_cover_every_kind_and_level():
    fields = list(held_out_fields(None, (30, 300), side=24))
    assert [(field.structure, field.photons) for field in fields] == [
        (kind, level) for kind in KINDS for level in (30, 300)
    ]
    again = next(held_out_fields(None, (30, 300), side=24))
    np.testing.assert_array_equal(again.camera, fields[0].camera)
    assert again.truth.shape == (48, 48)


def test_real_images_are_imaged_again(tmp_path):
    pictures = {}
    for structure in STRUCTURES:
        (tmp_path / structure).mkdir()
        pictures[structure] = RNG.integers(0, 255, (80, 80), dtype=np.uint8)
        Image.fromarray(pictures[structure]).save(tmp_path / structure / "43.png")
    for background, prepared in ((True, np.asarray), (False, without_background)):
        fields = list(held_out_fields(tmp_path, (50,), numbers=(43,), side=32, background=background))
        assert [field.structure for field in fields] == list(STRUCTURES)
        assert {(field.photons, field.number) for field in fields} == {(50, 43)}
        sharp = prepared(pictures[STRUCTURES[0]].astype(float))[8:72, 8:72]
        np.testing.assert_allclose(fields[0].truth, normalize_truth(sharp))
    assert {field.haze for field in held_out_fields(tmp_path, (20, 50, 90), numbers=(43,), side=32)} == {
        0,
        0.5,
        1.5,
    }


def test_the_background_goes_and_what_stands_out_of_it_stays():
    rows, columns = np.indices((160, 160))
    spots = sum(
        80 * np.exp(-((rows - r) ** 2 + (columns - c) ** 2) / 18) for r in (40, 110) for c in (30, 80, 125)
    )
    found = without_background(spots + 30 + 0.2 * columns)
    assert found.min() == 0
    assert np.abs(found - spots).max() < 8
    assert np.median(found) < 4


def test_pairs_are_cut_at_their_centre(tmp_path):
    camera = RNG.integers(100, 2000, (40, 60), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a_wf.tif", camera)
    tifffile.imwrite(tmp_path / "a_sim.tif", enlarge(camera).astype(np.float32))
    (field,) = real_pairs(tmp_path, side=32)
    assert field.structure == "a"
    assert field.photons is None
    assert field.haze is None
    np.testing.assert_array_equal(field.camera, camera[4:36, 14:46])
    assert np.corrcoef(enlarge(field.camera).ravel(), field.truth.ravel())[0, 1] > 0.95
    tifffile.imwrite(tmp_path / "a_sim.tif", camera)
    with pytest.raises(InputError, match="twice as large"):
        list(real_pairs(tmp_path))
