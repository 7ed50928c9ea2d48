"""One rule says which pictures are of one run, for layers, the shell's files and saved results."""

from typing import Any

import pytest

from napari_cvdm.restoration.run_identity import run_of

MADE: dict[str, Any] = {"model": {"name": "small"}, "seed": 3, "seconds": 1.25, "content": "reconstruction"}


@pytest.mark.parametrize(
    "apart",
    [
        {"content": "uncertainty"},
        {"content": "draw 1 of 8"},
        {"picture": "uncertainty"},
        {"layer": {"colormap": "inferno"}},
        {"written": {"uncertainty": "a.zarr"}},
    ],
)
def test_pictures_of_one_run_differ_in_what_they_are_alone(apart: dict[str, Any]) -> None:
    assert run_of({**MADE, **apart}) == run_of(MADE)


@pytest.mark.parametrize("other", [{"seed": 4}, {"seconds": 1.26}, {"model": {"name": "large"}}])
def test_another_run_has_another_name(other: dict[str, Any]) -> None:
    assert run_of({**MADE, **other}) != run_of(MADE)


def test_the_name_that_a_run_was_given_counts_alone() -> None:
    assert run_of({**MADE, "run": "abc"}) == run_of({"run": "abc"}) == "abc"
    assert run_of({"run": "abc"}) != run_of({"run": "abd"})


def test_a_strange_name_does_no_harm() -> None:
    assert run_of({**MADE, "run": {"of": [1]}}) == run_of({"run": {"of": [1]}}) != run_of({"run": 7})
    assert run_of({"odd": object}) != run_of({})


def test_the_order_of_what_is_stated_does_not_matter() -> None:
    assert run_of(dict(reversed(MADE.items()))) == run_of(MADE)
