"""What if it goes dark, what if it is cut off: on the small town, and on Doggerford, worked out by hand."""

from __future__ import annotations

import msgspec
import pytest

from cityward.errors import PlaceError
from cityward.place.model import Place
from cityward.reach.blast.outcome import Outcome
from cityward.reach.blast.scenarios import Blast, cut, dark
from cityward.reach.blast.subjects import Subject, SubjectKind, subject_named
from cityward.reach.blast.wiring import compile_cascade
from cityward.reach.exposure.answers import Axis
from declarations import loaded, town
from reach.blast.doggerford import doggerford


def hours(outcome: Outcome) -> dict[str, tuple[float, float]]:
    """Function -> (degrades, fails)."""
    return {effect.function: (effect.degrades_h, effect.fails_h) for effect in outcome.effects}


def asked(place: Place, *names: str) -> tuple[Blast, ...]:
    return dark(place, compile_cascade(place), [subject_named(place, name) for name in names])


# --- Doggerford, by hand
# Tolerances: lamps-dimmed 72, coordinated-ring 12, emptied-bins 72, watched-harbour 4, the others 0 or 24.

BY_HAND = [
    # Operates the substations and the feed of the civic quarter. The lamps need substation 1, without a buffer; the signals
    # substation 2, four hours; the platform's host the feed, two hours, and `lamps-dimmed` the platform. Nobody controls it and
    # it controls nobody.
    ("party:dogger-grid", {"lit-quay-street": (0, 0), "lamps-dimmed": (2, 74), "safe-crossings": (4, 4)}, 55_000),
    # The platform, the fibre ring and the video archive stand there. Signal control needs the ring, 24 h; `coordinated-ring`
    # needs signal control, 24 h. Video management needs the archive, 6 h.
    ("site:civic-dc", {"lamps-dimmed": (0, 72), "watched-harbour": (6, 10), "coordinated-ring": (48, 60)}, 55_000),
    # Owns all of Fathom Cloud, whose region the collection planner stands in. The portal stands there too, but the stop
    # displays alone are enough for `known-departures`. A quarter of Binwise is no control, but its rented region is theirs.
    ("party:fathom-global", {"emptied-bins": (48, 120)}, 62_750),
    # Its quays hold the cameras. 40 % of the grid is no control, so the lamps stay lit.
    ("party:harbour-authority", {"watched-harbour": (0, 4)}, 18_400),
    # 60 % of Northlight by votes, 15 % of Tessel Group, 30 % of Meridian: lamps and signals run on without their makers.
    ("party:corvane-holding", {}, 0),
    # The planner lasts 48 h without Binwise, and the bins 48 h without the planner.
    ("party:binwise", {"emptied-bins": (96, 168)}, 62_750),
    # Needs two of three loops; each alone is spare.
    ("member:ring-road-loops-01", {}, 0),
    ("device:ring-road-loops", {"coordinated-ring": (0, 12)}, 55_000),
]


@pytest.mark.parametrize(("subject", "expected", "citizens"), BY_HAND, ids=[row[0] for row in BY_HAND])
def test_doggerford_goes_dark_as_worked_out_by_hand(
    subject: str, expected: dict[str, tuple[float, float]], citizens: int
) -> None:
    place, cascade = doggerford()
    (blast,) = dark(place, cascade, [subject_named(place, subject)])
    assert hours(blast.outcome) == expected
    assert blast.outcome.citizens.affected == citizens
    assert blast.axis is None


def test_two_loops_that_are_dark_together_stop_the_ring() -> None:
    place, cascade = doggerford()
    loops = [subject_named(place, name) for name in ("ring-road-loops-01", "ring-road-loops-03")]
    (blast,) = dark(place, cascade, loops)
    assert hours(blast.outcome) == {"coordinated-ring": (0, 12)}


def test_a_jurisdiction_is_asked_twice_and_never_merged() -> None:
    place, cascade = doggerford()
    by_party, by_place = dark(place, cascade, [subject_named(place, "xb")])
    assert (by_party.axis, by_place.axis) == (Axis.PARTY, Axis.PLACE)
    # Fathom Global is incorporated in XB and owns Fathom Cloud in GB; in XB itself stands only Tessel's operations centre.
    assert hours(by_party.outcome) == {"emptied-bins": (48, 120)}
    assert hours(by_place.outcome) == {}
    assert [one.id for one in by_place.outcome.fallen if one.kind == "site"] == ["tessel-park"]


def test_a_bloc_holds_its_members() -> None:
    place, cascade = doggerford()
    _, by_place = dark(place, cascade, [subject_named(place, "outer-compact")])
    assert {one.id for one in by_place.outcome.fallen if one.kind == "site"} == {"tessel-park", "binwise-region"}


def test_a_cause_can_be_told_line_by_line() -> None:
    place, cascade = doggerford()
    (blast,) = dark(place, cascade, [subject_named(place, "dogger-grid")])
    effect = next(effect for effect in blast.outcome.effects if effect.function == "lamps-dimmed")
    assert [(step.id, step.hours, step.path) for step in effect.cause] == [
        ("dogger-grid", 0, "parties.dogger-grid"),
        ("civic-feed", 0, "systems.civic-feed.operator"),
        ("platform-host", 2, "systems.platform-host.needs[0]"),
        ("cityward", 2, "systems.cityward.needs[0]"),
        ("lamps-dimmed", 2, "functions.lamps-dimmed.needs[0]"),
    ]


# --- what is not known


def test_a_possible_effect_names_the_fact_and_is_not_repeated_where_it_is_certain() -> None:
    text = town(("lamps: {model: lamp, site: yard, zone: street, owner: council",
                 "lamps: {model: lamp, site: yard, zone: street, owner: unknown"))  # fmt: skip
    place = loaded(text).place
    (blast,) = asked(place, "acme")
    assert blast.outcome.effects == ()
    assert [(effect.function, effect.missing) for effect in blast.outcome.possible] == [
        ("lit", ("devices.lamps.owner",))
    ]
    assert blast.outcome.citizens.affected == 0
    assert blast.outcome.possible_citizens.affected == 1200
    assert [(fact.path, fact.functions) for fact in blast.outcome.missing] == [("devices.lamps.owner", ("lit",))]
    (at_once,) = asked(place, "yard")
    assert [effect.function for effect in at_once.outcome.effects] == ["lit"]
    assert at_once.outcome.possible == ()


def test_what_would_fail_sooner_by_an_unknown_stands_among_the_possible() -> None:
    text = town(
        ("  workbench: {kind: analytics, site: yard, operator: acme}",
         "  workbench: {kind: analytics, site: yard, operator: unknown}\n"
         "  feed: {kind: control, site: yard, operator: acme-group}"),
        ("needs: [{of: [lamps-01, lamps-02], k: 1}]", "needs: [{of: [workbench]}, {of: [feed], buffer_hours: 9}]"),
    )  # fmt: skip
    (blast,) = asked(loaded(text).place, "acme-group")
    assert hours(blast.outcome) == {"lit": (9, 9)}
    assert [(e.function, e.degrades_h, e.missing) for e in blast.outcome.possible] == [
        ("lit", 0, ("systems.workbench.operator",))
    ]


def test_a_site_in_no_known_jurisdiction_is_possibly_in_this_one() -> None:
    place = loaded(town(("yard: {jurisdiction: xa}", "yard: {jurisdiction: unknown}"))).place
    _, by_place = asked(place, "xb")
    assert by_place.outcome.effects == ()
    assert [effect.missing for effect in by_place.outcome.possible] == [("sites.yard.jurisdiction",)]


def test_a_party_of_no_known_jurisdiction_is_possibly_of_this_one() -> None:
    place = loaded(town(("council: {kind: public-body, incorporated_in: xa}",
                         "council: {kind: public-body, incorporated_in: unknown}"))).place  # fmt: skip
    by_party, _ = asked(place, "xb")
    assert by_party.outcome.effects == ()
    assert [effect.missing for effect in by_party.outcome.possible] == [("parties.council.incorporated_in",)]


# --- subjects


def test_a_zone_is_what_lies_in_it_and_in_its_parts() -> None:
    place = loaded(town(("core: {trust: 4}", "core: {trust: 4}\n  vault: {trust: 5, parent: street}"),
                        ("site: yard, zone: core, operator", "site: yard, zone: vault, operator"))).place  # fmt: skip
    (blast,) = asked(place, "street")
    down = {one.id for one in blast.outcome.fallen}
    assert down == {"cityward", "counter-1", "lamps", "lamps-01", "lamps-02"}


def test_a_name_that_is_nothing_is_told_with_what_was_meant() -> None:
    with pytest.raises(PlaceError, match="did you mean `acme-group`"):
        subject_named(loaded().place, "acme-grup")


def test_a_name_that_several_bear_is_asked_back_and_taken_with_its_kind() -> None:
    place = loaded(town(("quay: {population: 1200}", "quay: {population: 1200}"),
                        ("  street-core: {zones: [street, core]}", "  yard: {zones: [street, core]}"))).place  # fmt: skip
    with pytest.raises(PlaceError, match="site and a conduit"):
        subject_named(place, "yard")
    assert subject_named(place, "conduit:yard") == Subject(kind=SubjectKind.CONDUIT, id="yard")


def test_an_answer_goes_to_json_and_back() -> None:
    place, cascade = doggerford()
    for blast in dark(place, cascade, [subject_named(place, "gb")]):
        assert msgspec.json.decode(msgspec.json.encode(blast), type=Blast) == blast


# --- cut


def test_a_cut_flow_loses_what_comes_after_it_too() -> None:
    place, cascade = doggerford()
    blast = cut(place, cascade, [subject_named(place, "bins-to-planner")])
    # The planner makes the collection routes of the bins' levels: no levels, no routes to the lorries.
    assert [(lost.dataset, lost.at) for lost in blast.lost.gone] == [
        ("bin-levels", "waste-planner"),
        ("collection-routes", "refuse-lorries"),
    ]
    assert blast.lost.gone[0].services == ("bin-collection",)  # Greycask receives the levels and runs the service
    assert blast.outcome.effects == ()


def test_a_cut_conduit_takes_the_flows_between_its_zones() -> None:
    place = loaded().place
    blast = cut(place, compile_cascade(place), [subject_named(place, "street-core")])
    assert blast.flows_cut == ("counts-in", "levels-in", "dim")
    gone = {(lost.dataset, lost.at) for lost in blast.lost.gone}
    # Counts no longer reach the platform, so not Acme either. `levels` are what lamps report and what they are told: they go
    # round in a circle that the lamps begin.
    assert gone == {("counts", "cityward"), ("counts", "acme"), ("levels", "cityward"), ("levels", "lamps")}


def test_a_cut_system_sends_nothing_and_is_itself_not_told_as_a_loser() -> None:
    place = loaded().place
    blast = cut(place, compile_cascade(place), [subject_named(place, "cityward")])
    assert {(lost.dataset, lost.at) for lost in blast.lost.gone} == {("counts", "acme"), ("levels", "lamps")}


def test_a_cut_jurisdiction_is_its_sites_and_the_routes_through_it() -> None:
    place, cascade = doggerford()
    blast = cut(place, cascade, [subject_named(place, "xa")])
    assert blast.axis is Axis.PLACE
    through = {name for name, flow in place.flows.items() if "xa" in flow.route}
    assert through
    assert set(blast.flows_cut) == through
    assert "beacons-report" in blast.flows_perhaps_cut  # its route is not known


def test_a_dataset_that_is_still_brought_another_way_is_not_lost() -> None:
    extra = "  again: {from: counter-1, to: acme, datasets: [counts], purpose: planning, protocol: http, agreement: acme-2026, observability: inferred}\n"  # noqa: E501
    place = loaded(town(("  to-acme:\n", f"{extra}  to-acme:\n"))).place
    blast = cut(place, compile_cascade(place), [subject_named(place, "to-acme")])
    assert blast.lost.gone == ()
