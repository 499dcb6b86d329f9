"""The picture as text: safe to embed, readable without a style sheet."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from cityward.place.data import Observability, Protection
from cityward.reach.chain_svg import chain_svg, chain_svg_file, curve
from cityward.reach.chains import Edge, FlowGraph, Node, NodeKind
from cityward.reach.picture import layout

HOSTILE = '<script>alert(1)</script>" onload="x\x07'

PICTURE = layout(
    FlowGraph(
        (
            Node("cam", NodeKind.DEVICE, HOSTILE, "12 units, " + "very " * 30 + "long"),
            Node("acme", NodeKind.PARTY, "Acme", "company, XA"),
        ),
        (Edge("leak", HOSTILE, "cam", "acme", ("video",), "x", Protection.NONE, Observability.NOT_OBSERVABLE),),
    )
)


def test_is_well_formed_and_says_what_it_shows() -> None:
    root = ElementTree.fromstring(chain_svg(PICTURE))
    names = {child.tag.rpartition("}")[2]: child.text for child in root}
    assert names["title"] == "Data chains"
    assert names["desc"] is not None
    assert "1 flows between 1 kinds of device" in names["desc"]


def test_holds_nothing_that_a_strict_policy_refuses() -> None:
    text = chain_svg(PICTURE)
    tags = re.findall(r"<[^>]*>", text)
    assert not [t for t in tags if re.search(r"^<(script|style|foreignObject|image)|\son\w+=|\sstyle=|href=", t)]


def test_a_hostile_name_stays_text() -> None:
    root = ElementTree.fromstring(chain_svg(PICTURE))
    titles = [e.text or "" for e in root.iter() if e.tag.endswith("}title")]
    assert any("<script>alert(1)</script>" in t for t in titles)


def test_how_a_flow_is_known_shows_without_colour() -> None:
    assert 'stroke-dasharray="1 7"' in chain_svg(PICTURE)
    assert "not observable</title>" in chain_svg(PICTURE)


def test_the_file_brings_its_own_colours_for_light_and_dark() -> None:
    assert "prefers-color-scheme:dark" in chain_svg_file(PICTURE)


def test_a_curve_is_level_at_its_ends() -> None:
    assert curve(((0.0, 0.0), (10.0, 0.0), (20.0, 8.0))) == "M0 0H10C15 0 15 8 20 8"
