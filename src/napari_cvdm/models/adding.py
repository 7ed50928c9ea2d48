"""Adding a model to the user's own: check it, copy it, remember it under a name."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from napari_cvdm.models.added import AddedModel, added_file, change_added, read_added, unwritable
from napari_cvdm.models.addresses import as_path, is_address, is_file, may_be_used, parse_doi, shown
from napari_cvdm.models.card import check_name, one_line
from napari_cvdm.models.errors import ModelError
from napari_cvdm.models.glance import hash_of_model
from napari_cvdm.models.hashes import as_sha256, check_sha256, file_sha256
from napari_cvdm.models.registry import read_registry
from napari_cvdm.models.settings import ADDED_VARIABLE, added_folder
from napari_cvdm.models.weights import read_model

if TYPE_CHECKING:
    from napari_cvdm.models.transfer import DownloadProgress


def add_model(
    source: str | Path,
    name: str | None = None,
    *,
    sha256: str | None = None,
    conversion: Mapping[str, Any] | None = None,
    progress: DownloadProgress | None = None,
) -> str:
    """Copy a model into the user's own folder and remember it under a name.

    The file is checked as `load_model` checks it, to the end, before anything is kept of it.

    Parameters
    ----------
    source : str or Path
        A .safetensors file that ``napari-cvdm train`` wrote, a Keras .h5 file from the authors' code (which
        is converted), an https:// address, or a DOI.
    name : str, optional
        What to call it; by default as its card says, with a number if that name is taken.
    sha256 : str, optional
        The hash that the file must have, in hexadecimal; needed for an address.
    conversion : mapping, optional
        For a Keras file: what it does not say itself, as keywords of
        `napari_cvdm.models.keras_import.convert`, such as ``mean_path``, ``training_size`` and ``steps``.
    progress : DownloadProgress, optional
        Told how far a download is; may cancel it by raising.

    Returns
    -------
    str
        The name.

    Raises
    ------
    ModelError
        If the file is no model that can be used, the name is taken by another model, the hash is missing or
        wrong, or the folder cannot be written to. Nothing has changed then.
    """
    if name is not None:
        check_name(name)
        if name in read_registry():
            raise ModelError(f"'{name}' is the name of a published model: choose another one for yours.")
    sha256 = as_sha256(sha256)
    if isinstance(source, str) and _means_address(source):
        return _add_address(source, name, sha256, conversion, progress)
    path = as_path(source)
    found = hash_of_model(path)
    check_sha256(path, found, sha256)
    return _add_file(path, name, str(path.absolute()), found, conversion)


def remember_address(source: str, sha256: str | None, *, progress: DownloadProgress | None = None) -> str:
    """Return the name of the model from an address or DOI; if it is not there yet, `add_model` fetches it."""
    wanted = as_sha256(sha256)
    doi = parse_doi(source)
    for model in read_added().values():
        if added_file(model).is_file() and (
            model.source_sha256 == wanted or (wanted is None and doi is not None and model.source == str(doi))
        ):
            return model.name
    return add_model(source, sha256=sha256, progress=progress)


def _add_address(
    source: str,
    name: str | None,
    sha256: str | None,
    conversion: Mapping[str, Any] | None,
    progress: DownloadProgress | None,
) -> str:
    from napari_cvdm.models.download import Wanted, download

    doi = parse_doi(source)
    if doi is None and not may_be_used(source):
        raise ModelError(f"{shown(source)} cannot be used: a model comes from an https:// address or a DOI.")
    if doi is None and sha256 is None:
        raise ModelError(
            "A model from an address needs its sha256, so that what arrives is what was meant: ask whoever "
            f"offers it, then run: napari-cvdm models add {shown(source)} --sha256 HASH "
            "(in Python: sha256=HASH)."
        )
    said = shown(source) if doi is None else str(doi)
    ending = Path(doi.file if doi and doi.file else urlsplit(source).path).suffix.lower()
    with _workshop() as folder:
        target = folder / f"model{ending if ending in ('.h5', '.hdf5', '.keras') else '.safetensors'}"
        wanted = Wanted(f"The model from {said}", (source,), sha256)
        path = download(wanted, target, progress, variable=ADDED_VARIABLE)
        try:
            return _add_file(path, name, said, file_sha256(path), conversion)
        except ModelError as error:  # people know the address, not the temporary file
            raise ModelError(str(error).replace(str(path), said)) from error


def _add_file(
    path: Path,
    name: str | None,
    source: str,
    source_sha256: str,
    conversion: Mapping[str, Any] | None = None,
) -> str:
    """Check a file, copy it and remember it; `source_sha256` is the hash that was just found."""
    from napari_cvdm.reference.keras_file import is_hdf5

    with _workshop() as folder:
        copy = folder / "model.safetensors"
        if is_hdf5(path):
            from napari_cvdm.models.keras_import import convert

            convert(path, copy, name=name, **(conversion or {}))
            model = read_model(copy)
        elif conversion:
            raise ModelError(
                f"{path} is no Keras .h5 file, so there is nothing to say about how to convert it "
                f"({', '.join(conversion)})."
            )
        else:
            model = read_model(path, sha256=source_sha256)  # before copying: it may be of any size
            _copy(path, copy)
            if file_sha256(copy) != source_sha256:
                raise ModelError(f"{path} changed while it was copied: try again when it is complete.")
        record = AddedModel(
            name=name or model.name,
            sha256=model.sha256,
            size=copy.stat().st_size,
            summary=one_line(model.card.description),
            licence=one_line(model.card.licence),
            source=source,
            source_sha256=source_sha256,
        )
        return _keep(copy, record, named=name is not None)


def _keep(copy: Path, record: AddedModel, *, named: bool) -> str:
    """Move a checked file to its place and put it on the list, both or neither; return its name."""
    target = added_file(record)
    fresh = not target.exists()
    try:
        with change_added() as models:
            record = replace(record, name=_choose_name(record, named, models))
            try:
                copy.chmod(0o644)
                copy.replace(target)
            except OSError as error:
                raise unwritable(target.parent, error) from error
            models.setdefault(record.name, record)
    except BaseException:
        if fresh:
            with suppress(OSError):
                target.unlink()
        raise
    return record.name


def _choose_name(record: AddedModel, named: bool, models: Mapping[str, AddedModel]) -> str:
    own = record.name
    if named:
        if own in models and models[own].sha256 != record.sha256:
            raise ModelError(
                f"You already have another model named '{own}': choose another name, or remove that one "
                "first."
            )
        return own
    if same := next((model.name for model in models.values() if model.sha256 == record.sha256), None):
        return same
    taken = {"default", *read_registry().entries, *models}
    numbered = (own[:58] + f"-{number}" for number in range(2, len(taken) + 3))
    return own if own not in taken else next(name for name in numbered if name not in taken)


def _means_address(source: str) -> bool:
    return is_address(source) and ("://" in source or not is_file(as_path(source)))


@contextmanager
def _workshop() -> Iterator[Path]:
    """Give a temporary folder on the disk of the user's models, out of which files can be moved at once."""
    from napari_cvdm.models.download import WORKSHOP_PREFIX, sweep

    folder = added_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        workshop = tempfile.TemporaryDirectory(prefix=WORKSHOP_PREFIX, dir=folder)
    except OSError as error:
        raise unwritable(folder, error) from error
    with workshop as path:
        yield Path(path)


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise unwritable(added_folder(), error) from error
