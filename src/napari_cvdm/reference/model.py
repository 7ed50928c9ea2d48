"""The published networks put together."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from napari_cvdm.reference.config import ReferenceConfig
from napari_cvdm.reference.schedule import Schedule
from napari_cvdm.reference.sr3 import SR3
from napari_cvdm.reference.unet import UNet


class ReferenceCVDM(nn.Module):
    """Conditional variational diffusion model as published: noise network, schedule and perhaps mean network.

    Everything works on the grid of the sharp image, with intensities in [−1, 1]. The networks normalise over
    the whole of what they are given, so what they say about a pixel depends on all the others.

    Attributes
    ----------
    schedule : Schedule
        Learned schedule.
    noise_network : SR3 or UNet
        Takes [noisy, x] or [noisy, x, mean], and γ.
    mean_network : UNet or None
        Only under zero-mean diffusion.
    """

    def __init__(self, config: ReferenceConfig) -> None:
        super().__init__()
        self.config = config
        inputs, outputs = config.in_channels, config.out_channels
        self.schedule = Schedule(inputs, outputs, config.schedule_width, config.time_units)
        stacked = inputs + outputs * (2 if config.zero_mean else 1)
        self.noise_network: SR3 | UNet
        if config.noise_kind == "sr3":
            self.noise_network = SR3(
                stacked,
                outputs,
                outputs,
                stem=config.stem,
                widths=config.noise_widths,
                blocks=config.noise_blocks,
                attention_level=config.attention_level,
            )
        else:
            self.noise_network = UNet(stacked, outputs, config.noise_widths[0], outputs)
        self.mean_network = UNet(inputs, 0, config.mean_width, outputs) if config.zero_mean else None

    @property
    def upscaling(self) -> int:
        """Enlargement of the camera image."""
        return self.config.upscaling

    @property
    def granularity(self) -> int:
        """Heights and widths must be multiples of this."""
        return self.config.granularity

    def mean(self, x: Tensor) -> Tensor | None:
        """Picture of the mean network, (B, out_channels, H, W); None without zero-mean diffusion."""
        return None if self.mean_network is None else self.mean_network(x)

    def predict_noise(self, noisy: Tensor, x: Tensor, gamma: Tensor, mean: Tensor | None = None) -> Tensor:
        """Predict the noise in a state of the sampler, (B, out_channels, H, W).

        γ and the mean network's picture have the same shape; the latter is needed under zero-mean diffusion,
        and only there. The observation x is (B, in_channels, H, W). H and W are multiples of `granularity`.
        """
        if (mean is None) == self.config.zero_mean:
            raise ValueError("the mean is needed under zero-mean diffusion, and only there")
        parts = [noisy, x] if mean is None else [noisy, x, mean]
        result: Tensor = self.noise_network(torch.cat(parts, dim=1), gamma)
        return result

    def finish(self, x: Tensor, drawn: Tensor) -> Tensor:
        """Turn what the sampler or the mean network gave into an image within [−1, 1]."""
        return (drawn + x if self.config.adds_input else drawn).clamp(-1, 1)

    def trial(self) -> tuple[tuple[Tensor, ...], Tensor]:
        """Run every network on one small empty image.

        Returns
        -------
        answers : tuple of Tensor
            What should be finite.
        rate : Tensor
            λ, which should be positive.
        """
        config, side = self.config, 2 * self.granularity
        # Not made by torch.zeros, which would heed the default device and type of the caller's program.
        weight = self.schedule.beta_time.line.weight
        x, state = (weight.new_zeros(1, n, side, side) for n in (config.in_channels, config.out_channels))
        rate, mean = self.schedule.rate(x), self.mean(x)
        answers = [rate, self.schedule.beta_table(2), self.predict_noise(state, x, state + 0.5, mean)]
        return tuple(answers if mean is None else [*answers, mean]), rate
