"""The report as data: four numbers with how they came about, what must be read first, and what changed since the last one."""

from __future__ import annotations

import msgspec
import pytest
from msgspec import structs

from cityward.assurance.assessing import assess
from cityward.assurance.control import Example
from cityward.assurance.controls import find_controls
from cityward.assurance.examples import NOW_US, TOWN, admission, changed, dossier_of, exercised
from cityward.assurance.reporting.building import report_of
from cityward.assurance.reporting.changes import changes
from cityward.assurance.reporting.model import LogRead, Report, decode, encode
from cityward.evidence.records import AnyRecord, CommandOutcome
from cityward.guard.admit import UNDECLARED
from cityward.time import DAY

CONTROLS = find_controls()
ESSENTIAL = changed(("services:", "functions:\n  lit: {service: street-light, essential: true}\nservices:"))


def report(text: str, *entries: tuple[str, AnyRecord], controls: tuple[str, ...] = ("K-04", "K-03")) -> Report:
    dossier = dossier_of(Example(text, entries, NOW_US))
    asked = {name: CONTROLS[name] for name in controls}
    logs = [LogRead(log="worker-0", entries=len(entries), last="")]
    return report_of(assess(dossier, asked), dossier, asked, logs, "0")


def number(found: Report, name: str) -> str:
    return next(one.value for one in found.headlines if one.id == name)


def test_the_same_city_and_moment_give_the_same_bytes() -> None:
    entries = (("worker-0:1", admission("counts-in", 5)),)
    assert encode(report(TOWN, *entries)) == encode(report(TOWN, *entries))


def test_a_report_is_read_again_as_it_was_written() -> None:
    found = report(TOWN, ("worker-0:1", admission("counts-in", 5)))
    assert decode(encode(found)) == found
    assert decode(encode(found)).digest() == found.digest()


@pytest.mark.parametrize("data", [b"", b"{}", b"[" * 100_000, b"\xff", b'{"format":"other"}'])
def test_what_is_no_report_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(data)


def test_a_report_of_another_format_is_refused() -> None:
    other = structs.replace(report(TOWN), format="cityward-report/9")
    with pytest.raises(msgspec.DecodeError, match="cityward-report/9"):
        decode(encode(other))


def test_without_evidence_the_numbers_of_what_happened_are_unknown() -> None:
    found = report(TOWN)
    assert number(found, "undeclared-refused") == "unknown"
    assert number(found, "assets-explained") == "unknown"
    assert number(found, "drilled") == "unknown"  # nothing here is essential


def test_rows_that_no_flow_carries_are_counted() -> None:
    refused = admission(UNDECLARED, 0, 7, "unknown-device")
    assert number(report(TOWN, ("worker-0:1", refused)), "undeclared-refused") == "7"


def test_an_asset_is_explained_by_what_it_sent_or_obeyed() -> None:
    """Of the counter, the lamp and the platform: the flow explains its two ends, the outcome the lamp."""
    sent = ("worker-0:1", admission("counts-in", 5))
    obeyed = CommandOutcome(at=NOW_US, by="service", command_id="c", device="lamp-1", outcome="acknowledged", level=40)
    old = ("worker-0:1", admission("counts-in", 5, at=NOW_US - 8 * DAY))
    assert number(report(TOWN, sent), "assets-explained") == "66 % (2 of 3)"
    assert number(report(TOWN, sent, ("service:1", obeyed)), "assets-explained") == "100 % (3 of 3)"
    assert number(report(TOWN, old), "assets-explained") == "0 % (0 of 3)"


@pytest.mark.parametrize(("days", "told"), [(364, "1 of 1"), (366, "0 of 1")])
def test_a_drill_counts_for_twelve_months(days: int, told: str) -> None:
    run = exercised("S-12", ("street-light",), at=NOW_US - days * DAY)
    assert number(report(ESSENTIAL, ("exercise:1", run)), "drilled") == told


def test_countries_are_counted_by_how_they_reach_what_is_not_public() -> None:
    """The council and its yard are in `xa`, and no instrument is declared: access, and no power."""
    internal = changed(("sensitivity: public", "sensitivity: internal"))
    found = report(internal)
    assert number(found, "countries-reaching") == "0 by a declared power, 1 by access alone, 0 not known"
    (one,) = [head for head in found.headlines if head.id == "countries-reaching"]
    assert one.detail == ("xa: access alone, no declared power to use it",)
    assert number(report(TOWN), "countries-reaching") == "none: no such data is declared"


def test_that_unknown_outweighs_what_is_known_is_said_first() -> None:
    (first,) = report(TOWN, controls=("K-04",)).warnings
    assert first.startswith("More is unknown than known: of 1 subjects nobody can say anything of 1.")
    assert report(TOWN, ("worker-0:1", admission("counts-in", 5)), controls=("K-04",)).warnings == ()


def test_that_most_flows_cannot_be_seen_is_said_first() -> None:
    blind = changed(("observability: enforced", "observability: inferred"))
    assert any(one.startswith("Of 1 declared flows Cityward can see 0.") for one in report(blind).warnings)


def test_each_ground_names_its_entry_or_its_line() -> None:
    found = report(TOWN, ("worker-0:1", admission("counts-in", 5)))
    grounds = [ground for one in found.controls for judged in one.subjects for ground in judged.grounds]
    assert all(bool(ground.entry) != bool(ground.line) for ground in grounds)
    assert found.entries() == ("worker-0:1",)


def test_what_a_person_may_still_state_is_named() -> None:
    attestable = next(control for control in CONTROLS.values() if control.attestable and control.supports.get("NCSC"))
    found = report(attestable.avoid.declaration, controls=(attestable.id,))
    unknown = {judged.subject for one in found.controls for judged in one.subjects if judged.result == "unknown"}
    named = {line for one in found.principles for line in one.to_state}
    assert named == {f"{attestable.id} {subject}" for subject in unknown}


def test_threats_are_counted_by_how_they_stand() -> None:
    """One flow between two zones: six threats. What holds of it is known to nobody, until a control that speaks of it does."""
    zoned = CONTROLS["X-01"].avoid.declaration
    asked = report(zoned, controls=("X-01",)).threats  # it speaks of no threat
    assert sum(asked.values()) == 6
    found = report(zoned, controls=tuple(CONTROLS)).threats
    assert (sum(found.values()), found["met by evidence"]) == (6, 0)
    assert found != asked


def test_a_report_from_before_threats_were_counted_is_read() -> None:
    old = msgspec.json.decode(encode(report(TOWN)))
    del old["threats"]
    assert decode(msgspec.json.encode(old)).threats == {}


def test_a_report_against_itself_shows_no_change() -> None:
    found = report(TOWN)
    assert changes(found, found).nothing


def test_what_got_better_worse_new_and_gone_is_told_by_finding() -> None:
    before = report(TOWN)
    sent = ("worker-0:1", admission("counts-in", 5))
    after = report(TOWN, sent)
    (better,) = changes(before, after).better
    assert (better.control, better.subject, better.before, better.after) == (
        "K-04",
        "flows.counts-in",
        "unknown",
        "proven",
    )
    (worse,) = changes(after, before).worse
    assert (worse.finding, worse.after) == (better.finding, "unknown")
    assert [one.id for one in changes(before, after).controls] == ["K-04"]
    assert {one.id for one in changes(before, after).headlines} == {"undeclared-refused", "assets-explained"}

    more = changed((
        "services:",
        "  far: {from: lamp-1, to: cityward, datasets: [counts], purpose: planning, protocol: mqtt, "
        "observability: inferred}\nservices:",
    ))  # fmt: skip
    grown = changes(before, report(more))
    assert grown.declaration_changed
    assert [one.subject for one in grown.new if one.control == "K-04"] == ["flows.far"]
    shrunk = changes(report(more), before)
    assert [(one.subject, one.after) for one in shrunk.gone if one.control == "K-04"] == [("flows.far", "")]
