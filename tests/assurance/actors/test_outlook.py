"""What an actor could do in the small town: by which way, what stops it, when it was tried."""

from __future__ import annotations

import pytest

from cityward.assurance.actors.abilities import ABILITIES
from cityward.assurance.actors.outlook import Catalogue, Outlook, outlook_of
from cityward.assurance.actors.profile import Actor, Capability, read_profiles
from cityward.assurance.control import Example
from cityward.assurance.controls import find_controls
from cityward.assurance.examples import NOW_US, changed, dossier_of, exercised
from cityward.assurance.results import Result
from cityward.errors import PlaceErrors
from cityward.evidence.records import AnyRecord
from cityward.time import DAY

CONTROLS = find_controls()
TITLES = {"S-06": ("Administration from afar", ("J-04",)), "S-18": ("Sensors lie", ("I-02",))}
MAKER = changed(
    ("xa: {code: XA, home: true}", "xa: {code: XA, home: true}\n  xb: {code: XB}"),
    ("purposes:", "  maker: {kind: company, incorporated_in: xb}\npurposes:"),
    ("operator: council}\ndevice_models", "operator: maker}\ndevice_models"),
    (
        "services:",
        "instruments:\n  act: {jurisdiction: xb, powers: [disclose], addressees: [{nexus: incorporated-in}]}\nservices:",
    ),
)
"""The platform is run by a firm under xb's law."""


def outlook(actor: Actor, *records: AnyRecord) -> Outlook:
    entries = tuple((f"exercise:{number}", record) for number, record in enumerate(records))
    dossier = dossier_of(Example(MAKER, entries, NOW_US))
    return outlook_of("lamprey", actor, dossier, Catalogue(CONTROLS, TITLES), True)


def actor(*capabilities: Capability, **more: object) -> Actor:
    return Actor(name="Lamprey", capabilities=dict.fromkeys(capabilities, "said so"), **more)  # type: ignore[arg-type]


def test_a_law_reaches_what_the_firm_under_it_holds() -> None:
    (could,) = outlook(actor(Capability.COMPELLED_ACCESS, jurisdictions=("xb",))).could
    reached = {(one.predicate, one.mode): one for one in could.reaches}
    assert (could.known, could.ways) == (True, ("xb",))
    assert reached["dataset", "read"].named == ("counts",)
    assert reached["dataset", "read"].certain == 1


def test_without_a_law_or_party_what_it_reaches_is_not_known() -> None:
    (could,) = outlook(actor(Capability.COMPELLED_ACCESS)).could
    assert (could.known, could.reaches) == (False, ())


def test_an_ability_that_comes_by_a_law_does_not_use_parties() -> None:
    (could,) = outlook(actor(Capability.COMPELLED_ACCESS, parties=("maker",))).could
    assert not could.known


def test_names_that_are_not_declared_are_told_and_not_followed() -> None:
    found = outlook(actor(Capability.COMPELLED_ACCESS, jurisdictions=("xb", "xq"), parties=("nobody",)))
    assert found.not_here == ("xq", "nobody")


def test_what_was_tried_says_when_and_what_was_missed() -> None:
    long_ago = exercised("S-18", ("street-light",), missed=("contained",), at=NOW_US - 400 * DAY)
    (could,) = outlook(actor(Capability.DATA_POISONING), long_ago).could
    tried = {one.scenario: one for one in could.tried}
    assert (tried["S-18"].at, tried["S-18"].fresh, tried["S-18"].missed) == (NOW_US - 400 * DAY, False, ("contained",))
    assert (tried["S-18"].entry, tried["S-02"].at, tried["S-02"].entry) == ("exercise:0", 0, "")


def test_controls_come_with_their_results_and_a_missing_one_is_unknown() -> None:
    (could,) = outlook(actor(Capability.COMPELLED_ACCESS)).could
    stops = {one.control: one for one in could.stops}
    assert stops["J-04"].tried_by == ("S-06",)
    dossier = dossier_of(Example(MAKER))
    (bare,) = outlook_of("x", actor(Capability.DDOS), dossier, Catalogue({}, {}), False).could
    assert bare.stops
    assert {one.result for one in bare.stops} == {Result.UNKNOWN}


def test_every_capability_has_scenarios_and_controls_that_are_there() -> None:
    assert set(ABILITIES) == set(Capability)
    named = {control for ability in ABILITIES.values() for control in ability.controls}
    assert named <= set(CONTROLS)
    assert all(ability.scenarios for ability in ABILITIES.values())


@pytest.mark.parametrize(
    "raw",
    [b"", b"actors: 3", b"actors: {a: {}}", b"actors: {a: {name: x, capabilities: {flying: y}}}", b"\xff", b"x: {"],
)
def test_what_is_no_profile_is_refused(raw: bytes) -> None:
    with pytest.raises(PlaceErrors):
        read_profiles("a.yaml", raw)


def test_texts_of_a_profile_can_do_no_harm() -> None:
    read = read_profiles("a.yaml", b'actors: {a: {name: "x\\x1b[2J", capabilities: {ddos: y}}}')
    assert read.actors["a"].name == "x\N{REPLACEMENT CHARACTER}[2J"
