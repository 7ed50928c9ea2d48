"""Writing OME-TIFF: what goes in comes back, for every reader, and no half file is ever left."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cvdm.files import ome_tiff
from napari_cvdm.files.ome_tiff import read_provenance, write_ome_tiff
from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.restoration.errors import AxesError, ImageFileError, InputError, InputTypeError

STACK = np.random.default_rng(0).gamma(2.0, 100.0, (2, 3, 5, 24, 16)).astype("f4")


def test_pixels_axes_and_scale_come_back(tmp_path):
    path = write_ome_tiff(
        tmp_path / "a.ome.tif",
        STACK,
        "TCZYX",
        32.5,
        z_spacing_nm=300,
        time_interval_s=0.5,
        channel_names=["actin", "<tubulin> & more", "µ"],
    )
    image = read_tiff(path)
    np.testing.assert_array_equal(image.data, STACK)
    assert image.axes == "TCZYX"
    assert image.pixel_size == pytest.approx(32.5)
    assert image.z_spacing == pytest.approx(300)
    assert image.time_interval == pytest.approx(0.5)
    assert image.channel_names == ("actin", "<tubulin> & more", "µ")


def test_the_physical_size_is_written_as_ome_has_it(tmp_path):
    write_ome_tiff(tmp_path / "a.ome.tif", STACK[0, 0, 0], pixel_size_nm=32.5)
    xml = tifffile.tiffcomment(tmp_path / "a.ome.tif")
    assert 'PhysicalSizeX="0.0325"' in xml
    assert 'PhysicalSizeYUnit="µm"' in xml
    assert 'Creator="napari-cvdm' in xml


@pytest.mark.parametrize("height", [None, 65.0])
def test_the_pixel_size_is_in_the_tags_too_for_imagej_which_does_not_read_ome(tmp_path, height):
    path = write_ome_tiff(tmp_path / "a.ome.tif", STACK[0, 0], "ZYX", 32.5, pixel_height_nm=height)
    with tifffile.TiffFile(path) as file:
        for page in file.pages:
            tags = page.aspage().tags
            assert tags["ResolutionUnit"].value == 3  # centimetres
            across, down = (tags[f"{axis}Resolution"].value for axis in "XY")
            # Versions of tifffile differ in how finely they round to a ratio of whole numbers.
            assert 1e7 * across[1] / across[0] == pytest.approx(32.5, rel=1e-4)
            assert 1e7 * down[1] / down[0] == pytest.approx(height or 32.5, rel=1e-4)


def test_a_file_of_unknown_pixel_size_states_none(tmp_path):
    path = write_ome_tiff(tmp_path / "a.ome.tif", STACK[0, 0, 0])
    assert read_tiff(path).pixel_size is None


def test_a_size_beyond_what_the_tags_hold_stands_in_the_xml_alone(tmp_path):
    path = write_ome_tiff(tmp_path / "a.ome.tif", STACK[0, 0, 0], "YX", 6.5e-5)  # metres, taken for µm
    with tifffile.TiffFile(path) as file:
        assert 'PhysicalSizeX="6.5e-08"' in file.ome_metadata


def test_the_file_is_compressed(tmp_path):
    write_ome_tiff(tmp_path / "a.ome.tif", np.zeros((512, 512), "f4"))
    assert (tmp_path / "a.ome.tif").stat().st_size < 20_000


@pytest.mark.parametrize(
    ("dtype", "stored"),
    [
        ("u1", "u1"),
        (">u2", "u2"),
        ("<i4", "i4"),
        ("f2", "f4"),
        ("f8", "f8"),
        ("i8", "f8"),
        ("u8", "f8"),
        (bool, "u1"),
    ],
)
def test_every_type_is_stored_without_loss(tmp_path, dtype, stored):
    data = (STACK[0, 0, 0] > 100 if dtype is bool else STACK[0, 0, 0] % 100).astype(dtype)
    write_ome_tiff(tmp_path / "a.ome.tif", data)
    image = read_tiff(tmp_path / "a.ome.tif")
    assert image.data.dtype == np.dtype(stored)
    np.testing.assert_array_equal(image.data, data)


@pytest.mark.parametrize(
    ("axes", "in_file"),
    [
        ("YXC", "CYX"),
        ("XYZ", "ZYX"),
        ("YXS", "CYX"),
        ("QYX", "TYX"),
        ("TQYXS", "TZCYX"),
        ("CYXS", "CTYX"),
        ("QQQYX", "TZCYX"),
    ],
)
def test_axes_that_ome_does_not_know_or_not_there_are_moved_and_renamed(tmp_path, axes, in_file):
    lengths = {"Y": 24, "X": 16}
    shape = tuple(lengths.get(letter, 2 + i) for i, letter in enumerate(axes))
    data = np.random.default_rng(0).integers(0, 99, shape).astype("u2")
    write_ome_tiff(tmp_path / "a.ome.tif", data, axes)
    image = read_tiff(tmp_path / "a.ome.tif")
    assert image.axes == in_file
    np.testing.assert_array_equal(image.data, np.moveaxis(data, (axes.index("Y"), axes.index("X")), (-2, -1)))


def test_more_axes_than_ome_has_are_refused(tmp_path):
    with pytest.raises(AxesError, match="three axes besides"):
        write_ome_tiff(tmp_path / "a.ome.tif", np.stack([STACK, STACK]), "QTCZYX")


def test_of_too_many_axes_those_of_length_one_are_left_out(tmp_path):
    write_ome_tiff(
        tmp_path / "a.ome.tif", STACK[:, None, :, :, None], "TQCZQYX", channel_names=["a", "b", "c"]
    )
    image = read_tiff(tmp_path / "a.ome.tif")
    assert (image.axes, image.channel_names) == ("TCZYX", ("a", "b", "c"))
    np.testing.assert_array_equal(image.data, STACK)


def test_provenance_comes_back(tmp_path):
    provenance = {
        "model": 'best "µ" <b> & {0}',
        "draws": np.int64(8),
        "shift": np.arange(2.0),
        "file": Path("in.tif"),
        "text": "line\nbreak\x00",
    }
    write_ome_tiff(tmp_path / "a.ome.tif", STACK[0, 0, 0], provenance=provenance)
    read = read_provenance(tmp_path / "a.ome.tif")
    assert read == {**provenance, "draws": 8, "shift": [0.0, 1.0], "file": "in.tif"}
    assert json.loads(json.dumps(read)) == read


def test_files_of_other_programs_have_no_provenance(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", STACK[0, 0, 0])
    tifffile.imwrite(tmp_path / "b.ome.tif", STACK[0, 0, 0], metadata={"Description": "[1, 2]"})
    write_ome_tiff(tmp_path / "c.ome.tif", STACK[0, 0, 0])
    for name, words in (("d", '{"napari_cvdm": 7}'), ("e", '{"napari_cvdm": ["a", "b"]}')):
        tifffile.imwrite(tmp_path / f"{name}.ome.tif", STACK[0, 0, 0], metadata={"Description": words})
    assert [read_provenance(path) for path in sorted(tmp_path.iterdir())] == [None] * 5
    with pytest.raises(ImageFileError, match="There is no file"):
        read_provenance(tmp_path / "z.ome.tif")


def test_an_existing_file_is_not_overwritten_unless_allowed(tmp_path):
    path = tmp_path / "a.ome.tif"
    path.write_text("precious")
    with pytest.raises(ImageFileError, match="exists already"):
        write_ome_tiff(path, STACK[0, 0, 0])
    assert path.read_text() == "precious"
    write_ome_tiff(path, STACK[0, 0, 0], overwrite=True)
    np.testing.assert_array_equal(read_tiff(path).data, STACK[0, 0, 0])
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (OSError(28, "No space left on device"), ImageFileError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (MemoryError(), MemoryError),
    ],
    ids=repr,
)
def test_failure_and_interruption_leave_the_folder_as_it_was(tmp_path, monkeypatch, fault, raised, existing):
    path = tmp_path / "a.ome.tif"
    if existing:
        path.write_text("precious")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    write = tifffile.TiffWriter.write

    def fail_half_way(writer, *args, **kwargs):
        write(writer, *args, **kwargs)
        raise fault

    monkeypatch.setattr(tifffile.TiffWriter, "write", fail_half_way)
    with pytest.raises(raised):
        write_ome_tiff(path, STACK[0, 0, 0], overwrite=True)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_full_disk_and_a_missing_folder_are_named(tmp_path, monkeypatch):
    with pytest.raises(ImageFileError, match="cannot be written: No such file or directory"):
        write_ome_tiff(tmp_path / "nowhere" / "a.ome.tif", STACK[0, 0, 0])
    (tmp_path / "file").touch()
    with pytest.raises(ImageFileError, match="cannot be written: Not a directory"):
        write_ome_tiff(tmp_path / "file" / "a.ome.tif", STACK[0, 0, 0])


def test_the_file_is_big_where_offsets_need_it(tmp_path, monkeypatch):
    def is_big():
        write_ome_tiff(tmp_path / "a.ome.tif", STACK[0, 0, 0], overwrite=True)
        with tifffile.TiffFile(tmp_path / "a.ome.tif") as tif:
            return tif.is_bigtiff

    assert not is_big()
    monkeypatch.setattr(ome_tiff, "CLASSIC_LIMIT", STACK[0, 0, 0].nbytes)
    assert is_big()


@pytest.mark.parametrize("size", [0.0, -65.0, float("nan"), float("inf")])
@pytest.mark.parametrize("argument", ["pixel_size_nm", "z_spacing_nm", "time_interval_s"])
def test_sizes_must_be_positive(tmp_path, argument, size):
    with pytest.raises(InputError, match="positive number"):
        write_ome_tiff(tmp_path / "a.ome.tif", STACK[0, 0], "ZYX", **{argument: size})
    assert list(tmp_path.iterdir()) == []


def test_names_must_fit_the_channels(tmp_path):
    with pytest.raises(InputError, match="3 channels, but 2 names"):
        write_ome_tiff(tmp_path / "a.ome.tif", STACK[0, :, 0], "CYX", channel_names=["a", "b"])
    write_ome_tiff(tmp_path / "a.ome.tif", STACK[0, 0, 0], channel_names=["bell\x07"])
    assert read_tiff(tmp_path / "a.ome.tif").channel_names == ("bell",)


def test_what_ome_cannot_hold_is_refused(tmp_path):
    with pytest.raises(InputTypeError, match="complex"):
        write_ome_tiff(tmp_path / "a.ome.tif", STACK[0, 0, 0].astype(complex))
    with pytest.raises(InputError, match="64-bit"):
        write_ome_tiff(tmp_path / "a.ome.tif", np.full((9, 9), 2**60))
    with pytest.raises(InputError, match="empty"):
        write_ome_tiff(tmp_path / "a.ome.tif", np.zeros((0, 9)))


def test_how_a_file_was_made_is_read_without_a_look_at_its_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To list the images of a set, each of its files opens all the others."""
    path = write_ome_tiff(tmp_path / "out.tif", np.zeros((8, 8), np.uint8), provenance={"seed": 3})

    def listed(_: tifffile.TiffFile) -> None:
        raise AssertionError

    monkeypatch.setattr(tifffile.TiffFile, "series", property(listed))
    assert read_provenance(path) == {"seed": 3}
