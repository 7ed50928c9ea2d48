"""What the form says becomes jobs for the right pixels."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Shapes

from napari_cvdm.models.card import ModelCard
from napari_cvdm.plugin.image.answers import Answers
from napari_cvdm.plugin.image.reading import read_layer
from napari_cvdm.plugin.panel.form import Form
from napari_cvdm.plugin.results.layers import FOR_SHOW, METADATA_KEY
from napari_cvdm.plugin.running.plan import results_size
from napari_cvdm.plugin.running.planning import jobs_of, layers_to_restore, part_choices, plan_of, shapes_of
from napari_cvdm.plugin.viewer.preferences import Preferences
from napari_cvdm.plugin.viewer.world import Sliders
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.timing import Speed

SHAPE = (5, 3, 40, 60)


def a_card(**settings: object) -> ModelCard:
    settings = {"upscaling": 2, **settings}
    return ModelCard(name="a", description="", architecture={}, default_steps=6, **settings)


@pytest.fixture
def stack() -> Image:
    return Image(
        np.arange(np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE),
        name="cell",
        axis_labels=("t", "c", "y", "x"),
    )


@pytest.fixture
def shapes() -> Shapes:
    return Shapes([np.array([[10.0, 20.0], [10.0, 39.0], [29.0, 39.0], [29.0, 20.0]])])


@pytest.fixture
def form(qtbot, stack, shapes):
    def parts() -> list[tuple[str, object]]:
        return part_choices(read_layer(stack), [shapes])

    form = Form(lambda: [(stack.name, stack)], parts, Preferences())
    qtbot.addWidget(form)
    form.inquiry.ask(read_layer(stack))
    return form


def test_only_the_user_s_own_layers_are_offered():
    viewer = ViewerModel()
    image, shapes = viewer.add_image(np.zeros((9, 9))), viewer.add_shapes()
    viewer.add_labels(np.zeros((9, 9), int))
    for metadata in (FOR_SHOW, {METADATA_KEY: {}}):
        viewer.add_image(np.zeros((9, 9)), metadata=metadata)
    viewer.add_shapes(metadata=FOR_SHOW)
    assert layers_to_restore(viewer) == [(image.name, image)]
    assert shapes_of(viewer) == [shapes]


@pytest.mark.parametrize(
    ("part", "ticks", "words"),
    [
        ("plane", (True, False, True), "The viewer shows channel 1, which has no tick"),
        ("plane", (False, False, False), "No channel has a tick"),
        ("all", (False, False, False), "No channel has a tick"),
    ],
)
def test_why_no_channel_is_left_is_said(form, stack, part, ticks, words):
    form.part.value = part
    form.inquiry.ask(read_layer(stack), Answers(ticks={1: ticks}))
    with pytest.raises(InputError, match=words):
        jobs_of(form, read_layer(stack), Sliders((3, 1, 0, 0)))


def test_a_single_plane_is_no_part_of_a_single_plane():
    single = read_layer(Image(np.zeros((9, 9))))
    assert [choice for _, choice in part_choices(single, [])] == ["all", "view"]
    shapes = Shapes(name="Region")
    words, choice = part_choices(single, [shapes])[-1]
    assert "Region" in words
    assert choice is shapes


def test_channels_that_are_too_many_to_be_asked_about_are_all_restored(qtbot):
    stack = Image(np.zeros((13, 40, 60), np.uint16), axis_labels=("c", "y", "x"))
    reading = read_layer(stack)
    form = Form(lambda: [("spectrum", stack)], lambda: part_choices(reading, []), Preferences())
    qtbot.addWidget(form)
    form.inquiry.ask(reading)
    (job,) = jobs_of(form, reading, Sliders((2, 0, 0)))
    assert (job.part, job.first_plane) == (None, (2,))
    form.part.value = "plane"
    (job,) = jobs_of(form, reading, Sliders((2, 0, 0)))
    assert job.part.describe()[0] == [2, 3, 1]


@pytest.mark.parametrize(("part", "refused"), [("plane", True), ("view", True), ("all", False)])
def test_what_is_on_the_screen_is_a_part_only_if_it_is_rows_and_columns(form, stack, part, refused):
    form.part.value = part
    corners = [(0, 0, 10, 20), (0, 0, 29, 39)]
    with pytest.raises(InputError, match="rows and columns") if refused else nullcontext():
        jobs_of(form, read_layer(stack), Sliders((0, 0, 0, 0), corners=corners, displayed=(1, 3)))
    jobs_of(form, read_layer(stack), Sliders((0, 0, 0, 0), corners=corners, displayed=(3, 2)))


def test_everything_needs_no_cutting(form, stack):
    (job,) = jobs_of(form, read_layer(stack), Sliders((3, 1, 0, 0)))
    assert job.part is None
    assert job.first_plane == (3, 1)  # what the user looks at comes first


def test_tiles_in_the_middle_of_the_view_come_first(form, stack, shapes):
    reading, point = read_layer(stack), (3, 1, 0, 0)
    (job,) = jobs_of(form, reading, Sliders(point))
    assert job.first_place == (0.5, 0.5)  # of a volume that is seen from the side
    view = Sliders(point, corners=[(3, 1, 20, 0), (3, 1, 28, 48)])
    (job,) = jobs_of(form, reading, view)
    assert job.first_place == pytest.approx((24 / 40, 24 / 60))
    form.part.value = shapes  # rows 10 to 29, columns 20 to 39
    (job,) = jobs_of(form, reading, view)
    assert job.first_place == pytest.approx((14 / 20, 4 / 20))
    (job,) = jobs_of(form, reading, Sliders(point, corners=[(3, 1, 0, 50), (3, 1, 8, 60)]))
    assert job.first_place == (0, 1)  # what is in view lies outside


def test_the_current_plane_is_the_one_the_sliders_stand_at(form, stack):
    form.part.value = "plane"
    (job,) = jobs_of(form, read_layer(stack), Sliders((3, 1, 0, 0)))
    assert job.part.shape == (1, 1, 40, 60)
    assert job.part.describe()[:2] == [[3, 4, 1], [1, 2, 1]]
    assert job.first_plane == (0, 0)


def test_skipped_channels_are_not_restored(form, stack):
    reading = read_layer(stack)
    form.inquiry.channels[1].setChecked(False)
    (job,) = jobs_of(form, reading, Sliders((3, 1, 0, 0)))
    assert job.part.describe()[1] == [0, 3, 2]
    assert job.first_plane is None  # the plane that is looked at is left out
    assert plan_of(form, reading, Sliders((0, 0, 0, 0)), None).planes == 10


def test_a_rectangle_cuts_all_planes(form, stack, shapes):
    form.part.value = shapes
    (job,) = jobs_of(form, read_layer(stack), Sliders((0, 0, 0, 0)))
    assert job.part.shape == (5, 3, 20, 20)


def test_the_plan_counts_the_work(form, stack):
    reading = read_layer(stack)
    plan = plan_of(form, reading, Sliders((0, 0, 0, 0)), None)
    assert (plan.planes, plan.plane_shape, plan.seconds) == (15, (40, 60), None)
    speed = Speed(first_pass=1e-6, step=1e-6, tile=1000, halo=0, steps=6, device="cpu")
    slow = plan_of(form, reading, Sliders((0, 0, 0, 0)), speed)
    assert slow.seconds == pytest.approx(15 * 72 * 92 * 1e-6 * (1 + 8 * 6))
    far = replace(speed, halo=50)
    corners = [(0, 0, 10, 20), (0, 0, 10, 39), (0, 0, 29, 39), (0, 0, 29, 20)]
    form.part.value = "view"  # whose pixels depend on the surroundings: here on all the plane
    part = plan_of(form, reading, Sliders((0, 0, 0, 0), corners=corners), far)
    assert (part.plane_shape, part.seconds) == ((20, 20), pytest.approx(slow.seconds / 15))
    form.part.value = "all"
    form.keep_draws.value = True
    kept = plan_of(form, reading, Sliders((0, 0, 0, 0)), None)
    assert kept.memory > plan.memory
    pixels = 15 * 40 * 60
    assert (plan.results, kept.results) == (results_size(pixels), results_size(pixels, kept_draws=8))


@pytest.mark.parametrize("finer", [1, 4])
def test_the_plan_counts_the_finer_pixels_of_the_model(form, stack, finer):
    plan = plan_of(form, read_layer(stack), Sliders((0, 0, 0, 0)), None, a_card(upscaling=finer))
    pixels = 15 * 40 * 60
    assert plan.results == pixels * 2 * 4 * finer**2
    assert plan.memory == pixels * 2 + 2 * plan.results


def test_the_plan_counts_what_resampling_makes_of_the_image(form, stack):
    reading, card = read_layer(stack), a_card(pixel_size_nm=(40.0, 100.0))
    form.pixel_size.setValue(300)
    as_it_is = plan_of(form, reading, Sliders((0, 0, 0, 0)), None, card)
    assert as_it_is.plane_shape == (40, 60)  # nobody has accepted the offer
    form.set_mismatch("Your pixels are larger.", "Resample to 100 nm first")
    form.resample.setChecked(True)
    speed = Speed(first_pass=1e-6, step=1e-6, tile=1000, halo=0, steps=6, device="cpu")
    plan = plan_of(form, reading, Sliders((0, 0, 0, 0)), speed, card)
    assert (plan.planes, plan.plane_shape) == (15, (120, 180))
    assert plan.seconds == pytest.approx(15 * 152 * 212 * 1e-6 * (1 + 8 * 6))
    # The image as it is, a resampled plane of it, and mean and deviation, shown and computed, twice as fine.
    assert plan.memory == 15 * (40 * 60 * 2 + 120 * 180 * 4 * 4 * 4) + 120 * 180 * 8
    corners = [(0, 0, 10, 20), (0, 0, 10, 39), (0, 0, 29, 39), (0, 0, 29, 20)]
    form.part.value = "view"
    part = plan_of(form, reading, Sliders((0, 0, 0, 0), corners=corners), None, card)
    assert (part.planes, part.plane_shape) == (1, (60, 60))
    # The whole plane is resampled all the same.
    assert part.memory == 20 * 20 * 2 + 120 * 180 * 8 + 60 * 60 * 4 * 4 * 4


def test_an_image_of_one_value_is_refused_and_one_with_a_single_spot_is_not(form, stack):
    sliders = Sliders((0, 0, 0, 0))
    stack.data = np.full(SHAPE, 7, np.uint16)
    with pytest.raises(InputError, match="image is constant"):
        plan_of(form, read_layer(stack), sliders, None)
    stack.data[3, 1, 33, 41] = 8  # beside the few pixels that are looked at first
    assert plan_of(form, read_layer(stack), sliders, None).planes == 15


def test_colours_count_as_channels_if_they_are_restored_as_such(qtbot):
    picture = Image(np.dstack([np.eye(40, 60, dtype=np.uint8)] * 3), rgb=True)
    reading = read_layer(picture)
    form = Form(lambda: [("snap", picture)], lambda: part_choices(reading, []), Preferences())
    qtbot.addWidget(form)
    form.inquiry.ask(reading)
    assert plan_of(form, reading, Sliders((0, 0)), None).planes == 1
    form.inquiry.ask(reading, Answers(colours="channels"))
    assert plan_of(form, reading, Sliders((0, 0)), None).planes == 3
    (job,) = jobs_of(form, reading, Sliders((0, 0)))
    assert job.image_axes == "CYX"
    assert job.first_plane is None
    form.pixel_size.setValue(300)
    form.set_mismatch("Your pixels are larger.", "Resample to 100 nm first")
    form.resample.setChecked(True)
    plan = plan_of(form, reading, Sliders((0, 0)), None, a_card(pixel_size_nm=(40.0, 100.0)))
    assert plan.memory == 3 * (40 * 60 + 120 * 180 * 4 * 4 * 4) + 120 * 180 * 8


def test_an_image_without_planes_is_refused(form, stack):
    empty = replace(read_layer(stack), shape=(0, *SHAPE[1:]))
    with pytest.raises(InputError, match="is empty"):
        plan_of(form, empty, Sliders((0.0,) * len(SHAPE)), None)
