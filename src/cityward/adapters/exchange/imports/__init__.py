"""Other tools' models, read into a fragment of a declaration: parties, systems, flows, ... and what could not be carried over.

Lives here: the importers, found by scanning `formats/`, and what they share: reading bounded documents (`documents`) and
tables (`tables`), tolerant access (`fields`), ids (`naming`), the fragment in the making (`draft`) and its text (`yaml_text`).
Does not live here: the declaration's own reader (`place.loader`), which judges the fragment once it is included.

INVARIANTS
- Whatever the bytes, an importer returns or raises `DecodeError`.
- Nothing is dropped in silence: what has no place in a declaration is in `unmapped`, what was filled in is in `assumed`.
- Nothing is claimed that the file does not say: it is `unknown`, or `assumed` on a record with `evidence: unknown`.
- No file is refused for a word or field that is not known here; one that has nothing else is of another format, and is.
- Time and memory are linear in the size of the files, which are bounded.
- The same files give the same fragment.

To add a format: a module or package in `formats/` that has `FORMAT`, `TITLE` and `read(files, draft)`; a register of parties has
`SCHEMES` too. The conformance suite finds it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cityward.adapters.exchange.imports import formats
from cityward.adapters.exchange.imports.contract import File
from cityward.adapters.exchange.imports.draft import Draft


@dataclass(frozen=True, slots=True)
class Importer:
    """One format. `read` raises `DecodeError` alone."""

    format: str
    title: str
    read: Callable[[Sequence[File], Draft], None]
    schemes: tuple[str, ...] | None
    """Of a register, whose parties can be chosen by `draft.wanted`: the schemes of its identifiers, none where it has any."""


def importers() -> dict[str, Importer]:
    """Every importer by the word that names its format (`threagile`, `otm`, `bods`, ...).

    Raises:
        ImportError: a module does not import.
        ValueError: two modules claim the same format.
    """
    found: dict[str, Importer] = {}
    for name in sorted(info.name for info in pkgutil.iter_modules(formats.__path__)):
        module = importlib.import_module(f"{formats.__name__}.{name}")
        if module.FORMAT in found:
            raise ValueError(f"two importers call themselves `{module.FORMAT}`; the second is {module.__name__}")
        found[module.FORMAT] = Importer(module.FORMAT, module.TITLE, module.read, getattr(module, "SCHEMES", None))
    return found
