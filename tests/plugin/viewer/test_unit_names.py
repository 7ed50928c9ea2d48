import pint
import pytest

from napari_cvdm.plugin.viewer.unit_names import unit_or_pixel


@pytest.mark.parametrize("name", ["micrometer", "µm", "second", "pixel", "meter ** 2 / second", "1 / second"])
def test_units_are_known_by_name(name):
    assert unit_or_pixel(name) == str(pint.get_application_registry().Unit(name))


def test_every_unit_that_a_layer_can_have_comes_back():
    unit = pint.get_application_registry().Unit("kg * m ** 2 / s ** 3 / A ** 0.5")
    assert unit_or_pixel(str(unit)) == str(unit)


_FORMULAS = ("a moment", "(m", "m ** 2 ** 9", "9**9**9", "m**(9**9**9)", "m\n", "9" * 5000)


@pytest.mark.parametrize("name", [None, 5, {"a": 1}, "", *_FORMULAS])
def test_anything_else_is_a_pixel_and_is_not_worked_out(monkeypatch, name):
    monkeypatch.setattr(pint, "get_application_registry", lambda: pytest.fail("a formula is worked out"))
    assert unit_or_pixel(name) == "pixel"


@pytest.mark.parametrize("name", ["moment", "meter ** 0"])
def test_what_is_no_unit_to_napari_is_a_pixel(name):
    assert unit_or_pixel(name) == "pixel"


def test_napari_can_read_what_comes_out():
    unit = unit_or_pixel("1 / decibel")  # a pixel before pint 0.26, where it comes out as "1 / delta_decibel"
    assert pint.get_application_registry().Unit(unit)
