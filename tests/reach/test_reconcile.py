"""Declared against observed: which bucket each sighting falls into, which outcome each declared record gets, and what is said."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.place.loader import Loaded
from cityward.reach.reconcile.ends import Ends
from cityward.reach.reconcile.judging import reconcile
from cityward.reach.reconcile.outcomes import (
    Aspect,
    Bucket,
    FindingKind,
    Outcome,
    Reconciled,
    Sighting,
    Verdict,
)
from cityward.reach.reconcile.seen import Given, Seen, SeenKind
from cityward.time import DAY, to_us
from declarations import loaded

TOWN = """\
place: tinytown
name: Tinytown
position: [2.3, 54.9]
responsible: council
platform: hub
jurisdictions:
  xa: {code: XA, home: true}
  xa-north: {code: XA-N, kind: subdivision, parent: xa}
  xb: {code: XB}
parties:
  council: {kind: public-body, incorporated_in: xa}
  maker: {kind: company, incorporated_in: xb, addresses: [198.51.100.0/24]}
  desk: {kind: company, incorporated_in: xb, addresses: [203.0.113.0/28]}
  reader: {kind: company, incorporated_in: xa}
agreements:
  deal: {kind: sharing, parties: [council, reader], datasets: [counts], purposes: [plan], ends: 2026-06-30}
  buy: {kind: supply, parties: [council, maker], datasets: [health, video], purposes: [plan]}
purposes: {plan: {}}
sites:
  yard: {jurisdiction: xa-north}
  campus: {jurisdiction: xb}
systems:
  hub: {kind: platform, site: yard, operator: council, addresses: [192.0.2.1, hub.tiny.example]}
  vms: {kind: vms, site: yard, operator: council, stores: [video], addresses: [192.0.2.2]}
  archive: {kind: storage, site: yard, operator: council, addresses: [192.0.2.3]}
  cloud: {kind: vendor-cloud, site: campus, operator: maker, addresses: [198.51.100.16/28, "*.maker.example"]}
  bench: {kind: analytics, site: yard, operator: reader, addresses: [198.51.100.200]}
  silo: {kind: storage, site: yard, operator: council}
device_models:
  counter: {maker: maker, properties: {vehicle-count: {}}}
  camera: {maker: maker}
devices:
  counters:
    {model: counter, site: yard, owner: council, addresses: [192.0.2.32/28], positions: [[2.3, 54.9], [2.31, 54.9]]}
  cameras:
    model: camera
    site: yard
    owner: council
    addresses: ["2001:db8:1::/64", 192.0.2.64/28]
    positions: [[2.3, 54.9], [2.31, 54.9]]
  spare: {model: counter, site: yard, owner: council, status: stored, addresses: [192.0.2.80]}
  shop: {model: camera, site: yard, owner: council, status: maintenance, addresses: [192.0.2.81]}
  radio: {model: camera, site: yard, owner: council}
datasets:
  counts: {personal: false, sensitivity: public, retention_days: 365, properties: [vehicle-count]}
  video: {personal: true, sensitivity: restricted, retention_days: 7}
  health: {personal: false, sensitivity: internal, retention_days: 7}
flows:
  counts-in: {from: counters, to: hub, datasets: [counts], purpose: plan, protocol: mqtt, observability: enforced}
  spare-in: {from: spare, to: hub, datasets: [counts], purpose: plan, protocol: mqtt, observability: enforced}
  video-in: {from: cameras, to: vms, datasets: [video], purpose: plan, protocol: rtsp, protection: none, observability: imported}
  video-kept: {from: vms, to: archive, datasets: [video], purpose: plan, protocol: proprietary, observability: imported}
  to-cloud: {from: vms, to: cloud, datasets: [health], purpose: plan, protocol: http, agreement: buy, observability: imported}
  to-reader: {from: hub, to: reader, datasets: [counts], purpose: plan, protocol: http, agreement: deal, observability: enforced}
  copies: {from: hub, to: archive, datasets: [counts], purpose: plan, protocol: sftp, observability: imported}
  to-silo: {from: vms, to: silo, datasets: [video], purpose: plan, protocol: http, observability: imported}
  guess: {from: archive, to: cloud, datasets: [health], purpose: plan, protocol: http, agreement: buy, observability: inferred}
  hidden: {from: archive, to: bench, datasets: [video], purpose: plan, protocol: http, observability: not-observable}
  letters: {from: council, to: maker, datasets: [health], purpose: plan, protocol: paper, agreement: buy, observability: imported}
accesses:
  maker-vms: {party: maker, target: vms, modes: [support], from_places: [xa]}
  desk-video: {party: desk, target: video, modes: [read], from_places: [xb]}
  admin: {party: council, target: hub, modes: [read, write]}
  keys: {party: desk, target: silo, modes: [physical]}
  visit: {party: desk, target: archive, modes: [support], standing: false}
"""

NOON = to_us(datetime(2026, 5, 1, 12, tzinfo=UTC))
LOGS = Given(logs=("fw.csv",))
CITY = Given(city="var/tinytown")


@pytest.fixture(scope="module")
def town() -> Loaded:
    return loaded(TOWN)


def talk(source: str, destination: str, port: int | None = None, protocol: str = "", **more: object) -> Seen:
    given = {"kind": SeenKind.FLOW, "transport": "tcp", "first_us": NOON, "last_us": NOON, "where_from": "fw.csv:2"}
    return Seen(source=source, destination=destination, port=port, protocol=protocol, **{**given, **more})  # type: ignore[arg-type]


def one(town: Loaded, seen: Seen, given: Given = LOGS) -> Sighting:
    [sighting] = reconcile(town, [seen], given).sightings
    return sighting


def aspects(sighting: Sighting) -> list[Aspect]:
    return [difference.aspect for difference in sighting.differences]


def verdict(done: Reconciled, path: str) -> Verdict:
    [found] = [v for v in (*done.flows, *done.devices, *done.accesses) if v.path == path]
    return found


# --- what was beyond the room of who looked


def test_is_never_clean_while_something_seen_was_not_looked_at(town: Loaded):
    seen = talk("192.0.2.34", "192.0.2.1", 8883)
    assert reconcile(town, [seen], LOGS).clean
    assert not reconcile(town, [seen], Given(logs=("fw.csv",), beyond=1)).clean


@settings(max_examples=100)
@given(
    ends=st.tuples(
        *[st.sampled_from(["192.0.2.34", "maker", "x.maker.example", "198.51.101.1", "224.0.0.1", "", "odd"])] * 2
    )
)
def test_what_passes_between_two_that_are_not_declared_is_of_no_concern_and_all_else_is_looked_at(
    town: Loaded, ends: tuple[str, str]
):
    strangers = one(town, talk(*ends)).why == "neither end is declared"
    assert Ends(town.place).either_declared(*ends) is not strangers


def test_ends_remembers_no_more_than_its_bound(town: Loaded):
    ends = Ends(town.place)
    for n in range(70_000):
        ends.find(f"2001:db8:ffff::{n:x}")
    assert len(ends._found) < 70_000
    assert ends.find("192.0.2.1").id == "hub"


# --- whose an end is


@pytest.mark.parametrize(
    ("text", "declared", "party"),
    [
        ("192.0.2.1", "hub", "council"),
        ("::ffff:192.0.2.1", "hub", "council"),
        ("[192.0.2.1]", "hub", "council"),
        ("192.0.2.33", "counters", "council"),
        ("2001:db8:1::77%eth0", "cameras", "council"),
        ("2001:db8:2::77", "", ""),
        ("198.51.100.5", "maker", "maker"),
        ("198.51.100.17", "cloud", "maker"),
        ("198.51.100.200", "bench", "reader"),
        ("HUB.Tiny.Example.", "hub", "council"),
        ("eu1.api.maker.example", "cloud", "maker"),
        ("maker.example", "", ""),
        ("archive", "archive", "council"),
        ("counters-02", "counters-02", "council"),
        ("192.0.2.300", "", ""),
        ("", "", ""),
        ("x" * 5000, "", ""),
    ],
)
def test_traces_an_end_to_what_is_declared_the_longest_prefix_first(town: Loaded, text: str, declared: str, party: str):
    end = Ends(town.place).find(text)
    assert (end.id, end.party) == (declared, party)


@given(text=st.text(max_size=80) | st.text("0123456789abcdef.:[]%", max_size=40))
def test_any_text_has_an_end(text: str):
    assert ENDS.find(text).text == text


LOADED = loaded(TOWN)
ENDS = Ends(LOADED.place)


# --- which bucket

AS_DECLARED = {
    "mqtt over TLS": (talk("192.0.2.33", "192.0.2.1", 8883), ["flows.counts-in"]),
    "mqtt on an odd port, seen as such": (talk("192.0.2.33", "192.0.2.1", 7777, "ssl,mqtt"), ["flows.counts-in"]),
    "TLS on an odd port, which nobody sees into": (talk("192.0.2.33", "192.0.2.1", 7777, "ssl"), ["flows.counts-in"]),
    "no port told": (talk("192.0.2.33", "192.0.2.1"), ["flows.counts-in"]),
    "pictures that are fetched": (
        talk("192.0.2.2", "192.0.2.65", 554, bytes=10_000, bytes_back=10**9),
        ["flows.video-in"],
    ),
    "pictures by UDP": (talk("192.0.2.65", "192.0.2.2", 50_000, transport="udp"), ["flows.video-in"]),
    "a proprietary protocol is any": (talk("192.0.2.2", "192.0.2.3", 9999), ["flows.video-kept"]),
    "a party stands for its systems": (talk("192.0.2.1", "198.51.100.200", 443), ["flows.to-reader"]),
    "sftp is ssh": (talk("192.0.2.1", "192.0.2.3", 22, "ssh"), ["flows.copies"]),
    "what was inferred and is seen": (talk("192.0.2.3", "198.51.100.17", 443), ["flows.guess"]),
    "an access is used": (talk("203.0.113.1", "192.0.2.2", 443), ["accesses.desk-video"]),
    "from where is not known": (talk("198.51.100.5", "192.0.2.2", 22), ["accesses.maker-vms"]),
    "whoever operates it": (talk("192.0.2.2", "192.0.2.1", 22), ["accesses.admin"]),
    "whoever operates it, without an access": (talk("192.0.2.1", "192.0.2.65", 22), ["devices.cameras"]),
}


@pytest.mark.parametrize("case", AS_DECLARED)
def test_is_as_declared(town: Loaded, case: str):
    seen, paths = AS_DECLARED[case]
    sighting = one(town, seen)
    assert (sighting.bucket, list(sighting.matches)) == (Bucket.AS_DECLARED, paths)


CHANGED = {
    "another protocol by its port": (talk("192.0.2.33", "192.0.2.1", 80), Aspect.PROTOCOL, "counts-in"),
    "another protocol, seen": (talk("192.0.2.33", "192.0.2.1", 8883, "http"), Aspect.PROTOCOL, "counts-in"),
    "an unknown port": (talk("192.0.2.33", "192.0.2.1", 9999), Aspect.PROTOCOL, "counts-in"),
    "in plain": (talk("192.0.2.33", "192.0.2.1", 1883), Aspect.PROTECTION, "counts-in"),
    "in plain on the port of TLS": (talk("192.0.2.33", "192.0.2.1", 8883, "mqtt"), Aspect.PROTECTION, "counts-in"),
    "sealed where declared open": (talk("192.0.2.2", "192.0.2.65", 322), Aspect.PROTECTION, "video-in"),
    "another dataset": (talk("192.0.2.33", "192.0.2.1", 8883, dataset="video"), Aspect.DATASET, "counts-in"),
    "the other way": (
        talk("192.0.2.33", "192.0.2.1", 8883, bytes=10**5, bytes_back=10**7),
        Aspect.DIRECTION,
        "counts-in",
    ),
    "the other way, opened from the other end": (
        talk("192.0.2.2", "192.0.2.65", 554, bytes=10**9, bytes_back=10**4),
        Aspect.DIRECTION,
        "video-in",
    ),
    "a stored device": (talk("192.0.2.80", "192.0.2.1", 8883), Aspect.STATUS, "spare-in"),
    "declared as seen by nobody": (talk("192.0.2.3", "198.51.100.200", 443), Aspect.OBSERVABILITY, "hidden"),
    "after its agreement": (
        talk("192.0.2.1", "198.51.100.200", 443, last_us=NOON + 90 * DAY),
        Aspect.AGREEMENT,
        "to-reader",
    ),
}


@pytest.mark.parametrize("case", CHANGED)
def test_is_changed_in_one_aspect(town: Loaded, case: str):
    seen, aspect, flow = CHANGED[case]
    done = reconcile(town, [seen], LOGS)
    [sighting] = done.sightings
    assert (sighting.bucket, sighting.matches, aspects(sighting)) == (Bucket.CHANGED, (f"flows.{flow}",), [aspect])
    assert verdict(done, f"flows.{flow}").outcome is Outcome.CHANGED
    assert not done.clean


def test_paper_that_is_seen_on_a_network_is_changed(town: Loaded):
    sighting = one(town, talk("council", "198.51.100.5", 443))
    assert (sighting.matches, aspects(sighting)) == (("flows.letters",), [Aspect.PROTOCOL])


def test_an_access_from_a_place_that_it_does_not_name_is_changed(town: Loaded):
    sighting = one(
        town, talk("198.51.100.17", "192.0.2.2", 22)
    )  # the maker's cloud stands in XB, its access is from XA
    assert (sighting.bucket, sighting.matches) == (Bucket.CHANGED, ("accesses.maker-vms",))
    [difference] = sighting.differences
    assert (difference.declared, difference.found) == ("xa", "campus")


def test_an_access_from_a_place_within_the_named_one_is_as_declared(town: Loaded):
    text = TOWN.replace("cloud: {kind: vendor-cloud, site: campus", "cloud: {kind: vendor-cloud, site: yard")
    assert one(loaded(text), talk("198.51.100.17", "192.0.2.2", 22)).bucket is Bucket.AS_DECLARED


UNDECLARED = {
    "an unknown address": (talk("192.0.2.65", "203.0.113.200", 443), "cameras", ""),
    "ours to ours": (talk("192.0.2.65", "192.0.2.3", 443), "cameras", "archive"),
    "one of ours that was refused": (talk("192.0.2.65", "203.0.113.200", 443, refused="deny"), "cameras", ""),
    "devices of one group": (talk("192.0.2.65", "192.0.2.66", 23), "cameras", "cameras"),
    "people without an access": (talk("203.0.113.1", "192.0.2.1", 22), "desk", "hub"),
    "a stranger's session": (talk("203.0.113.200", "192.0.2.2", 3389), "", "vms"),
    "ssh where a flow is by http": (talk("192.0.2.2", "198.51.100.17", 22), "vms", "cloud"),
    "an access that is physical only": (talk("203.0.113.1", "silo", 22), "desk", "silo"),
    "a tunnel to a stranger": (talk("192.0.2.65", "203.0.113.200", None, transport="icmp"), "cameras", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", UNDECLARED)
def test_is_undeclared(town: Loaded, case: str):
    seen, source, destination = UNDECLARED[case]
    done = reconcile(town, [seen], LOGS)
    [sighting] = done.sightings
    assert (sighting.bucket, sighting.source, sighting.destination) == (Bucket.UNDECLARED, source, destination)
    assert [f.kind for f in done.findings][:1] == [FindingKind.UNDECLARED]
    assert not done.clean


ASIDE = {
    "neither end is ours": talk("203.0.113.200", "203.0.113.201", 443),
    "to everybody": talk("192.0.2.65", "224.0.0.251", 5353),
    "to everybody in IPv6": talk("2001:db8:1::7", "ff02::fb", 5353),
    "broadcast": talk("192.0.2.65", "255.255.255.255", 67),
    "within one system": talk("192.0.2.1", "hub.tiny.example", 443),
    "within one party's network": talk("198.51.100.5", "198.51.100.6", 443),
    "an echo between two of ours": talk("192.0.2.2", "192.0.2.3", None, transport="icmp"),
}


@pytest.mark.parametrize("case", ASIDE)
def test_is_of_no_concern(town: Loaded, case: str):
    done = reconcile(town, [ASIDE[case]], LOGS)
    assert done.sightings[0].bucket is Bucket.ASIDE
    assert done.sightings[0].why
    assert done.clean


TURNED_AWAY = {
    "a stranger at the door": talk("203.0.113.200", "192.0.2.1", 22, refused="deny"),
    "a declared flow that is blocked": talk("192.0.2.2", "198.51.100.17", 443, refused="drop"),
    "a login without a name": talk("", "hub", kind=SeenKind.SESSION, refused="by the broker"),
    "a device that the gate refused": talk("counters-01", "hub", kind=SeenKind.IDENTITY, refused="wrong-device"),
}


@pytest.mark.parametrize("case", TURNED_AWAY)
def test_what_did_not_get_through_is_no_flow_and_no_finding(town: Loaded, case: str):
    done = reconcile(town, [TURNED_AWAY[case]], LOGS)
    assert done.sightings[0].bucket is Bucket.TURNED_AWAY
    assert done.clean


def test_a_declared_flow_that_is_blocked_is_silent_and_it_is_said_why(town: Loaded):
    done = reconcile(town, [TURNED_AWAY["a declared flow that is blocked"]], LOGS)
    found = verdict(done, "flows.to-cloud")
    assert (found.outcome, found.why, found.count) == (Outcome.SILENT, "it was tried, and turned away", 0)


def test_a_session_that_no_log_places_is_told_with_what_is_not_known(town: Loaded):
    done = reconcile(town, [AS_DECLARED["from where is not known"][0]], LOGS)
    found = verdict(done, "accesses.maker-vms")
    assert (found.outcome, found.why) == (Outcome.AS_DECLARED, "from where is not known")


# --- by the gate


def gate(flow: str, source: str, destination: str = "hub", **more: object) -> Seen:
    return talk(source, destination, flow=flow, where_from="state database", **{"transport": "", **more})


def test_what_the_gate_let_in_is_as_declared(town: Loaded):
    done = reconcile(town, [gate("counts-in", "counters", count=500)], CITY)
    found = verdict(done, "flows.counts-in")
    assert (found.outcome, found.count) == (Outcome.AS_DECLARED, 500)


def test_a_property_that_no_flow_carries_is_undeclared_though_it_was_refused(town: Loaded):
    done = reconcile(town, [gate("", "counters-02", refused="no-flow", count=7)], CITY)
    [finding] = [f for f in done.findings if f.kind is FindingKind.UNDECLARED]
    assert finding.what.startswith(
        "`counters` (counters-02) tried to send to `hub`, and was refused (no-flow): 7 times"
    )


def test_a_flow_that_the_declaration_has_no_more_is_undeclared(town: Loaded):
    assert one(town, gate("old-flow", ""), CITY).bucket is Bucket.UNDECLARED


def test_an_identity_nobody_declared_is_undeclared(town: Loaded):
    done = reconcile(town, [talk("ghost", "hub", kind=SeenKind.IDENTITY, refused="unknown-device")], CITY)
    [finding] = [f for f in done.findings if f.kind is FindingKind.UNDECLARED]
    assert "`ghost` claimed to be a device of `hub`, and was refused (unknown-device)" in finding.what
    assert [where.split("  ")[1] for where in finding.where] == ["systems.hub"]


def test_a_stored_device_that_speaks_is_changed_even_where_it_was_refused(town: Loaded):
    done = reconcile(town, [talk("spare", "hub", kind=SeenKind.IDENTITY, refused="inactive-device")], CITY)
    assert verdict(done, "devices.spare").outcome is Outcome.CHANGED
    [finding] = [f for f in done.findings if f.kind is FindingKind.CHANGED]
    assert "device `spare` was seen otherwise than declared: status declared `stored`" in finding.what
    assert finding.where[0].endswith("devices.spare.status")


def test_a_stored_device_that_answers_a_stranger_is_told_though_the_stranger_was_refused(town: Loaded):
    seen = talk("203.0.113.77", "192.0.2.80", 443, refused="deny", bytes_back=1)
    sighting = one(town, seen)
    assert (sighting.bucket, aspects(sighting)) == (Bucket.UNDECLARED, [Aspect.STATUS])
    assert verdict(reconcile(town, [seen], LOGS), "devices.spare").outcome is Outcome.CHANGED
    silent = one(town, talk("203.0.113.77", "192.0.2.80", 443, refused="deny"))
    assert (silent.bucket, silent.differences) == (Bucket.TURNED_AWAY, ())


def test_the_devices_of_a_group_that_were_not_heard_are_named(town: Loaded):
    heard = [gate("counts-in", "counters"), talk("counters-01", "hub", kind=SeenKind.IDENTITY)]
    done = reconcile(town, heard, CITY)
    found = verdict(done, "devices.counters")
    assert (found.outcome, found.silent) == (Outcome.SILENT, ("counters-02",))
    assert any(
        "device `counters` is active, and 1 of it were not heard: `counters-02`" in f.what for f in done.findings
    )
    assert done.clean  # silence is no drift
    both = reconcile(town, [*heard, talk("counters-02", "hub", kind=SeenKind.IDENTITY)], CITY)
    assert verdict(both, "devices.counters").outcome is Outcome.AS_DECLARED


# --- what was not seen


@pytest.mark.parametrize(
    ("path", "given", "outcome"),
    [
        ("flows.counts-in", LOGS, Outcome.SILENT),
        ("flows.counts-in", CITY, Outcome.SILENT),
        ("flows.counts-in", Given(), Outcome.NO_OBSERVER),
        ("flows.video-in", CITY, Outcome.NO_OBSERVER),  # a camera does not speak to our gate
        ("flows.video-in", LOGS, Outcome.SILENT),
        ("flows.to-silo", LOGS, Outcome.NO_OBSERVER),  # a system without an address
        ("flows.to-reader", LOGS, Outcome.SILENT),  # a party with an addressed system
        ("flows.spare-in", LOGS, Outcome.NOT_EXPECTED),
        ("flows.guess", LOGS, Outcome.NOT_EXPECTED),
        ("flows.letters", LOGS, Outcome.NOT_EXPECTED),
        ("flows.hidden", LOGS, Outcome.NOT_OBSERVABLE),
        ("devices.counters", LOGS, Outcome.SILENT),
        ("devices.counters", CITY, Outcome.SILENT),
        ("devices.cameras", CITY, Outcome.NO_OBSERVER),
        ("devices.radio", LOGS, Outcome.NO_OBSERVER),
        ("devices.spare", LOGS, Outcome.NOT_EXPECTED),
        ("devices.shop", LOGS, Outcome.NOT_EXPECTED),
        ("accesses.admin", CITY, Outcome.SILENT),
        ("accesses.maker-vms", LOGS, Outcome.SILENT),
        ("accesses.maker-vms", CITY, Outcome.NO_OBSERVER),
        ("accesses.keys", LOGS, Outcome.NOT_OBSERVABLE),
        ("accesses.visit", LOGS, Outcome.NOT_EXPECTED),
    ],
)
def test_what_was_not_seen_is_silent_only_where_somebody_looked(
    town: Loaded, path: str, given: Given, outcome: Outcome
):
    assert verdict(reconcile(town, [], given), path).outcome is outcome


def test_what_was_seen_before_the_window_tells_when_it_was_last(town: Loaded):
    since = Given(logs=("fw.csv",), since_us=NOON + DAY)
    done = reconcile(town, [talk("192.0.2.33", "192.0.2.1", 8883)], since)
    found = verdict(done, "flows.counts-in")
    assert (found.outcome, found.last_us, found.count) == (Outcome.SILENT, NOON, 0)
    assert any(
        "`counts-in` is declared and was not seen" in f.what and "last seen on 2026-05-01" in f.what
        for f in done.findings
    )
    assert done.buckets[Bucket.ASIDE] == 1


def test_a_flow_whose_agreement_ended_before_the_window_is_not_expected(town: Loaded):
    done = reconcile(town, [], Given(logs=("fw.csv",), since_us=NOON + 90 * DAY))
    found = verdict(done, "flows.to-reader")
    assert (found.outcome, found.why) == (Outcome.NOT_EXPECTED, "ended on 2026-06-30")


def test_a_seen_device_counts_as_heard_also_where_it_only_answers(town: Loaded):
    answered = reconcile(town, [talk("192.0.2.2", "192.0.2.65", 554, bytes=1, bytes_back=1)], LOGS)
    assert verdict(answered, "devices.cameras").outcome is Outcome.AS_DECLARED
    unanswered = reconcile(town, [talk("192.0.2.2", "192.0.2.65", 554, bytes=1, bytes_back=0)], LOGS)
    assert verdict(unanswered, "devices.cameras").outcome is Outcome.SILENT


def test_a_device_in_maintenance_may_be_seen(town: Loaded):
    done = reconcile(town, [talk("192.0.2.81", "203.0.113.200", 443)], LOGS)
    assert verdict(done, "devices.shop").outcome is Outcome.AS_DECLARED


# --- what is said


def test_says_who_spoke_to_whom_how_much_when_and_by_which_lines(town: Loaded):
    seen = [
        talk("192.0.2.65", "203.0.113.200", 443, "ssl", count=30, bytes=12_000_000, bytes_back=5_000, where_from="c.log:12"),
        talk("192.0.2.66", "203.0.113.200", 443, "ssl", count=6, bytes=100_000, last_us=NOON + DAY, where_from="c.log:9"),
    ]  # fmt: skip
    [finding] = [f for f in reconcile(town, seen, LOGS).findings if f.kind is FindingKind.UNDECLARED]
    assert finding.what == (
        "`cameras` (192.0.2.65, 192.0.2.66) connected to 203.0.113.200 (an address that no record names) by http over TLS, "
        "port 443: 36 times, 12.1 MB out and 5.0 kB back, 2026-05-01 to 2026-05-02. No flow and no access declares it."
    )
    assert finding.seen_at == ("c.log:9", "c.log:12")
    assert [where.split("  ")[1] for where in finding.where] == ["devices.cameras"]
    assert "find out whose address it is" in finding.mend


def test_names_the_party_that_operates_what_was_reached(town: Loaded):
    [finding] = [
        f
        for f in reconcile(town, [talk("192.0.2.65", "198.51.100.17", 443)], LOGS).findings
        if f.kind is FindingKind.UNDECLARED
    ]
    assert "to `cloud` (of `maker`; 198.51.100.17)" in finding.what


def test_all_strangers_at_one_door_are_one_finding(town: Loaded):
    seen = [talk(f"203.0.113.{n}", "192.0.2.1", 22) for n in range(100, 150)]
    [finding] = [f for f in reconcile(town, seen, LOGS).findings if f.kind is FindingKind.UNDECLARED]
    assert "203.0.113.100, 203.0.113.101, 203.0.113.102 and 47 more (50 addresses that no record names)" in finding.what
    assert (finding.sightings, len(finding.seen_at)) == (50, 1)


def test_a_sighting_that_may_be_either_of_two_flows_gives_each_its_own_difference():
    text = TOWN.replace(
        "  copies:",
        "  more-to-reader: {from: hub, to: reader, datasets: [counts], purpose: plan, protocol: http, agreement: deal, "
        "observability: enforced}\n  copies:",
    )
    done = reconcile(loaded(text), [talk("192.0.2.1", "198.51.100.200", 80)], LOGS)
    for name in ("to-reader", "more-to-reader"):
        assert [d.path for d in verdict(done, f"flows.{name}").differences] == [f"flows.{name}.protection"]


def test_the_shares_count_every_flow_once_by_how_it_is_known(town: Loaded):
    done = reconcile(town, [case[0] for case in AS_DECLARED.values()], LOGS)
    declared = Counter(flow.observability for flow in town.place.flows.values())
    for share in done.shares:
        assert sum(share.outcomes.values()) == share.declared == declared[share.observability]


# --- whatever was seen

TEXTS = st.sampled_from(
    [
        "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.33", "192.0.2.65", "192.0.2.66", "192.0.2.80", "192.0.2.81",
        "198.51.100.5", "198.51.100.17", "198.51.100.200", "203.0.113.1", "203.0.113.200", "2001:db8:1::1", "224.0.0.1",
        "hub.tiny.example", "x.maker.example", "counters-01", "counters", "spare", "council", "silo", "ghost", "",
    ]
)  # fmt: skip
PORTS = st.sampled_from([None, 22, 80, 443, 554, 1883, 3389, 8883, 9999])
NUMBERS = st.none() | st.integers(0, 10**9)
TIMES = st.none() | st.integers(NOON - 10 * DAY, NOON + 100 * DAY)
SEEN = st.builds(
    lambda times, **more: Seen(first_us=times, last_us=times, **more),
    times=TIMES,
    kind=st.sampled_from(SeenKind),
    source=TEXTS,
    destination=TEXTS,
    port=PORTS,
    protocol=st.sampled_from(["", "http", "ssl", "ssl,mqtt", "ssh", "rtsp", "strange"]),
    transport=st.sampled_from(["", "tcp", "udp", "icmp"]),
    flow=st.sampled_from([None, None, None, "", "counts-in", "to-cloud", "old"]),
    dataset=st.sampled_from([None, "counts", "video"]),
    count=st.integers(0, 1000),
    bytes=NUMBERS,
    bytes_back=NUMBERS,
    refused=st.sampled_from(["", "", "deny", "no-flow"]),
    where_from=st.sampled_from(["a:1", "a:2", "b:1"]),
)
GIVEN = st.sampled_from([LOGS, CITY, Given(), Given(city="x", logs=("a",), since_us=NOON)])


@settings(max_examples=300, deadline=None)
@given(seen=st.lists(SEEN, max_size=30), by=GIVEN, seed=st.integers(0, 1000))
def test_every_sighting_is_in_one_bucket_every_record_has_one_outcome_and_order_changes_nothing(
    seen: list[Seen], by: Given, seed: int
):
    town = LOADED
    done = reconcile(town, seen, by)
    assert Counter(map(msgspec.json.encode, (s.seen for s in done.sightings))) == Counter(
        map(msgspec.json.encode, seen)
    )
    assert sum(done.buckets.values()) == len(seen)
    assert [v.path for v in done.flows] == [f"flows.{name}" for name in town.place.flows]
    assert [v.path for v in done.devices] == [f"devices.{name}" for name in town.place.devices]
    assert [v.path for v in done.accesses] == [f"accesses.{name}" for name in town.place.accesses]
    for sighting in done.sightings:
        assert bool(sighting.differences) == (sighting.bucket is Bucket.CHANGED) or sighting.bucket is Bucket.UNDECLARED
        assert sighting.bucket is not Bucket.AS_DECLARED or (sighting.matches and not sighting.seen.refused)
    told = sum(f.sightings for f in done.findings if f.kind is FindingKind.UNDECLARED)
    assert told == done.buckets[Bucket.UNDECLARED]
    assert done.clean == (not done.buckets[Bucket.UNDECLARED] and not done.buckets[Bucket.CHANGED])
    shuffled = list(seen)
    random.Random(seed).shuffle(shuffled)
    assert msgspec.json.encode(reconcile(town, shuffled, by)) == msgspec.json.encode(done)


@settings(max_examples=100, deadline=None)
@given(seen=st.lists(SEEN, max_size=15), more=st.lists(SEEN, max_size=5))
def test_seeing_more_never_moves_a_sighting_to_another_bucket(seen: list[Seen], more: list[Seen]):
    town = LOADED
    before = Counter(map(msgspec.json.encode, reconcile(town, seen, LOGS).sightings))
    after = Counter(map(msgspec.json.encode, reconcile(town, [*seen, *more], LOGS).sightings))
    assert before <= after


def test_the_answer_is_read_back_as_it_was_sent(town: Loaded):
    done = reconcile(town, [case[0] for case in CHANGED.values()], LOGS)
    assert msgspec.json.decode(msgspec.json.encode(done), type=Reconciled) == done
