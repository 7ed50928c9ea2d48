"""What a package for the BioImage Model Zoo holds beside its description: weights, test tensors, a cover."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_cvdm.models.pretrained import PERCENTILES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_cvdm.cvdm.model import CVDM
    from napari_cvdm.models.pretrained import PretrainedModel

EPSILON = 1e-6
"""What the Zoo's programs add to a range of intensities that they divide by."""


def write_files(model: PretrainedModel, network: CVDM, folder: Path) -> None:
    """Write weights.pt, test_input.npy, test_output.npy, cover.png and README.md to a folder that exists."""
    import numpy as np

    module = _trace(network)
    # Writing to a full disk itself, torch would end the program.
    (folder / "weights.pt").write_bytes(module.save_to_buffer())
    observed = _test_image(_test_side(network))
    restored = _restore(module, observed)
    np.save(folder / "test_input.npy", observed)
    np.save(folder / "test_output.npy", restored)
    _write_cover(folder / "cover.png", observed[0, 0], restored[0, 0], network.upscaling)
    (folder / "README.md").write_text(_documentation(model), encoding="utf-8")


def _trace(network: CVDM) -> Any:
    """Record the mean network, unfolded to the fine grid, as TorchScript without Python behind it."""
    import torch
    from torch import Tensor, nn
    from torch.jit._trace import TracerWarning

    class MeanNetwork(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network.mean_network
            self.upscaling = network.upscaling

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.pixel_shuffle(self.network(x), self.upscaling)

    side = 4 * network.granularity
    with warnings.catch_warnings(), torch.no_grad():
        # TorchScript is deprecated, and still the one format of weights that all of the Zoo's programs run.
        # The tracer cannot follow the check of the sides, which the package's description repeats.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)  # which it is called since torch 2.14
        warnings.simplefilter("ignore", TracerWarning)
        return torch.jit.freeze(torch.jit.trace(MeanNetwork().eval(), torch.zeros(1, 1, side, side)))


def _test_side(network: CVDM) -> int:
    """Return a side, in camera pixels, of which the halo leaves something."""
    step = network.mean_network.granularity
    return -(-(2 * network.mean_network.receptive_field + 32) // step) * step


def _test_image(side: int) -> NDArray[np.float32]:
    """Make a camera image of blurred rings, shape (1, 1, side, side), always the same one."""
    import numpy as np

    y, x = np.mgrid[:side, :side].astype(np.float64)
    light = np.full((side, side), 20.0)
    for row, column, radius in ((0.4, 0.4, 0.25), (0.6, 0.55, 0.3), (0.5, 0.7, 0.12)):
        distance = np.hypot(y - row * side, x - column * side) - radius * side
        light += 180.0 * np.exp(-((distance / 1.8) ** 2) / 2)
    return np.random.default_rng(0).poisson(light).astype(np.float32)[None, None]


def _restore(module: Any, observed: NDArray[np.float32]) -> NDArray[np.float32]:
    """Do what a program of the Zoo does with the package: normalise, then one pass."""
    import numpy as np
    import torch

    low, high = np.percentile(observed, PERCENTILES)
    normalised = ((observed - low) / (high - low + EPSILON)).astype(np.float32)
    with torch.no_grad():
        restored: NDArray[np.float32] = module(torch.from_numpy(normalised)).numpy()
    return restored


def _write_cover(
    path: Path, observed: NDArray[np.float32], restored: NDArray[np.float32], upscaling: int
) -> None:
    """Put the camera image and the restored one side by side, at one scale."""
    import numpy as np
    from PIL import Image

    enlarged = np.kron(observed, np.ones((upscaling, upscaling), np.float32))
    shown = []
    for image in (enlarged, restored):
        low, high = np.percentile(image, (1.0, 99.8))
        shown.append(np.clip((image - low) / max(high - low, 1e-6), 0, 1))
    pixels = (255 * np.concatenate(shown, axis=1)).astype(np.uint8)
    Image.fromarray(pixels).resize((512, 256)).save(path)


def _documentation(model: PretrainedModel) -> str:
    card = model.card
    sizes = ""
    if card.pixel_size_nm is not None:
        least, most = card.pixel_size_nm
        sizes = f" It was trained for camera pixels of {least:g} to {most:g} nm."
    low, high = PERCENTILES
    return f"""# {model.name}

{card.description}

## What it does

One pass from a wide-field fluorescence image to an estimate of the sharp image, on a grid {model.upscaling}
times as fine.{sizes} The output is normalised: 0 is the {low:g}th and 1 the {high:g}th percentile of the
input.

## What is missing here

This is the mean network of a conditional variational diffusion model. The full model also draws from the
posterior, and tells from the draws how uncertain each pixel is; this format cannot express that. For it, use
the napari plugin napari-cvdm with the weights of sha256 `{model.sha256}`.

## Validation

Compare restored images with sharp images of the same field that were recorded otherwise, for example by
structured illumination, before you believe what you see: a structure or an optical system beyond the training
data is restored without a warning. The model's card, with what was measured:

```json
{card.to_json()}
```
"""
