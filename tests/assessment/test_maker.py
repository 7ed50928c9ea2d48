from typing import Any

import pytest

from napari_cvdm.assessment.maker import Maker, maker_of
from napari_cvdm.models import ModelCard, PretrainedModel
from napari_cvdm.models.registry import read_registry

BUNDLED = read_registry().find("default")
STATED = {"name": BUNDLED.name, "sha256": BUNDLED.sha256}


def model_of(sha256: str, **training: Any) -> PretrainedModel:
    network: Any = None  # nothing is restored
    card = ModelCard("mine", "test", {}, 2, 3, training=training)
    return PretrainedModel("mine", network, card, sha256)


def test_the_bundled_model_is_known_by_its_weights() -> None:
    assert maker_of({"model": STATED}, None) == Maker(BUNDLED.name, BUNDLED.sha256, bundled=True)
    assert maker_of({"model": {**STATED, "name": "a copy"}}, None).bundled
    assert not maker_of({"model": {**STATED, "sha256": "0" * 64}}, None).bundled  # of an earlier version
    assert not maker_of({"model": {"name": BUNDLED.name}}, None).bundled


def test_what_the_result_says_comes_before_the_model_it_is_compared_with() -> None:
    mine = model_of("1" * 64, finetuned_from=STATED)
    assert maker_of({"model": STATED}, mine) == maker_of({"model": STATED}, None)
    assert maker_of({"model": {"name": "other"}}, mine) == Maker("other")


@pytest.mark.parametrize(
    "provenance", [None, {}, {"model": {"name": "mine"}}, {"model": {"name": "mine", "sha256": "1" * 64}}]
)
def test_fine_tuning_is_told_by_the_card(provenance: dict[str, Any] | None) -> None:
    mine = model_of("1" * 64, finetuned_from=STATED)
    assert maker_of(provenance, mine) == Maker("mine", "1" * 64, finetuned_from=BUNDLED.name)


@pytest.mark.parametrize("told", [None, "mine", ["mine"], {"name": 3, "sha256": ["0"]}, {"name": ""}])
def test_of_nonsense_nothing_is_taken(told: object) -> None:
    assert maker_of({"model": told}, None) == Maker()


@pytest.mark.parametrize("before", ["it", {}, {"name": 5}])
def test_a_card_of_nonsense_tells_of_no_fine_tuning(before: object) -> None:
    assert maker_of(None, model_of("1" * 64, finetuned_from=before)).finetuned_from is None


def test_a_name_from_a_file_cannot_take_over_the_terminal() -> None:
    name = maker_of({"model": {"name": "a\x1b[2J\n" + 500 * "b", "sha256": "0" * 64}}, None).name
    assert name is not None
    assert name.isprintable()
    assert len(name) <= 64
