"""Uploaded files, wherever the storage keeps them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db.models.fields.files import FieldFile


@contextmanager
def on_this_machine(stored: FieldFile, *, name: str) -> Iterator[Path]:
    """Give a stored file's path, or that of a copy under the name where the storage is elsewhere."""
    path = _path_in_storage(stored)
    if path is not None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="stored-file-") as folder:
        path = Path(folder) / Path(name).name
        with stored.open("rb") as source, path.open("wb") as copy:
            shutil.copyfileobj(source, copy)
        yield path


def _path_in_storage(stored: FieldFile) -> Path | None:
    try:
        path = Path(stored.path)
    except NotImplementedError:
        return None
    return path if path.is_file() else None
