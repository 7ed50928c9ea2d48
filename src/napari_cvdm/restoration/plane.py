"""Restoring one plane: the mean network's estimate, and draws from the posterior."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_cvdm.cvdm.model import CVDM, Estimate
from napari_cvdm.cvdm.sampling import ancestral, angular
from napari_cvdm.restoration.device import automatic_tile
from napari_cvdm.restoration.execution import (
    Precision,
    in_inference_mode,
    plain_inference,
    prepared_copy,
)
from napari_cvdm.restoration.memory import TileSize, within_memory
from napari_cvdm.restoration.noise import noise_by_step
from napari_cvdm.restoration.orientations import quarter_turns, turn, turn_back
from napari_cvdm.restoration.posterior import PosteriorSettings
from napari_cvdm.restoration.tiling import (
    Padding,
    TileNetwork,
    TileOutput,
    apply_tiled,
    pad_by_reflection,
    plan_padding,
)


@dataclass(frozen=True)
class PartsWanted:
    """How to tell of the tiles of a first picture.

    Attributes
    ----------
    tell : callable
        Given a tile's rows and columns on the fine grid, and its picture and scale, normalised.
    first : (float, float)
        Where in the plane to begin, as shares of its height and width.
    """

    tell: Callable[[range, range, Tensor, Tensor], object]
    first: tuple[float, float]


@dataclass(frozen=True)
class PlaneEstimate:
    """What the first pass tells about one plane; everything that its draws need.

    Attributes
    ----------
    padding : Padding
        Where the image lies in the padded plane.
    observation : Tensor
        The padded plane, normalised, shape (1, 1, H, W).
    mean, scale, lam : Tensor
        Mean network's picture, residual scale and schedule rate, folded, shape (1, s², H, W).
    """

    padding: Padding
    observation: Tensor
    mean: Tensor
    scale: Tensor
    lam: Tensor

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return sum(each.nbytes for each in vars(self).values() if isinstance(each, Tensor))


class PlaneRestorer:
    """Restores planes with one network on one device.

    Parameters
    ----------
    network : CVDM
        The model's network; a copy is used.
    device : torch.device
        Where to run.
    tile : int or "auto"
        Side of a tile in camera pixels.
    settings : PosteriorSettings
        How draws are made.
    checkpoint : callable, optional
        Called before every network pass on every tile, and within those on a CPU; may raise to cancel.
    on_tile : callable, optional
        Told after every tile of a pass that needs several how many are done and how many there are.

    Attributes
    ----------
    mean_tile, noise_tile : TileSize
        Tile sizes in use for the two networks.
    precision : Precision
        The number format of the noise network.
    """

    def __init__(
        self,
        network: CVDM,
        device: torch.device,
        tile: int | Literal["auto"],
        settings: PosteriorSettings,
        checkpoint: Callable[[], None] = lambda: None,
        on_tile: Callable[[int, int], object] = lambda done, tiles: None,
    ) -> None:
        self._network = prepared_copy(network, device, checkpoint)
        self.precision = Precision(device)
        self._device, self._settings = device, settings
        self._checkpoint, self._on_tile = checkpoint, on_tile
        config = network.config
        # The noise network, which does nearly all the work, sees less far than the deeper mean network and
        # its scale head: it gets a halo of its own.
        self._mean_halo = network.receptive_field
        self._noise_halo = network.noise_network.receptive_field
        self.mean_tile = TileSize(tile, automatic_tile(device, config.mean_widths[0], self._mean_halo))
        self.noise_tile = TileSize(tile, automatic_tile(device, config.noise_widths[0], self._noise_halo))

    @plain_inference()
    def estimate(
        self,
        plane: npt.NDArray[np.float32],
        padding: Padding | None = None,
        parts: PartsWanted | None = None,
    ) -> PlaneEstimate:
        """Run the mean network and the rate network over one plane (Y, X) of normalised intensities.

        If a padding is given, the plane is padded already: it has the padding's rows and columns. If parts
        are wanted and there are several tiles, they are told of one by one.
        """
        image = torch.from_numpy(np.ascontiguousarray(plane))[None, None].to(self._device)
        if padding is None:
            padding = plan_padding(plane.shape[0], plane.shape[1], self._network.granularity)
            observation = pad_by_reflection(image, padding)
        else:
            observation = image
        if parts is None:
            mean, scale, lam = self._first_pass(observation)
        else:
            tell = partial(self._tell_part, padding, parts)
            sizes = padding.height, padding.width
            row, column = (a + b * n for a, b, n in zip(padding.first, parts.first, sizes, strict=True))
            mean, scale, lam = self._first_pass(observation, tell, (row, column))
        return PlaneEstimate(padding, observation, mean, scale, lam)

    def _tell_part(
        self, padding: Padding, parts: PartsWanted, rows: range, columns: range, output: tuple[Tensor, ...]
    ) -> None:
        own_rows, own_columns = padding.own(rows, columns)
        if not own_rows or not own_columns:
            return  # all of it is margin
        top, left = padding.first[0] - rows.start, padding.first[1] - columns.start
        down = slice(own_rows.start + top, own_rows.stop + top)
        across = slice(own_columns.start + left, own_columns.stop + left)
        mean, scale = (self._network.unfold(folded[..., down, across])[0, 0] for folded in output[:2])
        s = self._network.upscaling
        fine_rows, fine_columns = (range(s * own.start, s * own.stop) for own in (own_rows, own_columns))
        parts.tell(fine_rows, fine_columns, mean, scale)

    def refine(self, estimate: PlaneEstimate) -> Iterator[PlaneEstimate | None]:
        """Average the mean network's picture and scale over the orientations that the settings ask for.

        Scales are averaged as variances. What the pictures differ by is left out: it says nothing of the
        error that they have in common, and hardly orders pixels by their error any better. It yields None
        after every pass but the first, which ``estimate`` is of; then, last, what draws are made with.
        """
        network = self._network
        with plain_inference():
            mean, variance = estimate.mean.clone(), estimate.scale.square()
        for number, orientation in enumerate(list(quarter_turns(self._settings.orientations))[1:], start=2):
            with plain_inference():
                picture, scale, _ = self._first_pass(turn(estimate.observation, orientation))
                for average, found in ((mean, picture), (variance, scale.square())):
                    # On the fine grid alone an image can be turned.
                    upright = network.fold(turn_back(network.unfold(found), orientation))
                    average.add_(upright.sub_(average), alpha=1 / number)
            yield None
        if self._settings.orientations > 1:
            with plain_inference():
                estimate = replace(estimate, mean=mean, scale=variance.sqrt())
        yield estimate

    def _first_pass(
        self,
        observation: Tensor,
        on_output: TileOutput = lambda rows, columns, output: None,
        first: tuple[float, float] | None = None,
    ) -> tuple[Tensor, ...]:
        def network(x: Tensor) -> Estimate:
            return self._network.estimate(x.contiguous(memory_format=torch.channels_last))

        return self._tiled(network, (observation,), self.mean_tile, self._mean_halo, on_output, first)

    def draw(
        self, estimate: PlaneEstimate, *, plane: int, draw: int, steps: int, seed: int
    ) -> Iterator[Tensor | None]:
        """Draw one sharp image from the posterior of a plane, whose first pass is given.

        The noise is bound to the seed and the numbers of plane and draw. What is yielded is None after every
        denoising step; then, last, the draw as `picture` gives it.
        """
        field, sign = self._settings.noise_of(draw)
        padding, channels, device = estimate.padding, estimate.mean.shape[1], self._device
        noise = noise_by_step(
            seed, plane=plane, draw=field, sign=sign, padding=padding, channels=channels, device=device
        )
        run = self.precision.for_draw()

        def step_pass(*tile: Tensor) -> tuple[Tensor]:
            return (run(self._network.predict_noise, *tile),)

        def predict(z: Tensor, gamma: Tensor) -> Tensor:
            inputs = (z, estimate.observation, estimate.mean, estimate.scale, gamma)
            return self._tiled(step_pass, inputs, self.noise_tile, self._noise_halo)[0]

        with plain_inference():
            times, clock = self._network.sampling_times(steps), self._network.clock
        name = self._settings.sampler
        if name in ("angular", "multistep"):
            sampler = angular(predict, clock, estimate.lam, times, noise, second_order=name == "multistep")
        else:
            eta = 1.0 if name == "ancestral" else 0.0
            sampler = ancestral(predict, clock, estimate.lam, times, noise, eta)
        residual = yield from in_inference_mode(sampler)
        with plain_inference():
            sharp = self.picture(estimate, torch.addcmul(estimate.mean, estimate.scale, residual))
        yield sharp

    @plain_inference()
    def picture(self, estimate: PlaneEstimate, folded: Tensor) -> Tensor:
        """Unfold (1, s², H, W) of the padded plane to the image itself, shape (s·Y, s·X), normalised."""
        fine = self._network.unfold(folded)[0, 0]
        return estimate.padding.crop_fine(fine, self._network.upscaling).contiguous()

    def _tiled(
        self,
        network: TileNetwork,
        inputs: tuple[Tensor, ...],
        tile: TileSize,
        halo: int,
        on_output: TileOutput = lambda rows, columns, output: None,
        first: tuple[float, float] | None = None,
    ) -> tuple[Tensor, ...]:
        def whole_pass(side: int) -> tuple[Tensor, ...]:
            return apply_tiled(
                network,
                inputs,
                tile=side,
                halo=halo,
                granularity=self._network.granularity,
                checkpoint=self._checkpoint,
                on_tile=self._on_tile,
                on_output=on_output,
                first=first,
            )

        return within_memory(whole_pass, tile, max(inputs[0].shape[-2:]), self._device)
