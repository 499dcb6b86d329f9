"""The data chain picture as SVG text: for a page that embeds it, and as a file of its own.

Lives here: shapes, words and classes. Does not live here: positions (`reach.picture`), pan and zoom (the console).

INVARIANTS
- No script, no event handler, no style attribute, no reference to anything outside: it passes a strict CSP.
- Without any style sheet it is readable on white and on black: presentation attributes with mid tones carry it. How a flow
  is known shows in the dashes, not in colour alone.
- Every text is escaped, and characters that XML forbids, or that turn or hide letters, are marked (`text.harmless`).
"""

from __future__ import annotations

from html import escape
from itertools import pairwise

from cityward.reach.picture import Picture, PictureEdge, PictureNode
from cityward.text import harmless

CHARACTER_WIDTH = 7.0  # of 12 px system fonts, the wide ones too; a box must not overflow
TEXT_INSET = 12.0

_INK = {"device": "#2f8f7d", "system": "#5b7fa6", "party": "#a0762a"}
_DASHES = {"enforced": "", "imported": "7 4", "inferred": "2 4", "not-observable": "1 7"}
_WORDS = {
    "enforced": "enforced here",
    "imported": "observed by import",
    "inferred": "inferred",
    "not-observable": "not observable",
}

_STYLE = """<style>
.chain{font:12px/1.2 system-ui,sans-serif}
.box{fill:#ffffff;stroke:#c9d0ce}.title{fill:#1a2326}.subtitle{fill:#55636a}.flow{stroke:#7d8b90}.head{fill:#7d8b90}
.flow.is-lit{stroke:#d9480f}.is-lit .box{stroke:#d9480f;stroke-width:2}
@media (prefers-color-scheme:dark){.box{fill:#182025;stroke:#34414a}.title{fill:#e3eaed}.subtitle{fill:#93a2ab}
.flow{stroke:#6c7c86}.head{fill:#6c7c86}}
</style>"""

Lit = tuple[frozenset[str], frozenset[str]]
"""Ids of the nodes and of the flows that an answer passes."""

NONE_LIT: Lit = (frozenset(), frozenset())

_BRIGHT = "#d9480f"


def chain_svg(picture: Picture) -> str:
    """SVG to embed in a page, coloured by the page's style sheet (`.box .title .subtitle .flow .head`, `.is-<kind>`)."""
    return _svg(picture, "")


def chain_svg_file(picture: Picture, lit: Lit = NONE_LIT) -> str:
    """SVG that stands alone, with its own light and dark colours; what is `lit` stands out from the rest."""
    return _svg(picture, _STYLE, lit)


def curve(points: tuple[tuple[float, float], ...]) -> str:
    """SVG path data: level at every point, S-shaped between two of different height."""
    x0, y0 = points[0]
    parts = [f"M{_n(x0)} {_n(y0)}"]
    for (ax, ay), (bx, by) in pairwise(points):
        if ay == by:
            parts.append(f"H{_n(bx)}")
        else:
            middle = _n((ax + bx) / 2)
            parts.append(f"C{middle} {_n(ay)} {middle} {_n(by)} {_n(bx)} {_n(by)}")
    return "".join(parts)


def _svg(picture: Picture, style: str, lit: Lit = NONE_LIT) -> str:
    width, height = _n(picture.width), _n(picture.height)
    return "".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="chain" viewBox="0 0 {width} {height}" width="{width}"',
            f' height="{height}" role="img" aria-labelledby="chain-title chain-desc" font-family="system-ui, sans-serif"',
            ' font-size="12"><title id="chain-title">Data chains</title>',
            f'<desc id="chain-desc">{_text(_described(picture))}</desc>{style}',
            "<defs>",
            '<marker id="chain-head" class="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"',
            ' orient="auto" fill="#808d92"><path d="M0 0.8L7.5 4L0 7.2z"/></marker>',
            "</defs>",
            f'<g class="flows" fill="none">{"".join(_edge(edge, _tone(edge.flow, lit[1], lit)) for edge in picture.edges)}</g>',
            f'<g class="nodes">{"".join(_node(node, _tone(node.id, lit[0], lit)) for node in picture.nodes)}</g></svg>',
        )
    )


def _described(picture: Picture) -> str:
    kinds = [node.kind for node in picture.nodes]
    return (
        f"{len(picture.edges)} flows between {kinds.count('device')} kinds of device, {kinds.count('system')} systems "
        f"and {kinds.count('party')} parties, drawn from left to right."
    )


def _tone(name: str, bright: frozenset[str], lit: Lit) -> str:
    """The class of a thing beside what is lit: nothing when nothing is."""
    if not any(lit):
        return ""
    return " is-lit" if name in bright else " is-off"


_FADED = {" is-off": ' opacity="0.3"'}


def _edge(edge: PictureEdge, tone: str) -> str:
    dashes = _DASHES.get(edge.observability, "")
    known = _WORDS.get(edge.observability, edge.observability)
    dash = f' stroke-dasharray="{dashes}"' if dashes else ""
    words = f"{edge.title}: {', '.join(edge.datasets)}, for {edge.purpose}; {known}"
    return (
        f'<path class="flow is-{_text(edge.observability)}{tone}" data-flow="{_text(edge.flow)}" d="{curve(edge.points)}"'
        f' stroke="{_BRIGHT if tone == " is-lit" else "#808d92"}" stroke-width="{2.4 if tone == " is-lit" else 1.4}"'
        f'{dash}{_FADED.get(tone, "")} marker-end="url(#chain-head)"><title>{_text(words)}</title></path>'
    )


def _node(node: PictureNode, tone: str) -> str:
    middle = node.y + node.h / 2
    ink = _INK.get(node.kind, "#808d92")
    return (
        f'<g class="node is-{_text(node.kind)}{tone}" data-node="{_text(node.id)}"{_FADED.get(tone, "")}>'
        f"<title>{_text(f'{node.title} ({node.kind}): {node.subtitle}')}</title>"
        f'<rect class="box" x="{_n(node.x)}" y="{_n(node.y)}" width="{_n(node.w)}" height="{_n(node.h)}" rx="5"'
        ' fill="#808d92" fill-opacity="0.12" stroke="#808d92"/>'
        f'<rect class="mark" x="{_n(node.x)}" y="{_n(node.y)}" width="4" height="{_n(node.h)}" rx="2" fill="{ink}"/>'
        f'<text class="title" x="{_n(node.x + TEXT_INSET)}" y="{_n(middle - 3)}" font-weight="600" fill="#76848a">'
        f"{_text(_short(node.title, node.w, 1.06))}</text>"
        f'<text class="subtitle" x="{_n(node.x + TEXT_INSET)}" y="{_n(middle + 12)}" font-size="11" fill="#808d92">'
        f"{_text(_short(node.subtitle, node.w, 0.92))}</text></g>"
    )


def _short(text: str, width: float, scale: float) -> str:
    """Cut to what fits a box; the whole text stands in the box's title."""
    most = int((width - 1.5 * TEXT_INSET) / (CHARACTER_WIDTH * scale))
    return text if len(text) <= most else text[: most - 1].rstrip(" ,") + "…"


def _text(text: str) -> str:
    return escape(harmless(text))


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
