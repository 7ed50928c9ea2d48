"""Result layers: what they are called and how they look; where they lie is decided in `placement`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from napari_cvdm.plugin.results.placement import Placement, where_it_lies

if TYPE_CHECKING:
    from napari.layers import Image

METADATA_KEY = "napari_cvdm"
"""Key of a result layer's ``metadata`` under which its provenance is kept."""

DRAWS_KEY = "napari_cvdm_draws"
"""Key of a reconstruction's ``metadata`` under which its single draws are kept, if they are.

They are float32, with one more axis in front than the reconstruction."""

CHANNELS_KEY = "napari_cvdm_channels"
"""Key of a result layer's ``metadata`` under which the contrast limits of its channels are kept.

They are a dict: ``axis``, the layer's axis along which the channels lie, of how many (``ndim``), and
``limits``, by the channels' numbers."""

PIXEL_SIZE_KEY = "napari_cvdm_pixel_size"
"""Key of the ``metadata`` of a layer that may lie in pixels, and was opened from a saved file or shows a
result: the side of its pixels in nanometres, as the file or the run tells it."""

FOR_SHOW = {"napari_cvdm_for_show": True}
"""What the ``metadata`` of the plugin's other layers say: pictures and marks that are no results.

It is no business of files: what the user saves of them comes back as the user's own."""

Picture = Literal["reconstruction", "uncertainty"]

PICTURES: tuple[Picture, Picture] = ("reconstruction", "uncertainty")
"""The two pictures of a restoration."""

LayerData = tuple[Any, dict[str, Any], str]
"""What napari makes a layer of: data, attributes and type."""

#: Orange that covers the reconstruction where the model is unsure, and not where it is sure.
#: It is never quite opaque: the structure below stays to be seen.
#: Orange on grey can be told apart with every kind of colour blindness, and the structures stay visible.
_ORANGE = (1.0, 0.37, 0.0)
#: Opacity where the uncertainty is greatest.
_MOST = 0.85


@dataclass(frozen=True)
class InputLayer:
    """What a result needs to know about the layer it is made from, taken once when a run starts.

    A copy, so that moving, renaming or deleting the layer in mid-run can do no harm.

    Attributes
    ----------
    name : str
        The layer's name.
    place : dict
        As `where_it_lies` tells it.
    colormap : object
        The layer's napari colour map, or None for an RGB layer.
    blending : str
        napari's name of the blending mode.
    """

    name: str
    place: dict[str, Any]
    colormap: Any
    blending: str

    @classmethod
    def of(cls, layer: Image) -> InputLayer:
        """Take down what a result of ``layer`` needs to know."""
        colormap = None if layer.rgb else layer.colormap
        return cls(layer.name, where_it_lies(layer), colormap, str(layer.blending))

    def with_channel_axis(self) -> InputLayer:
        """Return the same with an axis for channels in front, which a layer of colours does not have."""
        from napari.utils.transforms import transform_utils

        place, ndim = self.place, len(self.place["scale"]) + 1
        return replace(
            self,
            place={
                "scale": (1.0, *place["scale"]),
                "translate": (0.0, *place["translate"]),
                "rotate": transform_utils.rotate_to_matrix(place["rotate"], ndim=ndim),
                "shear": transform_utils.shear_to_matrix(place["shear"], ndim=ndim),
                "affine": transform_utils.embed_in_identity_matrix(place["affine"], ndim + 1),
                # Units of one kind: napari wants all layers of a viewer to agree.
                "units": (place["units"][0], *place["units"]),
                "axis_labels": ("c", *place["axis_labels"]),
            },
        )


def result_metadata(
    source: InputLayer,
    picture: Picture,
    placement: Placement,
    taken_names: Collection[str],
    part_words: str = "",
) -> dict[str, Any]:
    """Make the keyword arguments of a result layer, but for ``data``, ``contrast_limits`` and ``metadata``.

    Its pixels lie in the layer ``source`` where ``placement`` says. ``taken_names`` are those of the layers
    in the viewer, ``part_words`` what the restored part is called, if it is not the whole.
    """
    return {
        "name": unique_name(_base_name(source.name, picture, part_words), taken_names),
        **placement.within(source.place),
        "rgb": False,  # otherwise a width of 3 or 4 pixels would be taken for colour
        "multiscale": False,
        **_appearance(source, picture),
    }


def _appearance(source: InputLayer, picture: Picture) -> dict[str, Any]:
    if picture == "uncertainty":
        return {"colormap": uncertainty_colormap(), "blending": "translucent_no_depth"}
    return {
        "colormap": "gray" if source.colormap is None else source.colormap,
        # "opaque" would hide layers of other channels for no reason of the user's making.
        "blending": "translucent_no_depth" if source.blending == "opaque" else source.blending,
    }


def uncertainty_colormap() -> Any:
    """Make the colour map of uncertainties: nothing at the lower contrast limit, orange at the upper."""
    from napari.utils.colormaps import Colormap

    return Colormap([(*_ORANGE, alpha) for alpha in (0.0, _MOST)], name="CVDM uncertainty")


def _base_name(name: str, picture: Picture, part_words: str) -> str:
    of = f"{name} ({part_words})" if part_words else name
    return f"{of} CVDM" if picture == "reconstruction" else f"{of} CVDM uncertainty"


def unique_name(name: str, taken: Collection[str]) -> str:
    """Return ``name``, or ``name [1]``, ``name [2]`` ... as napari numbers them, whichever is free first."""
    candidate, number = name, 0
    while candidate in taken:
        number += 1
        candidate = f"{name} [{number}]"
    return candidate


def real(thing: Any) -> Any:
    """Return what stands behind one of the proxies that napari hands to plugins, or the thing itself."""
    return getattr(thing, "__wrapped__", thing)


def full_data(layer: Image) -> Any:
    """Return a layer's data at full resolution."""
    return layer.data[0] if layer.multiscale else layer.data


def channels_of(metadata: Mapping[str, Any], ndim: int) -> dict[str, Any] | None:
    """Return what is kept of the channels of a layer of so many axes; None if nothing is.

    What napari makes of a result by splitting or projecting it has its metadata, but not all of its axes.
    """
    kept: dict[str, Any] | None = metadata.get(CHANNELS_KEY)
    return kept if kept is not None and kept["ndim"] == ndim else None


def is_result(layer: Any) -> bool:
    """Whether a layer is a result of this plugin.

    Labels that napari or the user has made of a result have its metadata, and are none.
    """
    from napari.layers import Image

    return isinstance(layer, Image) and METADATA_KEY in layer.metadata


def is_for_show(layer: Any) -> bool:
    """Whether a layer shows or marks something about a result: there is nothing to restore in it."""
    return FOR_SHOW.keys() <= getattr(layer, "metadata", {}).keys()
