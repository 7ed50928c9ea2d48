"""Restoring one plane with the networks that the authors of CVDM published.

They differ from our own in three ways that matter here. They normalise over all they are given, so they run
on overlapping tiles of the size of their training images, see `blending`. They work on the grid of the sharp
image, so a camera image is enlarged first. And they have their own sampler, schedule and intensity range.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from napari_cvdm.reference.model import ReferenceCVDM
from napari_cvdm.reference.sampling import published_steps, separable_alphas
from napari_cvdm.restoration.blending import apply_blended
from napari_cvdm.restoration.execution import in_inference_mode, plain_inference
from napari_cvdm.restoration.memory import TileSize, within_memory
from napari_cvdm.restoration.noise import noise_by_step
from napari_cvdm.restoration.plane import PlaneEstimate
from napari_cvdm.restoration.posterior import PosteriorSettings
from napari_cvdm.restoration.tiling import Padding, pad_by_reflection


@dataclass(frozen=True)
class BlendedEstimate(PlaneEstimate):
    """What is known about one plane before any draw; everything that its draws need.

    Everything is on the grid of the sharp image, padded to sides that the network accepts, (1, 1, H, W); the
    observation as the network sees it, in [−1, 1].

    Attributes
    ----------
    centre : Tensor or None
        What the mean network answered, in the network's own range; None without zero-mean diffusion.
    """

    centre: Tensor | None


class BlendedRestorer:
    """Restores planes with one of the published networks on one device.

    Parameters
    ----------
    network : ReferenceCVDM
        The model's network, of one channel in and out; not changed.
    tile : int or "auto"
        Side of a tile in pixels of the image; "auto" is the size of the training images.
    device, settings, checkpoint, on_tile
        As for `PlaneRestorer`. The sampler is the published one whatever the settings say.

    Attributes
    ----------
    mean_tile, noise_tile : TileSize
        Tile size in use, the same for all networks.
    """

    def __init__(
        self,
        network: ReferenceCVDM,
        device: torch.device,
        tile: int | Literal["auto"],
        settings: PosteriorSettings,
        checkpoint: Callable[[], None] = lambda: None,
        on_tile: Callable[[int, int], object] = lambda done, tiles: None,
    ) -> None:
        # The networks are large, so they are copied only where they have to move.
        self._network = network if device.type == "cpu" else copy.deepcopy(network).to(device)
        self._device, self._settings = device, settings
        self._checkpoint, self._on_tile = checkpoint, on_tile
        config = network.config
        self.mean_tile = self.noise_tile = TileSize(tile, -(-config.training_size // config.upscaling))

    @plain_inference()
    def estimate(
        self,
        plane: npt.NDArray[np.float32],
        padding: Padding | None = None,
        parts: object = None,
    ) -> BlendedEstimate:
        """Run the schedule network, and the mean network if there is one, over one plane.

        Parameters are those of `PlaneRestorer.estimate`; the margin of a padded plane is cut off again. Parts
        are not told of: tiles are blended, so none is done before its neighbours are.

        Returns
        -------
        BlendedEstimate
            Without a mean network, its picture is the observation itself. Its scale is that of the Gaussian
            noise that sampling starts from, the same everywhere: nothing better is known before two draws.
        """
        if padding is not None:
            top, left = padding.first
            plane = plane[top : top + padding.height, left : left + padding.width]
        image = self._enlarged(torch.from_numpy(np.ascontiguousarray(plane))[None, None])
        fine = self._fine_padding(*plane.shape)
        observation = pad_by_reflection(image.to(self._device), fine).mul(2).sub(1).clamp(-1, 1)
        network = self._network
        lam = self._blended(network.schedule.rate, observation)
        centre = None
        if network.mean_network is not None:
            centre = self._blended(network.mean_network, observation)
            picture = network.finish(observation, centre)
        else:
            picture = observation
        size = network.config.residual_scale if network.config.zero_mean else 1.0
        scale = torch.full_like(observation, size / 2)
        return BlendedEstimate(fine, observation, _normalised(picture), scale, lam, centre)

    def refine(self, estimate: PlaneEstimate) -> Iterator[PlaneEstimate | None]:
        """Yield the estimate as it is: the authors' networks are run as they published them."""
        yield estimate

    def draw(
        self, estimate: PlaneEstimate, *, plane: int, draw: int, steps: int, seed: int
    ) -> Iterator[Tensor | None]:
        """Draw one sharp image from the posterior of a plane, as `PlaneRestorer.draw` does.

        Of the steps, at least 2, the last needs no network.
        """
        assert isinstance(estimate, BlendedEstimate)
        field, sign = self._settings.noise_of(draw)
        network = self._network
        padding, device = estimate.padding, self._device
        noise = noise_by_step(
            seed, plane=plane, draw=field, sign=sign, padding=padding, channels=1, device=device
        )

        def step_pass(state: Tensor, gamma: Tensor, x: Tensor, *centre: Tensor) -> Tensor:
            return network.predict_noise(state, x, gamma, *centre)

        def predict(state: Tensor, gamma: Tensor) -> Tensor:
            centre = () if estimate.centre is None else (estimate.centre,)
            return self._blended(step_pass, state, gamma, estimate.observation, *centre)

        with plain_inference():
            alpha = separable_alphas(estimate.lam, network.schedule.beta_table(steps))
        sampler = published_steps(predict, alpha, steps, noise)
        residual = yield from in_inference_mode(sampler)
        with plain_inference():
            drawn = residual.float()
            if estimate.centre is not None:
                drawn = network.config.residual_scale * drawn + estimate.centre
            sharp = self.picture(estimate, _normalised(network.finish(estimate.observation, drawn)))
        yield None
        yield sharp

    @plain_inference()
    def picture(self, estimate: PlaneEstimate, padded: Tensor) -> Tensor:
        """Cut the image out of (1, 1, H, W) of the padded plane: shape (s·Y, s·X)."""
        return estimate.padding.crop_fine(padded[0, 0], 1).contiguous()

    def _enlarged(self, image: Tensor) -> Tensor:
        factor = self._network.upscaling
        if factor == 1:
            return image
        # Pixel areas, not centres, keep their place, as the restored layer's position assumes. With
        # antialias, which changes nothing else here, torch's cubic keeps a slope a slope (a = −1/2).
        return F.interpolate(
            image, scale_factor=float(factor), mode="bicubic", align_corners=False, antialias=True
        )

    def _fine_padding(self, height: int, width: int) -> Padding:
        """Plan as little padding as the network needs: none, where the published code would have none."""
        factor, unit = self._network.upscaling, self._network.granularity
        rows, columns = (range(-(-side * factor // unit) * unit) for side in (height, width))
        return Padding(height * factor, width * factor, rows, columns)

    def _blended(self, network: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        factor, unit = self._network.upscaling, self._network.granularity

        def whole_pass(side: int) -> Tensor:
            fine = -(-side * factor // unit) * unit
            return apply_blended(
                network, inputs, side=fine, checkpoint=self._checkpoint, on_tile=self._on_tile
            )

        extent = max(inputs[0].shape[-2:]) // factor
        return within_memory(whole_pass, self.noise_tile, extent, self._device)


def _normalised(picture: Tensor) -> Tensor:
    """Turn [−1, 1] into the [0, 1] of `Normalization`."""
    return picture.add(1).div(2)
