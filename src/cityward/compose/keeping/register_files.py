"""A register as a file: CSV for a sheet, or one HTML page that needs nothing else.

SECURITY: what stands in a cell was written by others. In CSV a cell that a sheet would take for a formula gets an apostrophe; in
HTML everything is escaped, and the page runs no script and loads nothing.

INVARIANT: the same register gives the same bytes: no time of making stands in a file.
"""

from __future__ import annotations

import csv
import io

import msgspec
from jinja2 import Environment, StrictUndefined

from cityward.compose.keeping.registers import UNDECLARED, Processing, Register, Transfer
from cityward.text import harmless, harmless_cell

_TITLES = {"processing": "Records of processing", "transfers": "Register of transfers"}

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width"><title>{{ title }}: {{ register.place }}</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem; color: CanvasText; background: Canvas; color-scheme: light dark }
table { border-collapse: collapse; font-size: 13px }
th, td { border: 1px solid GrayText; padding: .35rem .5rem; text-align: left }
th { position: sticky; top: 0; background: Canvas } td { vertical-align: top; overflow-wrap: anywhere; max-width: 18rem }
tr.undeclared td { border-left: .4rem solid #b3261e } .findings { border: 2px solid #b3261e; padding: .5rem 1rem }
</style></head><body>
<h1>{{ title }}</h1>
<p>{{ register.place }}. Controller: {{ register.controller }}. Declaration {{ register.declaration }}.
Held against {{ register.seen }} receipts.</p>
{% if register.findings %}<div class="findings"><h2>Observed, and not declared so</h2><ul>
{% for one in register.findings %}<li>{{ one }}</li>
{% endfor %}</ul></div>
{% endif %}<table><thead><tr>{% for name in names %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead><tbody>
{% for row in rows %}<tr{% if row.undeclared %} class="undeclared"{% endif %}>
{% for cell in row.cells %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table>
</body></html>
"""


def register_csv(register: Register) -> str:
    """One line a row, the names of the columns first."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(_names(register))
    for row in register.rows:
        lines.writerow([harmless_cell(value) for value in _values(row)])
    return out.getvalue()


def register_html(register: Register) -> str:
    """A page of its own."""
    # SECURITY: autoescape is on for every text; the template is ours
    page = Environment(autoescape=True, undefined=StrictUndefined).from_string(_PAGE)
    rows = [
        {"cells": [harmless(v) for v in _values(row)], "undeclared": row.observed == UNDECLARED}
        for row in register.rows
    ]
    names = [name.replace("_", " ") for name in _names(register)]
    return page.render(title=_TITLES[register.kind], register=register, names=names, rows=rows) + "\n"


def _names(register: Register) -> tuple[str, ...]:
    kind = Processing if register.kind == "processing" else Transfer
    return kind.__struct_fields__


def _values(row: Processing | Transfer) -> list[str]:
    return [_text(value) for value in msgspec.structs.astuple(row)]


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return "; ".join(str(one) for one in value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
