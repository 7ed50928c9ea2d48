"""CVDM: mean network, noise network and learned schedule, put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_cvdm.cvdm.networks import LocalUNet, RateNetwork
from napari_cvdm.cvdm.sampling import angle_grid
from napari_cvdm.cvdm.schedule import FixedClock, MonotoneClock, gamma_at, noise_level


@dataclass(frozen=True)
class CVDMConfig:
    """Architecture of a `CVDM`, in plain numbers that JSON can hold.

    Attributes
    ----------
    upscaling : int
        Fine pixels per camera pixel along each side.
    mean_widths, mean_blocks, noise_widths, noise_blocks : tuple of int
        Channels and residual blocks of each level of the two U-Nets, finest first.
    scale_width : int
        Hidden channels of the head that predicts the residual scale σ(x).
    scale_floor : float
        Lower bound of σ(x), in units of the normalised image: errors below it are not worth a diffusion.
    rate_width : int
        Hidden channels of the network for λ(x).
    rate_bounds : tuple of float
        Least and greatest λ(x): γ(1, x) lies between exp(−greatest) and exp(−least).
    clock_units : int
        Sigmoid units of the learned clock.
    normalised : bool
        Whether the U-Nets' blocks normalise the channels of each pixel.
    schedule : str
        "learned", or one of `FIXED_SCHEDULES` with the least λ for all pixels.
    """

    upscaling: int = 2
    mean_widths: tuple[int, ...] = (48, 96, 160)
    mean_blocks: tuple[int, ...] = (2, 2, 4)
    noise_widths: tuple[int, ...] = (32, 64, 128)
    noise_blocks: tuple[int, ...] = (2, 2, 2)
    scale_width: int = 32
    scale_floor: float = 0.02
    rate_width: int = 16
    rate_bounds: tuple[float, float] = (7.0, 40.0)
    clock_units: int = 16
    normalised: bool = False
    schedule: str = "learned"

    def to_dict(self) -> dict[str, Any]:
        """The configuration as JSON-able values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CVDMConfig:
        """Build a configuration from what `to_dict` gave.

        Raises
        ------
        ValueError
            If a name is unknown.
        """
        known = {f.name for f in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"unknown architecture settings: {', '.join(unknown)}")
        settings: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list | tuple) else value for name, value in values.items()
        }
        return cls(**settings)


class Estimate(NamedTuple):
    """What one pass over the observation tells, each folded on the camera grid, shape (B, s², H, W).

    Attributes
    ----------
    mean : Tensor
        The mean network's picture μ(x), in normalised intensity.
    scale : Tensor
        Expected size σ(x) > 0 of the residual y − μ(x), in the same units.
    lam : Tensor
        Rate λ(x) of the learned schedule.
    """

    mean: Tensor
    scale: Tensor
    lam: Tensor


class CVDM(nn.Module):
    """Conditional variational diffusion model of a sharp image y given a camera image x.

    All networks work on the camera grid: the sharp image is folded by pixel-unshuffle into s² channels. The
    diffusion models the whitened residual r = (y − μ(x)) / σ(x), so a draw is y = μ(x) + σ(x) · r.

    Parameters
    ----------
    config : CVDMConfig, optional
        Architecture.

    Attributes
    ----------
    upscaling : int
        The factor s.
    granularity : int
        Heights, widths and tile origins on the camera grid must be multiples of this.
    receptive_field : int
        Halo, in camera pixels, that makes one pass of any of the networks exact on a tile.
    """

    def __init__(self, config: CVDMConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or CVDMConfig()
        self.upscaling = config.upscaling
        folded = config.upscaling**2
        self.mean_network = LocalUNet(1, folded, config.mean_widths, config.mean_blocks, config.normalised)
        # All fine pixels of a camera pixel start alike (ICNR, Aitken et al. 2017, arXiv 1707.02937).
        head = self.mean_network.head
        with torch.no_grad():
            head.weight.copy_(head.weight[:1].expand_as(head.weight))
        nn.init.zeros_(head.bias)  # type: ignore[arg-type]
        self.scale_head = nn.Sequential(
            nn.Conv2d(config.mean_widths[0], config.scale_width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(config.scale_width, folded, 3, padding=1),
        )
        # Inputs: z, x, μ, log σ, √γ, √(1 − γ).
        self.noise_network = LocalUNet(
            5 * folded + 1, folded, config.noise_widths, config.noise_blocks, config.normalised
        )
        nn.init.zeros_(self.noise_network.head.weight)
        nn.init.zeros_(self.noise_network.head.bias)  # type: ignore[arg-type]
        self.clock: nn.Module
        if config.schedule == "learned":
            self.rate_network = RateNetwork(1, folded, config.rate_width, config.rate_bounds)
            self.clock = MonotoneClock(config.clock_units)
        else:
            self.clock = FixedClock(config.schedule, config.rate_bounds[0])
        self.granularity = max(self.mean_network.granularity, self.noise_network.granularity)
        # The scale's head looks one pixel further than the mean's own, and its filter another one.
        reach = max(
            self.mean_network.receptive_field + 2,
            self.noise_network.receptive_field,
            RateNetwork.receptive_field,
        )
        self.receptive_field = -(-reach // self.granularity) * self.granularity

    def fold(self, fine: Tensor) -> Tensor:
        """Fold (B, 1, s·H, s·W) on the fine grid to (B, s², H, W) on the camera grid."""
        return F.pixel_unshuffle(fine, self.upscaling)

    def unfold(self, folded: Tensor) -> Tensor:
        """Unfold (B, s², H, W) on the camera grid to (B, 1, s·H, s·W) on the fine grid."""
        return F.pixel_shuffle(folded, self.upscaling)

    def mean_and_scale(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean μ(x) and residual scale σ(x), each (B, s², H, W) float32, from ``x`` of shape (B, 1, H, W)."""
        features = self.mean_network.features(x)
        mean = self.mean_network.head(features).float()
        # Detached: the mean stays the plain least-squares fit, whatever the likelihood of σ would prefer.
        excess = F.softplus(self.scale_head(features.detach()).float() - 2.0)
        return mean, self.config.scale_floor + self._without_grid(excess)

    def _without_grid(self, folded: Tensor) -> Tensor:
        """Smooth on the fine grid such that what differs from one folded channel to the next goes.

        Each fine pixel of a camera pixel has a channel of its own, and nothing ties their sizes together:
        what they disagree about would stand as a fine grid on the uncertainty map. The binomial filter
        (1, 2, 1) / 4 has its zero at the grid's frequency, for s = 2.
        """
        fine = F.pad(self.unfold(folded), (1, 1, 1, 1), mode="replicate")
        rows = (fine[..., :-2, :] + 2 * fine[..., 1:-1, :] + fine[..., 2:, :]) / 4
        return self.fold((rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 4)

    def rate(self, x: Tensor) -> Tensor:
        """Rate λ(x) of the schedule, shape (B, s², H, W), float32."""
        if self.config.schedule == "learned":
            lam: Tensor = self.rate_network(x)
            return lam
        shape = (x.shape[0], self.upscaling**2, *x.shape[-2:])
        return x.new_full(shape, self.config.rate_bounds[0])

    def sampling_times(self, steps: int) -> tuple[float, ...]:
        """Times from 1 to 0 for a sampler of ``steps`` steps, even in the angle arccos √γ at one λ.

        That of the rate network's bias, whatever the image, or of the fixed schedule.
        """
        learned = self.config.schedule == "learned"
        rate = self.rate_network.bias_rate if learned else self.config.rate_bounds[0]
        return angle_grid(steps, self.clock, rate)

    def estimate(self, x: Tensor) -> Estimate:
        """Everything that one pass over the observation (B, 1, H, W) tells; computed once per image."""
        mean, scale = self.mean_and_scale(x)
        return Estimate(mean, scale, self.rate(x))

    def predict_noise(self, z: Tensor, x: Tensor, mean: Tensor, scale: Tensor, gamma: Tensor) -> Tensor:
        """Predict the noise ε in z_t.

        The network itself answers with the velocity v = √γ·ε − √(1−γ)·r (Salimans & Ho, ICLR 2022,
        arXiv 2202.00512), from which ε = √γ·v + √(1−γ)·z. Near t = 1, where γ vanishes, this form keeps the
        residual recovered from ε finite; it changes nothing in the objective, which is about ε.

        Parameters
        ----------
        z : Tensor
            Noisy whitened residual, shape (B, s², H, W).
        x : Tensor
            Observation, shape (B, 1, H, W).
        mean, scale : Tensor
            From `estimate`, shape (B, s², H, W).
        gamma : Tensor
            γ(t, x), shape (B, s², H, W).

        Returns
        -------
        Tensor
            ε̂, shape (B, s², H, W), float32.
        """
        signal, spread = gamma.sqrt(), noise_level(gamma)
        inputs = torch.cat([z, x, mean, scale.log(), signal, spread], dim=1)
        velocity = self.noise_network(inputs).float()
        epsilon: Tensor = signal * velocity + spread * z
        return epsilon

    def trial(self) -> tuple[tuple[Tensor, ...], Tensor]:
        """Run every network on one small empty image, in the middle of the clock's time.

        Returns
        -------
        answers : tuple of Tensor
            What should be finite.
        scale : Tensor
            σ, which should be positive.
        """
        side = 2 * self.granularity
        # Not made by torch.zeros, which would heed the default device and type of the caller's program.
        x = next(self.parameters()).new_zeros(1, 1, side, side)
        mean, scale, lam = self.estimate(x)
        gamma = gamma_at(self.clock, x.new_tensor(self.sampling_times(2)).view(-1, 1, 1, 1), lam)
        at_t = gamma[1:2]
        noise = self.predict_noise(torch.zeros_like(mean), x, mean, scale, at_t)
        drawn = mean - scale * noise_level(at_t) * noise / at_t.sqrt()
        # Squares, because those of draws are summed.
        return (mean, scale, lam, gamma, drawn.square()), scale
