"""The report as one HTML file: no script, nothing from elsewhere, readable without eyes and on paper.

SECURITY: every text is escaped by the template engine, and the page forbids itself to run or load anything: its own policy
allows one style sheet, by its hash.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

_PAGES = Environment(
    loader=PackageLoader("cityward.compose.reporting"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def policy() -> str:
    """The page's own content security policy: its style sheet, and nothing else."""
    hashed = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'"


def html_of(view: Mapping[str, Any]) -> bytes:
    """The page. view: as `shown.shown` makes it."""
    return _PAGES.get_template("report.html").render(r=view, style=_style(), policy=policy()).encode()


def _style() -> str:
    return (files("cityward.compose.reporting") / "templates" / "report.css").read_text()
