"""An answer in words: checked against a town small enough to follow by hand, and the demonstration city."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from cityward.errors import PlaceError
from cityward.place.loader import Loaded, load
from cityward.reach.exposure.compile import place_on
from cityward.reach.whatif.asking import How, Ready, ask, subject_for
from cityward.reach.whatif.told import Asked, ToldAnswer, WhatIf, told
from declarations import reader, town

DEMO = Path(__file__).parents[3] / "examples" / "doggerford"
DAY = date(2026, 8, 1)
# The counter and the lamps are acme's make, and take its software: by the workbench, which acme operates.
UPDATED = (
    "  lamp:\n    maker: acme\n",
    "  lamp:\n    maker: acme\n    updates_from: workbench\n",
)


def of(loaded: Loaded, how: How, words: str) -> WhatIf:
    place = place_on(loaded.place, DAY)
    subject = subject_for(place, how, words)
    return told(place, Asked(how, subject, DAY, loaded.digest, loaded.where), ask(Ready(place), how, (subject,)))


def small(how: How, words: str, *edits: tuple[str, str]) -> ToldAnswer:
    (answer,) = of(load("place.yaml", reader({"place.yaml": town(*edits)})), how, words).answers
    return answer


def demo(how: How, words: str) -> WhatIf:
    return of(load("place.yaml", lambda name: (DEMO / name).read_bytes()), how, words)


def test_who_sends_the_lamps_their_software_could_stop_what_they_light():
    """acme -> workbench -> lamps -> lit, at once; 1200 people live at the quay, which is all there are."""
    answer = small(How.HOSTILE, "acme", UPDATED)
    assert answer.said.endswith("stop 1 function at once: 1,200 of 1,200 people, in quay.")
    (effect,) = answer.effects
    assert (effect.function, effect.certain, effect.degrades_h, effect.fails_h) == ("lit", True, 0, 0)
    assert [line.text for line in effect.cause][-1].startswith("so it fails at once")
    assert all(line.where.startswith("place.yaml:") for line in effect.cause)
    assert effect.begins is not None and effect.begins.id.startswith("lamps")


def test_who_reaches_nothing_that_serves_anybody_stops_nothing():
    answer = small(How.HOSTILE, "acme")
    assert answer.effects == () and "stop" not in answer.said
    assert (answer.affected, answer.of) == (0, 1200)


def test_what_is_only_possible_is_never_counted_as_certain():
    """Who operates the workbench is not known: it may be anybody, and nothing of that is certain."""
    answer = small(How.DARK, "council", ("operator: acme}", "operator: unknown}"))
    certain = {one.id for one in answer.fallen if one.certain}
    assert "workbench" not in certain
    assert [one.certain for one in answer.fallen if one.id == "workbench"] == [False]


def test_a_site_that_goes_dark_takes_what_stands_there_and_names_every_hour():
    answer = small(How.DARK, "yard")
    assert {"yard", "cityward", "workbench", "lamps", "counter-1"} <= {one.id for one in answer.fallen}
    (moment,) = answer.moments
    assert (moment.hours, moment.failed, moment.affected) == (0.0, 1, 1200)


def test_a_party_that_may_not_be_dealt_with_is_told_in_parts_with_lines():
    answer = small(How.SANCTIONED, "acme", ("subcontracting: allowed}", "subcontracting: allowed, exit_days: 30}"))
    assert "1 agreement ends within 30 days" in answer.said
    parts = {part.title: [line.text for line in part.lines] for part in answer.parts}
    assert parts["Agreements that end"] == ["acme-2026 after 30 days"]
    assert parts["Data to get back"] == ["counts from acme, at to-acme"]


def test_a_jurisdiction_turns_by_its_laws_on_each_axis_apart():
    """No law is declared in the town: nobody is told what to do by one, and that is said of both axes."""
    found = of(load("place.yaml", reader({"place.yaml": town()})), How.HOSTILE, "xb")
    assert [answer.axis for answer in found.answers] == ["party", "place"]
    assert all("do nothing for certain" in answer.said for answer in found.answers)


def test_a_law_of_the_demonstration_reaches_the_parties_it_addresses_and_no_others():
    """xa's order addresses who is incorporated there: northlight, corvane-holding, state-of-xanthia."""
    over_parties, over_places = demo(How.HOSTILE, "xa").answers
    dark = {one.id for one in over_parties.fallen if one.certain and one.kind == "party"}
    assert {"northlight", "corvane-holding", "state-of-xanthia"} <= dark
    assert "doggerford-council" not in dark
    assert over_places.axis_said == "over what lies there"


def test_all_of_a_jurisdiction_may_no_longer_be_dealt_with():
    """As in `expected/`: corvane-holding and its northlight are of xa."""
    (answer,) = demo(How.SANCTIONED, "jurisdiction:xa").answers
    assert "Northlight" in answer.said and "may no longer be dealt with" in answer.said


def test_the_maker_of_the_cameras_stops_the_watch_over_the_harbour_within_4_hours():
    """`functions.watched-harbour` needs video management, which Halden maintains; it tolerates 4 h. Dockholme: 18,400 people."""
    (answer,) = demo(How.HOSTILE, "halden-optics").answers
    (effect,) = [one for one in answer.effects if one.certain]
    assert (effect.function, effect.essential, effect.fails_h, effect.affected) == (
        "watched-harbour",
        True,
        4.0,
        18_400,
    )
    assert effect.fail_safe == "Patrols on foot."
    assert {item.id for doing in answer.doings if doing.mode == "read" for item in doing.items if item.certain} >= {
        "street-video"
    }
    at = {moment.hours: (moment.degraded, moment.failed, moment.affected) for moment in answer.moments}
    assert at[0.0] == (1, 0, 0) and at[4.0] == (0, 1, 18_400)


def test_a_site_cannot_turn_and_who_asks_is_told_who_can():
    with pytest.raises(PlaceError, match="a site cannot be hostile"):
        small(How.HOSTILE, "yard")
