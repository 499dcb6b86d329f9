"""Models of other tools, in: which formats there are, and a fragment of a declaration from their files.

INVARIANT: the bytes of an import are bounded before they are read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from cityward.adapters.exchange.imports import importers
from cityward.adapters.exchange.imports.contract import Assumed, DecodeErrors, File, Imported, Unmapped
from cityward.adapters.exchange.imports.draft import Draft
from cityward.adapters.exchange.imports.selection import EVERYTHING
from cityward.adapters.exchange.imports.yaml_text import fragment_text
from cityward.errors import DecodeError
from cityward.guard.reasons import Reason
from cityward.place.model import Place

__all__ = [
    "EVERYTHING", "Assumed", "DecodeErrors", "File", "Imported", "Unmapped", "fragment_text", "import_formats", "import_model",
    "read_files", "registers",
]  # fmt: skip

MAX_IMPORT_BYTES = 512 * 2**20  # of all files together; each format has its own, smaller bounds


def import_formats() -> dict[str, str]:
    """The formats that can be imported, each with a title."""
    return {importer.format: importer.title for importer in importers().values()}


def registers() -> tuple[str, ...]:
    """The formats of which single parties can be taken, with everyone above them."""
    return tuple(importer.format for importer in importers().values() if importer.schemes is not None)


def import_model(
    format: str, files: Sequence[File], beside: Place | None = None, only: Collection[str] = ()
) -> Imported:
    """A fragment of a declaration from files of another tool.

    Args:
        format: one of `import_formats`.
        files: of one format, read as one.
        beside: the place it will be included in; ids are kept apart from those there, jurisdictions and, by their
            identifiers, parties are shared.
        only: of one of `registers`: identifiers, or ids of parties of the place, to take with everyone above them; `EVERYTHING`
            takes all. Left out, the parties of `beside` that have an identifier are taken.

    Raises:
        DecodeError: the files cannot be read as that format.
        KeyError: there is no such format.
    """
    importer = importers()[format]
    if importer.schemes is None:
        only, schemes = (EVERYTHING,), ()
    else:
        schemes = importer.schemes
    draft = Draft(format, beside, only, schemes)
    importer.read(files, draft)
    return draft.done()


def read_files(paths: Sequence[Path]) -> list[File]:
    """The bytes of files.

    Raises:
        DecodeError: they are too large.
        OSError: one cannot be read.
    """
    files: list[File] = []
    left = MAX_IMPORT_BYTES
    for path in paths:
        with path.open("rb") as opened:
            raw = opened.read(left + 1)
        if len(raw) > left:
            what = f"the files are larger than {MAX_IMPORT_BYTES >> 20} MiB"
            raise DecodeError(Reason.TOO_LARGE.name, what, where=path.name, mend="import a part of them")
        left -= len(raw)
        files.append(File(path.name, raw))
    return files
