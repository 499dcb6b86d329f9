"""The report as a tagged PDF (PDF/UA-1), by typst, where the extra `report` is installed.

Typst checks what PDF/UA-1 asks and a machine can check, and refuses to write a file that breaks it. The same report gives the
same bytes: the moment in the file is the report's, and only the fonts that ship with typst are used.

SECURITY: texts of the city go in as data. The characters are held to those that these fonts have: a glyph that is missing would
be a box that says nothing, which PDF/UA forbids.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from importlib.util import find_spec
from typing import Any

import msgspec

from cityward.errors import LinkError

EXTRA = "pip install 'cityward[report]'"
_STRANGE = re.compile(
    "[^\n\x20-\x7e\xa0-\u024f\u0370-\u0377\u037a-\u037f\u0384-\u03ff\u0400-\u045f\u2010-\u2027\u2030-\u203a\u20ac\u2190-\u2195]"
)
_INSTEAD = "\u25a1"  # a box, which the fonts have


def pdf_at_hand() -> bool:
    """Whether typst is installed."""
    return find_spec("typst") is not None


def pdf_of(view: Mapping[str, Any], at_us: int) -> bytes:
    """The file. view: as `shown.shown` makes it. at_us: the report's moment.

    Raises:
        LinkError: typst is not installed, or refused the document.
    """
    try:
        import typst  # noqa: PLC0415 - an extra
    except ImportError:
        raise LinkError("a PDF needs typst, which is not installed", mend=EXTRA) from None
    source = (files("cityward.compose.reporting") / "templates" / "report.typ").read_bytes()
    words = _STRANGE.sub(_INSTEAD, msgspec.json.encode(view).decode())
    compiler = typst.Compiler(source, ignore_system_fonts=True, sys_inputs={"report": words})
    try:
        made = compiler.compile(format="pdf", pdf_standards=["ua-1"], timestamp=at_us // 1_000_000)
    except typst.TypstError as error:
        raise LinkError(
            f"typst refused the report: {str(error)[:300]}", mend="report it: the other forms are whole"
        ) from None
    if not isinstance(made, bytes):
        raise LinkError("typst wrote no file", mend="report it: the other forms are whole")
    return made
