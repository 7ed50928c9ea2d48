"""The package must satisfy the Zoo's own validator, and compute the same in the Zoo's own runner."""

from __future__ import annotations

import errno
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_cvdm.models import ModelCard, ModelError, PretrainedModel
from napari_cvdm.models.bioimageio import export_model
from napari_cvdm.models.weights import read_model

# The Zoo's library leaves files open, and warns of its own inner workings.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:torch"),
    pytest.mark.filterwarnings(r"ignore:.*torch\.jit:FutureWarning"),  # since torch 2.14
    pytest.mark.filterwarnings("ignore::UserWarning:bioimageio"),
]


@pytest.fixture
def model(weights: Path) -> PretrainedModel:
    model = read_model(weights)
    more = ("Doe et al., Methods 2020, https://doi.org/10.1038/s41592-020-01008-z.", "A talk, without a DOI")
    return replace(model, card=replace(model.card, citations=(*model.card.citations, *more)))


@pytest.fixture
def package(tmp_path: Path, model: PretrainedModel) -> Path:
    return export_model(model, tmp_path / "out" / "tiny.zip")


def unpack(package: Path) -> Path:
    """Unpack a package and return its description."""
    folder = package.parent.parent / "unpacked"
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    return folder / "rdf.yaml"


def describe(package: Path) -> Any:
    from bioimageio.spec import load_description

    return load_description(unpack(package))


def test_the_package_is_valid(package: Path, model: PretrainedModel) -> None:
    description = describe(package)
    assert description.validation_summary.status != "failed"
    assert description.license == "BSD-3-Clause"
    found = [entry.doi for entry in description.cite]
    assert found == ["10.48550/arXiv.2312.02246", "10.1038/s41592-020-01008-z"]
    assert model.sha256 in unpack(package).with_name("README.md").read_text()
    assert [path.name for path in package.parent.iterdir()] == [package.name]


def test_the_output_is_on_the_finer_grid_and_states_its_halo(package: Path, model: PretrainedModel) -> None:
    description = describe(package)
    network: Any = model.network
    for axis, source in zip(description.outputs[0].axes[2:], description.inputs[0].axes[2:], strict=True):
        assert source.scale / axis.scale == model.upscaling
        assert axis.halo == model.upscaling * network.mean_network.receptive_field
        assert source.size.min * model.upscaling > 2 * axis.halo
        assert source.size.step == network.mean_network.granularity


def test_the_zoos_own_runner_reproduces_the_test_output(package: Path) -> None:
    from bioimageio.core import test_model as run_test

    summary = run_test(unpack(package), weight_format="torchscript")
    assert summary.status == "passed", summary.format()


def test_intensities_are_normalised_as_a_restoration_does(package: Path) -> None:
    from napari_cvdm.restoration.normalization import PERCENTILES, Normalization

    (step,) = (step for step in describe(package).inputs[0].preprocessing if step.id == "scale_range")
    assert (step.kwargs.min_percentile, step.kwargs.max_percentile) == PERCENTILES
    with zipfile.ZipFile(package) as archive, archive.open("test_input.npy") as file:
        observed = np.load(file)
    low, high = np.percentile(observed, PERCENTILES)
    fitted = Normalization.fit(observed[0, 0])
    assert (fitted.low, fitted.high) == pytest.approx((low, high))


def test_an_existing_file_is_replaced_only_when_told(package: Path, model: PretrainedModel) -> None:
    before = package.read_bytes()
    with pytest.raises(ModelError, match="exists"):
        export_model(model, package)
    assert package.read_bytes() == before
    package.write_bytes(b"")
    export_model(model, package, overwrite=True)
    assert zipfile.is_zipfile(package)


def test_a_full_disk_is_said_and_nothing_stays(
    tmp_path: Path, model: PretrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)  # torch's own writer would abort the process
    with pytest.raises(ModelError, match=r"tiny\.zip cannot be written: No space left on device"):
        export_model(model, tmp_path / "out" / "tiny.zip")
    assert not list((tmp_path / "out").iterdir())


def test_a_licence_that_the_zoo_does_not_know_is_said(
    tmp_path: Path, model: PretrainedModel, make_card: Callable[..., ModelCard]
) -> None:
    changed = replace(model, card=make_card(licence="ask me"))
    with pytest.raises(ModelError, match=r"cannot be described.*license"):
        export_model(changed, tmp_path / "x.zip")
    assert not any(tmp_path.glob("*.zip"))
    assert not any(tmp_path.glob(".napari-cvdm-*"))


def test_another_ending_or_a_missing_library_is_said(
    tmp_path: Path, model: PretrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match=r"ends in \.zip"):
        export_model(model, tmp_path / "x.tar")
    monkeypatch.setitem(__import__("sys").modules, "bioimageio.spec", None)
    with pytest.raises(ModelError, match=r"pip install 'napari-cvdm\[bioimageio\]'"):
        export_model(model, tmp_path / "x.zip")


def test_a_network_that_only_samples_is_refused(tmp_path: Path, model: PretrainedModel) -> None:
    other: Any = replace(model, network=torch.nn.Identity())  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="no place for it"):
        export_model(other, tmp_path / "x.zip")


def test_versions_that_do_not_go_together_are_said_to(
    tmp_path: Path, model: PretrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bioimageio.spec.model import v0_5
    from pydantic_core import InitErrorDetails, ValidationError

    def refuse(**_: object) -> None:
        raise ValidationError.from_exception_data(
            "ModelDescr", [InitErrorDetails(type="int_parsing", loc=(), input="all of it")]
        )

    monkeypatch.setattr(v0_5, "ModelDescr", refuse)
    with pytest.raises(ModelError, match=r"wants it \(as a whole: .*pip install 'pydantic<2.14'"):
        export_model(model, tmp_path / "tiny.zip")
