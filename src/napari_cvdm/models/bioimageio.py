"""Export of the mean network as a package for the BioImage Model Zoo (https://bioimage.io).

The package holds the mean network as TorchScript, how intensities are normalised before it, and a test input
with its output. The format describes one pass from tensors to tensors: neither the draws nor the uncertainty
that comes of them can be expressed in it. Needs the optional package bioimageio.spec.
"""

from __future__ import annotations

import re
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_cvdm.models.addresses import as_path
from napari_cvdm.models.errors import ModelError
from napari_cvdm.models.package_files import EPSILON, write_files
from napari_cvdm.models.pretrained import PERCENTILES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_cvdm.cvdm.model import CVDM
    from napari_cvdm.models.pretrained import PretrainedModel

_TAGS = [
    "2d",
    "denoising",
    "diffusion model",
    "fluorescence-light-microscopy",
    "image-reconstruction",
    "pytorch",
]

# bioimageio.spec 0.5.12 does not go with pydantic 2.14, and says so as a fault of no part of the description.
_NOT_TOGETHER = (
    " Perhaps the versions of bioimageio.spec and pydantic do not go together: pip install 'pydantic<2.14'."
)


def export_model(model: PretrainedModel, output: str | Path, *, overwrite: bool = False) -> Path:
    """Write the mean network of a model as a bioimage.io package.

    Parameters
    ----------
    model : PretrainedModel
        The model; one with the published TensorFlow architecture cannot be exported.
    output : str or Path
        The .zip file; it appears under its name only when whole and valid.
    overwrite : bool, optional
        Replace a file that exists.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ModelError
        If bioimageio.spec is not installed, the model cannot be expressed, the package turns out invalid, or
        the file exists or cannot be written.
    """
    output = as_path(output)
    if output.suffix.lower() != ".zip":
        raise ModelError(f"{output} is no .zip file: name one that ends in .zip.")
    if output.exists() and not overwrite:
        raise ModelError(
            f"{output} exists: choose another name, or add --overwrite (in Python: overwrite=True)."
        )
    network = _exportable(model)
    try:
        from bioimageio.spec import save_bioimageio_package
    except ImportError as error:
        raise ModelError(
            "Packages for the BioImage Model Zoo need bioimageio.spec: pip install 'napari-cvdm[bioimageio]'."
        ) from error
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".napari-cvdm-", dir=output.parent) as name:
            folder = Path(name).absolute()
            write_files(model, network, folder)
            with _quiet():
                description = _describe(model, network, folder)
                package = Path(save_bioimageio_package(description, output_path=folder / "package.zip"))
            package.chmod(0o644)
            package.replace(output)
    except OSError as error:
        raise ModelError(f"{output} cannot be written: {error.strerror or error}.") from error
    return output


def _exportable(model: PretrainedModel) -> CVDM:
    from napari_cvdm.cvdm.model import CVDM

    if not isinstance(model.network, CVDM):
        raise ModelError(
            f"'{model.name}' has the published architecture, whose estimate is made by sampling: the format "
            "of the BioImage Model Zoo has no place for it."
        )
    return model.network


def _describe(model: PretrainedModel, network: CVDM, folder: Path) -> Any:
    """Return the package's description, as bioimageio.spec validates it."""
    import torch
    from bioimageio.spec.model import v0_5 as spec
    from pydantic import ValidationError

    try:
        return spec.ModelDescr(
            name=f"napari-cvdm {model.name}",
            description=" ".join(model.card.description.split())[:1000],
            authors=[spec.Author(name="napari-cvdm contributors")],
            cite=[entry for text in model.card.citations if (entry := _citation(spec, text)) is not None],
            license=spec.LicenseId(model.card.licence),
            documentation=spec.FileDescr(source=folder / "README.md"),
            covers=[spec.FileDescr(source=folder / "cover.png")],
            tags=_TAGS,
            inputs=[_observed(spec, network, folder)],
            outputs=[_restored(spec, network, folder)],
            weights=spec.WeightsDescr(
                torchscript=spec.TorchscriptWeightsDescr(
                    source=folder / "weights.pt",
                    pytorch_version=spec.Version(torch.__version__.partition("+")[0]),
                )
            ),
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "as a whole"
        raise ModelError(
            f"'{model.name}' cannot be described as the BioImage Model Zoo wants it ({place}: "
            f"{first['msg']}).{'' if first['loc'] else _NOT_TOGETHER}"
        ) from error


def _observed(spec: Any, network: CVDM, folder: Path) -> Any:
    """Return the description of what goes in, and of how it is normalised before that."""
    reach, step = network.mean_network.receptive_field, network.mean_network.granularity
    size = spec.ParameterizedSize(min=-(-(2 * reach + 1) // step) * step, step=step)
    return spec.InputTensorDescr(
        id=spec.TensorId("observed"),
        description="Camera image, in any unit.",
        axes=_axes(spec, [spec.SpaceInputAxis(id=spec.AxisId(name), size=size) for name in "yx"]),
        test_tensor=spec.FileDescr(source=folder / "test_input.npy"),
        data=spec.IntervalOrRatioDataDescr(type="float32"),
        preprocessing=[
            spec.ScaleRangeDescr(
                kwargs=spec.ScaleRangeKwargs(
                    axes=[spec.AxisId(name) for name in ("channel", "y", "x")],
                    min_percentile=PERCENTILES[0],
                    max_percentile=PERCENTILES[1],
                    eps=EPSILON,
                )
            )
        ],
    )


def _restored(spec: Any, network: CVDM, folder: Path) -> Any:
    """Return the description of what comes out, whose borders lack what lies beyond the image."""

    def axis(name: str) -> Any:
        return spec.SpaceOutputAxisWithHalo(
            id=spec.AxisId(name),
            scale=1 / network.upscaling,
            halo=network.mean_network.receptive_field * network.upscaling,
            size=spec.SizeReference(tensor_id=spec.TensorId("observed"), axis_id=spec.AxisId(name)),
        )

    return spec.OutputTensorDescr(
        id=spec.TensorId("restored"),
        description="Estimate of the sharp image; 0 and 1 are the percentiles of the normalised input.",
        axes=_axes(spec, [axis(name) for name in "yx"]),
        test_tensor=spec.FileDescr(source=folder / "test_output.npy"),
        data=spec.IntervalOrRatioDataDescr(type="float32"),
    )


def _axes(spec: Any, space: list[Any]) -> list[Any]:
    return [spec.BatchAxis(), spec.ChannelAxis(channel_names=[spec.Identifier("intensity")]), *space]


def _citation(spec: Any, text: str) -> Any:
    """Return one work to cite; None if its text has no DOI. Papers on arXiv have one."""
    if found := re.search(r"arXiv:([0-9]{4}\.[0-9]{4,5})", text):
        return spec.CiteEntry(text=text, doi=f"10.48550/arXiv.{found[1]}")
    if found := re.search(r"10\.[0-9]{4,9}/[^\s,;]+[^\s,;.]", text):
        return spec.CiteEntry(text=text, doi=found[0])
    return None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep bioimageio.spec from printing its log and from warning of its own inner workings."""
    from loguru import logger

    logger.disable("bioimageio")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.enable("bioimageio")
