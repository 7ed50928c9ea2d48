"""What a run will take is said in words a user can weigh."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cvdm.plugin.running.plan import Plan, free_memory, memory_needed, resampling_words, results_size


def test_what_is_known_is_said_and_nothing_else():
    plan = Plan(1, (480, 512), 20 * 2**20)
    assert plan.words() == "1 plane of 512 × 480 pixels; 20 MB of memory."
    plan = Plan(12, (2048, 2048), 3 * 2**30, tiles=9, seconds=150, device="cuda:0 (NVIDIA H200)")
    assert plan.words() == (
        "12 planes of 2048 × 2048 pixels, in 9 tiles each; 3.0 GB of memory; about 2 min on the GPU."
    )
    words = Plan(1, (2048, 2048), 2**30, tiles=9).words()
    assert words.startswith("1 plane of 2048 × 2048 pixels, in 9 tiles; ")


def test_a_single_tile_is_not_worth_a_word():
    assert "tile" not in Plan(1, (64, 64), 1, tiles=1, seconds=5, device="cpu").words()


def test_memory_counts_what_is_kept():
    plain = memory_needed(1000, np.dtype(np.uint16))
    assert plain == 1000 * (2 + 4 * 4 * 4)
    assert memory_needed(1000, np.dtype(np.uint16), kept_draws=8) == plain + 8 * 4 * 4 * 1000


def test_the_results_stay_and_what_they_are_computed_with_does_not():
    assert results_size(1000) == 1000 * 2 * 4 * 4
    assert results_size(1000, kept_draws=8) == 1000 * 10 * 4 * 4


def test_free_memory_is_a_number_of_bytes():
    assert free_memory() > 2**20


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (
            200.0,
            "larger: to the model, structures look thinner than they are, and it may invent detail.",
        ),
        (
            20.0,
            "smaller: to the model, structures look wider than they are, and it may take them for haze.",
        ),
    ],
)
def test_a_mismatch_is_explained_with_an_offer(size, words):
    explanation, offer = resampling_words(size, (38.0, 114.0), 114.0)
    assert explanation == f"This model knows pixels of 38 to 114 nm. Yours are {words}"
    assert offer == "Resample to 114 nm first"


def test_little_memory_is_not_called_none():
    assert "; 1 MB of memory" in Plan(1, (16, 16), memory=9000).words()
