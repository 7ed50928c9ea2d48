"""The model store: weights with their cards, by name or from a file. Importing it does not import torch."""

from napari_cvdm.models.adding import add_model
from napari_cvdm.models.card import ModelCard
from napari_cvdm.models.errors import ModelError
from napari_cvdm.models.pretrained import PretrainedModel
from napari_cvdm.models.settings import cache_folder
from napari_cvdm.models.store import ListedModel, list_models, load_model
from napari_cvdm.models.upkeep import Verified, remove_model, verify_models
from napari_cvdm.models.weights import save_model

__all__ = [
    "ListedModel",
    "ModelCard",
    "ModelError",
    "PretrainedModel",
    "Verified",
    "add_model",
    "cache_folder",
    "list_models",
    "load_model",
    "remove_model",
    "save_model",
    "verify_models",
]
