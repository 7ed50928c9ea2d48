from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from napari_cvdm.assessment.image_statistics import NAMES
from napari_cvdm.assessment.novelty import Density, check_novelty
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


def test_density_scores_by_distance_in_units_of_spread() -> None:
    rng = np.random.default_rng(0)
    known = rng.normal([5, -3, 100], [1, 0.1, 30], (500, 3))
    density = Density.fit(known)
    scores = [density.score(each) for each in known]
    assert np.mean(np.square(scores)) == pytest.approx(1, rel=0.1)
    assert density.limits == pytest.approx(np.quantile(scores, (0.5, 0.95, 0.99)), rel=1e-6)
    assert density.score([5, -3 + 1.0, 100]) > 3 > density.score([5, -3.1, 130])


def test_density_survives_its_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    density = Density.fit(rng.normal(0, 2, (200, len(NAMES))))
    again = Density.load(density.save(tmp_path / "density.json"))
    numbers = rng.normal(0, 3, len(NAMES))
    assert again.score(numbers) == pytest.approx(density.score(numbers), rel=1e-4)
    assert again.limits == pytest.approx(density.limits, rel=1e-3)


def test_a_density_is_replaced_when_the_new_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    density = Density.load()
    path = density.save(tmp_path / "density.json")
    before = path.read_bytes()
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace(density, limits=(0.0, 1.0, 2.0)).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
