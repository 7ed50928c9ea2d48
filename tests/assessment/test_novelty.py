import numpy as np
import pytest
from skimage import data

from napari_cvdm.assessment.image_statistics import NAMES
from napari_cvdm.assessment.novelty import check_novelty
from napari_cvdm.files.samples import read_sample
from napari_cvdm.simulation.pairs import simulate_pair


@pytest.mark.parametrize("kind", ["microtubules", "stress-fibres", "rings", "mitochondria", "tubule-mesh"])
def test_training_structures_are_known(kind: str) -> None:
    image = simulate_pair(kind, 77_001, 80, photons=300.0, psf_sigma=2.7)[0]
    assert check_novelty(image).verdict != "strange"


def test_a_real_micrograph_is_known() -> None:
    assert check_novelty(read_sample("tubulin_widefield").data).verdict == "known"


@pytest.mark.parametrize("name", ["text", "page", "immunohistochemistry", "microaneurysms"])
def test_what_is_no_fluorescence_is_strange_and_says_why(name: str) -> None:
    picture = np.asarray(getattr(data, name)(), float)
    found = check_novelty(picture.mean(-1) if picture.ndim == 3 else picture)
    assert found.verdict == "strange"
    assert found.score > found.rare > found.usual
    assert set(found.reasons) <= set(NAMES)
    assert found.reasons


def test_noise_is_strange() -> None:
    assert check_novelty(np.random.default_rng(0).poisson(100, (80, 80))).verdict == "strange"
