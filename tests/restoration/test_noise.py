"""Noise bound to the pixel: the published generator, the right distribution, and no two places alike."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from napari_cvdm.restoration import noise as noise_module
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.noise import box_muller, gaussian_field, noise_by_step, philox4x32
from napari_cvdm.restoration.tiling import Padding

ONES = 0xFFFFFFFF


def field(seed: int = 7, **changes: object) -> Tensor:
    address = {"plane": 0, "draw": 0, "step": 0, "rows": range(96), "columns": range(80)}
    return gaussian_field(seed, **(address | changes))  # type: ignore[arg-type]


class TestPhilox:
    @pytest.mark.parametrize(
        ("counter", "key", "expected"),
        [  # known answers published with the Random123 library
            ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
            ((ONES,) * 4, (ONES,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
            (
                (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
                (0xA4093822, 0x299F31D0),
                (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
            ),
        ],
    )
    def test_gives_the_published_answers(
        self, counter: tuple[int, ...], key: tuple[int, int], expected: tuple[int, ...]
    ) -> None:
        a, b, c, d = (torch.tensor([word]) for word in counter)
        assert tuple(int(word) for word in philox4x32((a, b, c, d), key)) == expected

    def test_broadcast_counters_give_what_full_ones_give(self) -> None:
        rows, columns = torch.arange(5)[:, None], torch.arange(7)[None, :]
        one = torch.tensor([[3]])
        full = tuple(word.expand(5, 7).contiguous() for word in (rows, columns, one, one))
        for narrow, wide in zip(
            philox4x32((rows, columns, one, one), (1, 2)), philox4x32(full, (1, 2)), strict=True
        ):
            assert torch.equal(narrow.expand(5, 7), wide)


class TestBoxMuller:
    def test_is_finite_and_far_reaching_at_the_ends(self) -> None:
        words = torch.tensor([0, 1, ONES])
        cosine, sine = box_muller(words, torch.zeros(3, dtype=torch.int64))
        assert torch.isfinite(cosine).all()
        assert float(cosine[0]) == pytest.approx(math.sqrt(2 * math.log(2**32)), rel=1e-6)
        assert float(cosine[2]) == 0
        assert torch.equal(sine, torch.zeros(3))

    def test_angle_covers_the_circle(self) -> None:
        cosine, sine = box_muller(torch.full((4,), 1 << 31), torch.arange(4) << 30)
        radius = math.sqrt(2 * math.log(2))
        torch.testing.assert_close(cosine, radius * torch.tensor([1.0, 0, -1, 0]), atol=1e-6, rtol=0)
        torch.testing.assert_close(sine, radius * torch.tensor([0.0, 1, 0, -1]), atol=1e-6, rtol=0)


class TestDistribution:
    def test_moments_and_tails_of_every_channel(self) -> None:
        values = field(rows=range(-100, 412), columns=range(-3, 509))[0].double()
        count = values[0].numel()
        for channel in values:
            # Five standard errors of each moment of a normal sample.
            assert abs(float(channel.mean())) < 5 / math.sqrt(count)
            assert abs(float(channel.square().mean()) - 1) < 5 * math.sqrt(2 / count)
            assert abs(float(channel.pow(3).mean())) < 5 * math.sqrt(15 / count)
            assert abs(float(channel.pow(4).mean()) - 3) < 5 * math.sqrt(96 / count)
            assert 4 < float(channel.abs().max()) < 6.7

    def test_follows_the_normal_distribution_function(self) -> None:
        values = field(rows=range(256), columns=range(256)).double().flatten().sort().values
        cumulative = 0.5 * (1 + torch.erf(values / math.sqrt(2)))
        steps = torch.arange(1, len(values) + 1) / len(values)
        distance = float((cumulative - steps).abs().max())
        assert distance < 1.95 / math.sqrt(len(values))  # Kolmogorov-Smirnov, p = 0.001


class TestIndependence:
    @pytest.mark.parametrize(
        "changes",
        [
            {"plane": 1},
            {"draw": 1},
            {"step": 1},
            {"rows": range(1, 97)},
            {"columns": range(1, 81)},
            {"rows": range(-96, 0)},
            {"seed": 8},
            {"seed": 7 + 2**32},
        ],
        ids=str,
    )
    def test_another_address_is_another_noise(self, changes: dict[str, object]) -> None:
        a, b = field(), field(**changes)
        correlation = float((a * b).mean())
        assert abs(correlation) < 5 / math.sqrt(a.numel())

    def test_channels_are_independent(self) -> None:
        values = field(channels=9, rows=range(128), columns=range(128))[0].flatten(1)
        covariance = values @ values.T / values.shape[1]
        covariance.fill_diagonal_(0)
        assert float(covariance.abs().max()) < 5 / math.sqrt(values.shape[1])

    def test_neighbours_are_independent(self) -> None:
        values = field()
        for shift in ((0, 1), (1, 0), (1, 1)):
            moved = torch.roll(values, shift, (2, 3))
            assert abs(float((values * moved).mean())) < 5 / math.sqrt(values.numel())


class TestWindows:
    @pytest.mark.parametrize(
        ("rows", "columns"),
        [(range(10, 40), range(5, 60)), (range(95, 96), range(80)), (range(96), range(33, 34))],
    )
    def test_a_window_is_the_crop_of_the_whole(self, rows: range, columns: range) -> None:
        whole = field()
        window = field(rows=rows, columns=columns)
        assert torch.equal(window, whole[..., rows.start : rows.stop, columns.start : columns.stop])

    def test_margins_do_not_move_the_image(self) -> None:
        padded = field(rows=range(-16, 100), columns=range(-12, 90))
        assert torch.equal(padded[..., 16 : 16 + 96, 12 : 12 + 80], field())

    def test_chunks_change_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = field(channels=6)
        monkeypatch.setattr(noise_module, "CPU_CHUNK", 7 * 80)
        assert torch.equal(field(channels=6), whole)

    @pytest.mark.parametrize(("device", "name"), [("cpu", "CPU_CHUNK"), ("meta", "GPU_CHUNK")])
    @pytest.mark.parametrize("chunk", [1, 7 * 80, 10**6])
    def test_no_device_computes_more_at_once_than_a_chunk(
        self, monkeypatch: pytest.MonkeyPatch, device: str, name: str, chunk: int
    ) -> None:
        # Tensors on the "meta" device have a shape and no values: here it stands in for a GPU.
        rows = []

        def counting(
            counter: tuple[Tensor, Tensor, Tensor, Tensor], key: tuple[int, int]
        ) -> tuple[Tensor, ...]:
            rows.append(len(counter[0]))
            return philox4x32(counter, key)

        monkeypatch.setattr(noise_module, "philox4x32", counting)
        monkeypatch.setattr(noise_module, name, chunk)
        assert field(device=device).device.type == device
        assert sum(rows) == 96
        assert max(rows) == min(96, max(1, chunk // 80))

    def test_more_channels_leave_the_first_as_they_were(self) -> None:
        assert torch.equal(field(channels=9)[:, :4], field())
        assert torch.equal(field(channels=1), field()[:, :1])

    def test_shape_and_type(self) -> None:
        values = field(channels=9, rows=range(2), columns=range(3))
        assert values.shape == (1, 9, 2, 3)
        assert values.dtype == torch.float32


class TestAddress:
    @pytest.mark.parametrize(
        ("changes", "fault"),
        [
            ({"plane": 1 << 24}, "plane"),
            ({"plane": -1}, "plane"),
            ({"draw": 1 << 16}, "draw"),
            ({"step": 1 << 16}, "step"),
            ({"channels": 4 * 256 + 1}, "channels"),
        ],
    )
    def test_a_number_that_does_not_fit_is_refused(self, changes: dict[str, int], fault: str) -> None:
        with pytest.raises(InputError, match=fault):
            field(**changes)

    @pytest.mark.parametrize(
        "last",
        [{"plane": (1 << 24) - 1}, {"draw": (1 << 16) - 1}, {"step": (1 << 16) - 1}, {"channels": 1024}],
    )
    def test_the_last_that_fits_is_not(self, last: dict[str, int]) -> None:
        assert field(**(last | {"rows": range(1), "columns": range(1)})).isfinite().all()

    def test_is_the_counter_of_the_generator(self) -> None:
        # What was once published can be made again as long as this stays: each word of a block serves once.
        seed, plane, draw, step, row, column = 0x5EED00000007, 9, 5, 3, 1000, -2
        found = field(seed, plane=plane, draw=draw, step=step, rows=range(row, row + 1),
                      columns=range(column, column + 1), channels=6).flatten()  # fmt: skip
        expected = []
        for block in range(2):
            counter = (row, column & ONES, block << 24 | plane, draw << 16 | step)
            a, b, c, d = (torch.tensor([word]) for word in counter)
            words = philox4x32((a, b, c, d), (seed & ONES, seed >> 32))
            for first, second in (words[:2], words[2:]):
                radius = math.sqrt(-2 * math.log((int(first) + 1) / 2**32))
                angle = 2 * math.pi * int(second) / 2**32
                expected += [radius * math.cos(angle), radius * math.sin(angle)]
        torch.testing.assert_close(found, torch.tensor(expected[:6]), rtol=1e-6, atol=1e-6)

    def test_negative_and_huge_seeds_are_seeds(self) -> None:
        assert torch.equal(field(seed=-1), field(seed=2**64 - 1))
        assert not torch.equal(field(seed=-1), field(seed=1))


class TestByStep:
    PADDING = Padding(20, 27, range(-2, 22), range(-1, 31))

    def of(self, sign: float) -> Callable[[int], Tensor]:
        return noise_by_step(
            7, plane=3, draw=2, sign=sign, padding=self.PADDING, channels=4, device=torch.device("cpu")
        )

    def test_is_the_field_of_the_padded_plane_for_each_step(self) -> None:
        noise = self.of(1.0)
        for step in (0, 5):
            rows, columns = self.PADDING.rows, self.PADDING.columns
            expected = field(plane=3, draw=2, step=step, rows=rows, columns=columns, channels=4)
            assert torch.equal(noise(step), expected)
            assert noise(step).is_contiguous(memory_format=torch.channels_last)

    def test_the_sign_turns_it_over(self) -> None:
        assert torch.equal(self.of(-1.0)(4), -self.of(1.0)(4))
