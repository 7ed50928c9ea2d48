import numpy as np
import pytest
from skimage import data

from napari_cvdm.assessment import novelty
from napari_cvdm.assessment.image_statistics import NAMES, image_statistics
from napari_cvdm.assessment.novelty import Density, check_novelty
from napari_cvdm.files.samples import read_sample
from napari_cvdm.simulation.pairs import simulate_pair


@pytest.mark.parametrize("kind", ["microtubules", "stress-fibres", "rings", "mitochondria", "tubule-mesh"])
def test_training_structures_are_known(kind: str) -> None:
    image = simulate_pair(kind, 77_001, 80, photons=300.0, psf_sigma=2.7)[0]
    assert check_novelty(image).verdict != "strange"


def test_a_real_micrograph_is_known() -> None:
    found = check_novelty(read_sample("tubulin_widefield").data)
    assert (found.verdict, found.reasons) == ("known", ())


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


def test_a_large_image_is_judged_by_its_fields_and_empty_ones_do_not_count() -> None:
    field = simulate_pair("microtubules", 77_001, 80, photons=300.0, psf_sigma=2.7)[0]
    large = np.full((800, 640), 100, field.dtype)
    large[160:240, 320:400] = field
    assert check_novelty(large) == check_novelty(np.tile(field, (2, 3))) == check_novelty(field)
    empty = np.zeros((400, 240))
    assert check_novelty(empty) == check_novelty(empty[:80, :80])


def test_the_score_is_the_distance_and_the_first_reason_what_differs_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = simulate_pair("microtubules", 77_001, 80, photons=300.0)[0]
    centre, spread = image_statistics(image), np.ones(len(NAMES))
    for name, size, away in (("directedness", 4.0, 5), ("tails of band 2", 0.5, -7)):
        spread[NAMES.index(name)] = size
        centre[NAMES.index(name)] += size * away
    density = Density(centre, spread, np.eye(len(NAMES)), (1.0, 2.0, 3.0))
    monkeypatch.setattr(novelty, "load_density", lambda: density)
    found = check_novelty(image)
    assert found.score == pytest.approx(np.sqrt((5**2 + 7**2) / len(NAMES)))
    assert found.verdict == "unusual"
    assert found.reasons[:2] == ("tails of band 2", "directedness")
