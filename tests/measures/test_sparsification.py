"""Sparsification: an oracle leaves nothing to gain, a blind guess everything."""

import numpy as np
import pytest
from measures.sparsification import sparsify

from napari_cvdm.restoration.errors import InputError

RNG = np.random.default_rng(0)
STD = RNG.gamma(2.0, 0.5, (100, 200))
ERROR = STD * RNG.standard_normal(STD.shape)
ERROR[0, 0] = 0


def test_the_error_itself_is_the_oracle():
    result = sparsify(np.abs(ERROR), ERROR)
    assert result.area == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(result.error, result.oracle)
    assert result.oracle[0] == pytest.approx(1)
    assert (np.diff(result.oracle) < 0).all()


def test_a_blind_guess_leaves_the_error_where_it_is():
    result = sparsify(RNG.random(STD.shape), ERROR)
    np.testing.assert_allclose(result.error, 1, atol=0.1)
    assert result.area == pytest.approx(result.random_area, abs=0.03)


def test_the_true_width_lies_between_and_a_reversed_one_beyond():
    right, reversed_ = sparsify(STD, ERROR), sparsify(-STD, ERROR)
    assert 0 < right.area < 0.6 * right.random_area
    assert reversed_.area > right.random_area
    assert right.error[10] == pytest.approx(
        np.sqrt(np.mean(ERROR[np.median(STD) > STD] ** 2) / np.mean(ERROR**2)), rel=0.01
    )


def test_only_the_order_counts():
    assert sparsify(STD**3 + 5, 7 * ERROR).area == pytest.approx(sparsify(STD, ERROR).area)


def test_faults_are_named():
    with pytest.raises(InputError, match="one shape"):
        sparsify(STD, ERROR[:-1])
    with pytest.raises(InputError, match="at least 20"):
        sparsify(np.ones(5), np.ones(5))
    with pytest.raises(InputError, match="no error"):
        sparsify(STD, 0 * ERROR)
