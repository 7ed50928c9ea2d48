from pathlib import Path

import numpy as np
import pytest
from measures.density import fit_density, save_density

from napari_cvdm.assessment.image_statistics import NAMES
from napari_cvdm.assessment.novelty import load_density


def test_density_scores_by_distance_in_units_of_spread() -> None:
    rng = np.random.default_rng(0)
    known = rng.normal([5, -3, 100], [1, 0.1, 30], (500, 3))
    density = fit_density(known)
    scores = [density.score(each) for each in known]
    assert np.mean(np.square(scores)) == pytest.approx(1, rel=0.1)
    assert density.limits == pytest.approx(np.quantile(scores, (0.5, 0.95, 0.99)), rel=1e-6)
    assert density.score([5, -3 + 1.0, 100]) > 3 > density.score([5, -3.1, 130])


def test_density_survives_its_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    density = fit_density(rng.normal(0, 2, (200, len(NAMES))))
    again = load_density(save_density(density, tmp_path / "density.json"))
    numbers = rng.normal(0, 3, len(NAMES))
    assert again.score(numbers) == pytest.approx(density.score(numbers), rel=1e-4)
    assert again.limits == pytest.approx(density.limits, rel=1e-3)
