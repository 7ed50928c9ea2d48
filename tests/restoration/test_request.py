"""Settings, checked before any work is done. What `restore` refuses is tested there, through its door."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_cvdm.models import PretrainedModel
from napari_cvdm.restoration import request as request_module
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.noise import MAX_DRAWS, MAX_STEPS
from napari_cvdm.restoration.posterior import PosteriorSettings
from napari_cvdm.restoration.request import card_settings, check_pixel_size, check_request, plain_settings

MakeModel = Callable[..., PretrainedModel]


def request(image: NDArray[np.uint16], model: PretrainedModel, **changes: object) -> object:
    settings = {
        "axes": None,
        "pixel_size": None,
        "draws": 8,
        "steps": None,
        "seed": 0,
        "device": "cpu",
        "tile": "auto",
        "keep_draws": False,
        "preview": False,
        "settings": None,
    }
    return check_request(image, model, **(settings | changes))  # type: ignore[arg-type]


class TestCheckRequest:
    def test_numpy_numbers_become_plain_ones(self, image: NDArray[np.uint16], model: PretrainedModel) -> None:
        checked = request(
            image, model, draws=np.int64(3), steps=np.uint8(4), seed=np.int32(-5), tile=np.int16(64)
        )
        for name, value in {"draws": 3, "steps": 4, "seed": -5, "tile": 64}.items():
            assert type(getattr(checked, name)) is int
            assert getattr(checked, name) == value

    def test_a_preview_has_no_draws(self, image: NDArray[np.uint16], model: PretrainedModel) -> None:
        checked = request(image, model, preview=True, keep_draws=True, draws=0)
        assert (checked.draws, checked.steps, checked.keep_draws) == (0, 0, False)  # type: ignore[attr-defined]

    def test_too_many_planes_for_the_noise_are_refused(
        self, image: NDArray[np.uint16], model: PretrainedModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(request_module, "MAX_PLANES", 3)
        request(np.stack([image] * 3), model, axes="TYX")
        with pytest.raises(InputError, match="4 planes; at most 3"):
            request(np.stack([image] * 4), model, axes="TYX")

    def test_what_the_noise_has_no_numbers_for_is_refused(
        self, image: NDArray[np.uint16], model: PretrainedModel
    ) -> None:
        request(image, model, draws=MAX_DRAWS, steps=MAX_STEPS - 1)
        with pytest.raises(InputError, match="number of draws can be at most 65536, not 65537"):
            request(image, model, draws=MAX_DRAWS + 1)
        with pytest.raises(InputError, match="number of steps can be at most 65535, not 65536"):
            request(image, model, steps=MAX_STEPS)

    @pytest.mark.parametrize(("shrinkage", "as_calibrated"), [(0.3, True), (0.2, False)])
    def test_settings_are_those_of_the_calibration_if_the_card_says_the_same(
        self, image: NDArray[np.uint16], make_model: MakeModel, shrinkage: float, as_calibrated: bool
    ) -> None:
        checked = request(
            image, make_model(posterior_shrinkage=0.3), settings=PosteriorSettings(shrinkage=shrinkage)
        )
        assert checked.as_calibrated is as_calibrated  # type: ignore[attr-defined]

    def test_the_image_is_not_copied(self, image: NDArray[np.uint16], model: PretrainedModel) -> None:
        assert np.shares_memory(request(image, model).image, image)  # type: ignore[attr-defined]

    def test_lists_of_numbers_are_images(self, image: NDArray[np.uint16], model: PretrainedModel) -> None:
        given = request(image.tolist(), model).image  # type: ignore[arg-type, attr-defined]
        np.testing.assert_array_equal(given, image)


class TestCardSettings:
    def test_are_plain_for_a_card_that_asks_for_nothing(self, model: PretrainedModel) -> None:
        assert card_settings(model.card) == PosteriorSettings()

    def test_are_what_the_card_asks_for(self, make_model: MakeModel) -> None:
        asked = card_settings(
            make_model(posterior_shrinkage=0.3, posterior_scale_weight=2, posterior_orientations=4).card
        )
        assert asked == PosteriorSettings(shrinkage=0.3, scale_weight=2.0, orientations=4)
        assert type(asked.scale_weight) is float  # JSON keeps no difference between 2 and 2.0

    def test_plain_ones_only_make_the_draws_so(self, make_model: MakeModel) -> None:
        card = make_model(posterior_shrinkage=0.3, posterior_scale_weight=2, posterior_orientations=4).card
        assert plain_settings(card) == PosteriorSettings(orientations=4)


def test_pixel_sizes_in_micrometres_are_told_from_nanometres() -> None:
    assert check_pixel_size(1) == 1
    with pytest.raises(InputError, match=r"0\.065 nm: give their size in nanometres, 65 where"):
        check_pixel_size(0.065)


@pytest.mark.parametrize("size", [65, 65.5, np.float32(65), np.uint16(65), Fraction(131, 2), None])
def test_pixel_sizes_of_any_number_type_are_floats(size: object) -> None:
    checked = check_pixel_size(size)  # type: ignore[arg-type]
    assert checked is None if size is None else type(checked) is float
