from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from napari_cvdm.files.ome_zarr import (
    CHUNK,
    ZarrLayout,
    coarse_regions,
    coarsen_region,
    create_ome_zarr,
    plan_layout,
    write_region,
)
from napari_cvdm.restoration.axes import name_axes
from napari_cvdm.restoration.errors import AxesError, InputError


def layout_of(axes: str, shape: tuple[int, ...], region: int = 64) -> ZarrLayout:
    return plan_layout(name_axes(shape, axes), shape, region)


def metadata(folder: Path) -> dict[str, Any]:
    return dict(zarr.open_group(folder, mode="r").attrs["ome"])


class TestLayout:
    @pytest.mark.parametrize(
        ("side", "region", "chunk"),
        [(1042, 1042, 512), (3000, 2048, 512), (3000, 208, 208), (3000, 1048, 262), (30, 2048, 512)],
    )
    def test_has_chunks_that_no_two_regions_share_and_that_are_not_tiny(
        self, side: int, region: int, chunk: int
    ) -> None:
        assert layout_of("YX", (side, side), region).chunk == chunk

    @pytest.mark.parametrize(
        ("axes", "shape", "letters", "stored"),
        [
            ("YX", (8, 9), "YX", (8, 9)),
            ("ZCTYX", (2, 3, 4, 8, 9), "TCZYX", (4, 3, 2, 8, 9)),
            ("ZCYX", (2, 3, 8, 9), "CZYX", (3, 2, 8, 9)),
            ("QYX", (5, 8, 9), "TYX", (5, 8, 9)),
            ("QTZCYX", (2, 1, 3, 4, 8, 9), "TCZYX", (2, 4, 3, 8, 9)),
        ],
    )
    def test_has_the_axes_in_the_order_of_the_format(
        self, axes: str, shape: tuple[int, ...], letters: str, stored: tuple[int, ...]
    ) -> None:
        layout = layout_of(axes, shape)
        assert (layout.axes, layout.shapes) == (letters, (stored,))

    def test_halves_until_a_level_fits_in_a_chunk(self) -> None:
        layout = layout_of("YX", (2049, 700))
        assert layout.shapes == ((2049, 700), (1025, 350), (513, 175), (257, 88))

    @pytest.mark.parametrize("region", [2048, 2000, 32, 520, 600])
    def test_no_two_regions_share_a_chunk(self, region: int) -> None:
        chunk = layout_of("YX", (9000, 9000), region).chunk
        assert region % chunk == 0
        assert chunk <= CHUNK

    @pytest.mark.parametrize(("region", "chunk"), [(2 * 4036, 1009), (1021, 1021), (40, 40)])
    def test_makes_no_tiny_chunks_of_awkward_regions(self, region: int, chunk: int) -> None:
        assert layout_of("YX", (20000, 20000), region).chunk == chunk

    def test_refuses_more_axes_than_there_are(self) -> None:
        with pytest.raises(AxesError):
            layout_of("QQTZYX", (2, 2, 2, 2, 8, 8))


class TestCreating:
    def test_states_sizes_units_and_places(self, tmp_path: Path) -> None:
        layout = layout_of("TZYX", (2, 3, 700, 90))
        create_ome_zarr(
            tmp_path / "a", layout, name="cells", pixel_size_nm=32.5, z_spacing_nm=200.0, time_interval_s=0.5,
            origin={"Y": -0.5, "X": 9.5},
        )  # fmt: skip
        found = metadata(tmp_path / "a")
        assert found["version"] == "0.5"
        (multiscale,) = found["multiscales"]
        assert [(each["name"], each["unit"]) for each in multiscale["axes"]] == [
            ("t", "second"), ("z", "micrometer"), ("y", "micrometer"), ("x", "micrometer"),
        ]  # fmt: skip
        first, second = (each["coordinateTransformations"] for each in multiscale["datasets"])
        assert first[0]["scale"] == [0.5, 0.2, 0.0325, 0.0325]
        assert first[1]["translation"] == [0.0, 0.0, -0.01625, 0.30875]
        assert second[0]["scale"] == [0.5, 0.2, 0.065, 0.065]
        # The first pixel of the coarser level covers the first two of the finer: -0.5 and 0.5.
        assert second[1]["translation"] == [0.0, 0.0, 0.0, 0.325]

    def test_is_read_by_ome_zarr_itself(self, tmp_path: Path) -> None:
        from ome_zarr.io import parse_url
        from ome_zarr.reader import Reader

        layout = layout_of("CYX", (2, 600, 90))
        create_ome_zarr(tmp_path / "a", layout, name="cells", pixel_size_nm=65.0)
        (node, *_) = list(Reader(parse_url(tmp_path / "a"))())
        assert [each.shape for each in node.data] == list(layout.shapes)

    def test_without_sizes_claims_none(self, tmp_path: Path) -> None:
        """What steps there are count without a unit, each axis by itself."""
        steps = {"T": 2.0, "Y": 0.5, "X": 0.25}
        create_ome_zarr(
            tmp_path / "a",
            layout_of("TZYX", (2, 3, 70, 90)),
            name="cells",
            steps=steps,
            origin={"T": 5, "Y": 4},
        )
        (multiscale,) = metadata(tmp_path / "a")["multiscales"]
        assert all("unit" not in axis for axis in multiscale["axes"])
        scale, translation = multiscale["datasets"][0]["coordinateTransformations"]
        assert scale["scale"] == [2.0, 1.0, 0.5, 0.25]
        assert translation["translation"] == [10.0, 0.0, 2.0, 0.0]

    def test_keeps_the_provenance(self, tmp_path: Path) -> None:
        create_ome_zarr(tmp_path / "a", layout_of("YX", (70, 90)), name="a", provenance={"seed": np.int64(3)})
        assert zarr.open_group(tmp_path / "a", mode="r").attrs["napari_cvdm"] == {"seed": 3}

    def test_refuses_impossible_sizes(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="pixel size"):
            create_ome_zarr(tmp_path / "a", layout_of("YX", (70, 90)), name="a", pixel_size_nm=-1.0)

    def test_always_writes_the_same_bytes(self, tmp_path: Path) -> None:
        for name in "ab":
            create_ome_zarr(tmp_path / name, layout_of("YX", (70, 90)), name="a", pixel_size_nm=65.0)
        first, second = ((tmp_path / name / "zarr.json").read_bytes() for name in "ab")
        assert first == second


class TestPixels:
    def test_regions_go_to_their_place_in_any_order(self, tmp_path: Path) -> None:
        data = np.random.default_rng(0).random((2, 3, 100, 90), dtype=np.float32)  # Z, C
        layout = layout_of("ZCYX", data.shape, 32)
        create_ome_zarr(tmp_path / "a", layout, name="a")
        places = [(index, top, left) for index in np.ndindex(2, 3) for top in (0, 64) for left in (0, 32, 64)]
        for index, top, left in reversed(places):
            rows = 64 if top == 0 else 36
            write_region(
                tmp_path / "a", layout, index, top, left, data[index][top : top + rows, left : left + 32]
            )
        np.testing.assert_array_equal(zarr.open_group(tmp_path / "a")["0"][:], data.swapaxes(0, 1))

    def test_coarser_levels_are_means_of_four(self, tmp_path: Path) -> None:
        data = np.random.default_rng(0).random((2, 1027, 90), dtype=np.float32)
        layout = layout_of("TYX", data.shape, 512)
        create_ome_zarr(tmp_path / "a", layout, name="a")
        for index in np.ndindex(2):
            for top in range(0, 1027, 512):
                write_region(tmp_path / "a", layout, index, top, 0, data[index][top : top + 512])
        for region in coarse_regions(layout):
            coarsen_region(tmp_path / "a", layout, *region)
        group = zarr.open_group(tmp_path / "a")
        expected = data
        for level, shape in enumerate(layout.shapes):
            np.testing.assert_allclose(group[str(level)][:], expected, rtol=1e-6)
            assert shape == expected.shape
            padded = np.pad(expected, [(0, 0), (0, shape[1] % 2), (0, shape[2] % 2)], mode="edge")
            expected = (
                padded[:, ::2, ::2] + padded[:, 1::2, ::2] + padded[:, ::2, 1::2] + padded[:, 1::2, 1::2]
            ) / 4

    @pytest.mark.parametrize("dtype", ["u1", ">u2", "i4", "u8", "i8", "f8"])
    def test_are_stored_as_they_are_and_their_means_rounded(self, tmp_path: Path, dtype: str) -> None:
        greatest = np.finfo(dtype).max / 4 if dtype == "f8" else np.iinfo(dtype).max
        data = np.full((514, 2), greatest, dtype)
        data[0], data[1] = (10, 11), (11, 11)  # whose mean is 10.75
        data[2], data[3] = (10, 11), (10, 10)  # and 10.25
        layout = layout_of("YX", data.shape, 1024)
        create_ome_zarr(tmp_path / "a", layout, name="a", dtype=data.dtype)
        write_region(tmp_path / "a", layout, (), 0, 0, data)
        for region in coarse_regions(layout):
            coarsen_region(tmp_path / "a", layout, *region)
        group = zarr.open_group(tmp_path / "a")
        np.testing.assert_array_equal(group["0"][:], data)
        assert [group[level].dtype for level in "01"] == [data.dtype.newbyteorder("=")] * 2
        assert group["1"][:2, 0].tolist() == ([10.75, 10.25] if dtype == "f8" else [11, 10])
        assert float(group["1"][2, 0]) == pytest.approx(float(greatest), rel=1e-12)
