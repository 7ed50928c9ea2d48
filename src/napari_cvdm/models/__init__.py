"""The model store: weights with their cards, by name or from a file. Importing it does not import torch."""

from napari_cvdm.models.card import ModelCard
from napari_cvdm.models.errors import ModelError
from napari_cvdm.models.pretrained import PretrainedModel
from napari_cvdm.models.store import ListedModel, cache_folder, list_models, load_model
from napari_cvdm.models.weights import save_model

__all__ = [
    "ListedModel",
    "ModelCard",
    "ModelError",
    "PretrainedModel",
    "cache_folder",
    "list_models",
    "load_model",
    "save_model",
]
