"""Samples by format, and a tiny place that a fragment is included in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cityward.compose.asking.imports import File, Imported, fragment_text, import_model
from cityward.place.loader import Loaded, load

SAMPLES = Path(__file__).parent / "samples"

TINY = """\
place: tinytown
name: Tinytown
position: [2.3, 54.9]
responsible: council
jurisdictions:
  xa: {code: XA, home: true}
  brennmark: {code: XB}
parties:
  council: {kind: public-body, incorporated_in: xa}
"""

Include = Callable[[Imported], Loaded]
Read = Callable[..., Imported]


@pytest.fixture
def sample() -> Callable[[str], list[File]]:
    return lambda format: [File(path.name, path.read_bytes()) for path in sorted((SAMPLES / format).iterdir())]


@pytest.fixture
def read() -> Read:
    """Import text or bytes under a file name."""

    def _read(format: str, raw: str | bytes, name: str = "model") -> Imported:
        return import_model(format, [File(name, raw.encode() if isinstance(raw, str) else raw)])

    return _read


@pytest.fixture
def tiny() -> Loaded:
    return load("place.yaml", lambda name: TINY.encode())


@pytest.fixture
def include() -> Include:
    """Load the tiny place with a fragment included."""

    def _include(imported: Imported) -> Loaded:
        files = {"place.yaml": TINY + "include: [fragment.yaml]\n", "fragment.yaml": fragment_text(imported.fragment)}
        return load("place.yaml", lambda name: files[name].encode())

    return _include
