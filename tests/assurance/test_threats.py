"""Threats: made where data crosses a boundary, met only by proof, borne until an end and while all is as it was."""

from __future__ import annotations

import pytest
from msgspec import structs

from cityward.assurance.assessing import Assessment, assess
from cityward.assurance.control import Dossier
from cityward.assurance.controls import find_controls
from cityward.assurance.examples import NOW_US, TOWN, admission, changed, exercised
from cityward.assurance.results import Judged, Result, Verdict
from cityward.assurance.threats.boundaries import crossing_flows
from cityward.assurance.threats.kinds import SPEAKING, Kind
from cityward.assurance.threats.register import Risk, Standing, register_of, threats_of
from cityward.assurance.trail import Trail
from cityward.evidence.records import AnyRecord, RiskAccepted
from cityward.place.loader import load
from cityward.time import DAY

ZONED = changed(
    ("street: {trust: 1}", "street: {trust: 1}\n  core: {trust: 4}"),
    ("cityward: {kind: platform, site: yard,", "cityward: {kind: platform, site: yard, zone: core,"),
)
FLAT = changed(("cityward: {kind: platform, site: yard,", "cityward: {kind: platform, site: yard, zone: street,"))
ID = "flows.counts-in.tampering"


def dossier(*records: AnyRecord, text: str = ZONED) -> Dossier:
    loaded = load("place.yaml", {"place.yaml": text.encode()}.__getitem__)
    return Dossier(loaded, Trail((f"statements:{n}", record) for n, record in enumerate(records)), NOW_US)


def judged(*results: tuple[str, str, Result]) -> Assessment:
    """An assessment in which controls said just this."""
    verdicts = tuple(
        Verdict(control, result, (Judged(subject, result, "said"),), "") for control, subject, result in results
    )
    return Assessment("", NOW_US, verdicts, (), (), {}, 0)


def borne(
    dossier: Dossier, until: int = NOW_US + DAY, declared: str | None = None, declaration: str = ""
) -> RiskAccepted:
    return RiskAccepted(
        at=NOW_US - DAY, by="statements", control="K-09", subject=ID, owner="council", person="ada", why="a trial",
        until=until, declaration=declaration,
        declared=dossier.digest_of("flows.counts-in") if declared is None else declared,
    )  # fmt: skip


def tampering(found: Assessment, dossier: Dossier) -> Risk:
    [risk] = [one for one in register_of(found, dossier).risks if one.threat.id == ID]
    return risk


def test_a_flow_within_one_zone_party_and_country_crosses_nothing() -> None:
    assert crossing_flows(dossier(text=FLAT).place) == {}
    assert crossing_flows(dossier().place) == {"counts-in": ("zone street to core",)}


def test_what_is_not_known_counts_as_crossing() -> None:
    assert crossing_flows(dossier(text=TOWN).place) == {"counts-in": ("zone street to unknown",)}


def test_a_route_abroad_and_an_unknown_route_are_crossed() -> None:
    for route, told in (("[xb]", "passes xb"), ("unknown", "passes unknown")):
        text = FLAT.replace("observability: enforced}", f"observability: enforced, route: {route}}}")
        text = text.replace("xa: {code: XA, home: true}", "xa: {code: XA, home: true}\n  xb: {code: XB}")
        assert crossing_flows(dossier(text=text).place) == {"counts-in": (told,)}


def test_each_crossing_flow_has_the_six_kinds_with_ids_that_stay() -> None:
    ids = [threat.id for threat in threats_of(dossier().place)]
    assert ids == [f"flows.counts-in.{kind}" for kind in ("spoofing", "tampering", "repudiation", "disclosure", "denial",
                                                          "elevation")]  # fmt: skip


@pytest.mark.parametrize(
    ("results", "standing"),
    [
        ([Result.PROVEN, Result.PROVEN], Standing.MET),
        ([Result.PROVEN, Result.STATED], Standing.STATED),
        ([Result.PROVEN, Result.UNKNOWN], Standing.UNKNOWN),
        ([Result.PROVEN, Result.FAILED], Standing.OPEN),
        ([Result.UNKNOWN, Result.FAILED], Standing.OPEN),
        ([Result.PROVEN, Result.ACCEPTED], Standing.ACCEPTED),
        ([], Standing.NO_CONTROL),
        ([Result.NOT_APPLICABLE], Standing.NO_CONTROL),
    ],
)
def test_a_threat_is_met_only_where_everything_is_proven(results: list[Result], standing: Standing) -> None:
    controls = SPEAKING[Kind.TAMPERING]
    found = judged(*((control, "flows.counts-in", result) for control, result in zip(controls, results, strict=False)))
    assert tampering(found, dossier()).standing is standing


def test_what_a_control_says_of_an_end_is_heard_and_of_another_thing_not() -> None:
    near, far = ("I-01", "devices.counter-1", Result.FAILED), ("I-01", "devices.lamp-1", Result.FAILED)
    assert tampering(judged(near), dossier()).standing is Standing.OPEN
    assert tampering(judged(far), dossier()).standing is Standing.NO_CONTROL


def test_it_is_borne_until_its_end() -> None:
    failed = judged(("X-02", "flows.counts-in", Result.FAILED))
    for until, standing, lapsed in ((NOW_US + DAY, Standing.ACCEPTED, False), (NOW_US, Standing.OPEN, True)):
        city = dossier(borne(dossier(), until))
        risk = tampering(failed, city)
        assert (risk.standing, risk.lapsed) == (standing, lapsed)


def test_it_is_borne_no_longer_when_the_flow_is_declared_otherwise_and_stale_when_another_thing_is() -> None:
    failed = judged(("X-02", "flows.counts-in", Result.FAILED))
    other_flow = tampering(failed, dossier(borne(dossier(), declared="0" * 64)))
    assert (other_flow.standing, other_flow.lapsed) == (Standing.OPEN, True)
    other_place = tampering(failed, dossier(borne(dossier(), declaration="0" * 64)))
    assert (other_place.standing, other_place.stale) == (Standing.ACCEPTED, True)
    same = tampering(failed, dossier(borne(dossier(), declaration=dossier().loaded.digest)))
    assert (same.standing, same.stale) == (Standing.ACCEPTED, False)


def test_what_was_attacked_within_a_year_is_counted_as_drilled() -> None:
    fresh = exercised("S-02", (), subjects=("flows.counts-in",))
    for run, drilled in ((fresh, 6), (structs.replace(fresh, at=NOW_US - 400 * DAY), 0)):
        assert register_of(judged(), dossier(run)).drilled == drilled


def test_the_register_of_a_real_assessment_is_the_same_each_time() -> None:
    city = dossier(admission("counts-in", 5))
    found = assess(city, find_controls())
    assert register_of(found, city) == register_of(found, city)
    assert sum(register_of(found, city).by_standing.values()) == 6


def test_every_control_that_threats_name_is_there() -> None:
    assert {name for names in SPEAKING.values() for name in names} <= find_controls().keys()
