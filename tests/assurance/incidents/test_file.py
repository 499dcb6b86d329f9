"""Incident files as folds, with entries made by hand."""

from __future__ import annotations

from cityward.assurance.control import Example
from cityward.assurance.examples import NOW_US, TOWN, commanded, dossier_of
from cityward.assurance.incidents.account import account_of, files_in
from cityward.assurance.incidents.file import IncidentFile, files_of
from cityward.assurance.incidents.timeline import MOST_OF_A_KIND
from cityward.assurance.trail import Trail
from cityward.evidence.records import AnyRecord, FileNoted, Found
from cityward.time import HOUR, MINUTE


def found(incident: str, severity: str, at: int = NOW_US, subject: str = "counter-1") -> Found:
    return Found(
        at=at, by="watch", finding=f"f-{incident}", detector="limits", what="beyond its limits", subject=subject,
        property="vehicle-count", severity=severity, phase="began", began_at=at - HOUR, score=9.0, incident=incident, facts={},
    )  # fmt: skip


def step(kind: str, at: int, file: str = "i1", **more: object) -> FileNoted:
    return FileNoted(at=at, by="operator", file=file, step=kind, person="ada", text=kind, **more)  # type: ignore[arg-type]


def files(*records: AnyRecord, open_at: str | None = None) -> dict[str, IncidentFile]:
    return dict(files_of(Trail((f"log:{n}", record) for n, record in enumerate(records)), open_at))


def test_only_what_is_severe_enough_has_a_file_by_itself() -> None:
    records = (found("i1", "high"), found("i2", "critical"))
    assert list(files(*records)) == []
    assert list(files(*records, open_at="critical")) == ["i2"]
    assert list(files(*records, open_at="high")) == ["i1", "i2"]


def test_an_incident_that_grows_worse_has_a_file_from_its_first_finding_on() -> None:
    (one,) = files(found("i1", "low"), found("i1", "critical", NOW_US + HOUR), open_at="critical").values()
    assert (one.opened_at, one.entry, one.severity) == (NOW_US, "log:0", "critical")


def test_the_city_could_know_of_it_before_somebody_opened_a_file() -> None:
    (one,) = files(found("i1", "high"), step("opened", NOW_US + 5 * HOUR, incidents=("i1",))).values()
    assert (one.opened_at, one.aware_at, one.began_at) == (NOW_US + 5 * HOUR, NOW_US, NOW_US - HOUR)


def test_steps_are_taken_in_the_order_of_their_time_whatever_log_they_are_of() -> None:
    (one,) = files(step("closed", NOW_US + 2), step("opened", NOW_US), step("noted", NOW_US + 1)).values()
    assert [entry.record.step for entry in one.steps] == ["opened", "noted", "closed"]
    assert one.state == "closed"


def test_a_note_leaves_a_closed_file_closed_and_a_decision_opens_it() -> None:
    closed = (step("opened", NOW_US), step("closed", NOW_US + 1))
    assert files(*closed, step("noted", NOW_US + 2))["i1"].state == "closed"
    assert files(*closed, step("decided", NOW_US + 2))["i1"].state == "open"


def test_the_newest_word_on_how_many_people_counts_and_none_is_made_up() -> None:
    assert files(step("opened", NOW_US))["i1"].people == ""
    said = (step("noted", NOW_US + 1, facts={"people": "40"}), step("noted", NOW_US + 2, facts={"people": "about 60"}))
    assert files(step("opened", NOW_US), *said)["i1"].people == "about 60"


def test_a_joined_incident_brings_its_subjects() -> None:
    records = (found("i1", "high"), found("i2", "low", NOW_US, "lamp-1"))
    opened = step("opened", NOW_US, incidents=("i1",))
    assert files(*records, opened)["i1"].subjects == ("counter-1",)
    joined = files(*records, opened, step("joined", NOW_US + 1, incidents=("i2",)))
    assert joined["i1"].subjects == ("counter-1", "lamp-1")


def test_a_flood_of_commands_is_counted_and_leaves_room_for_the_rest() -> None:
    commands = tuple(commanded(f"c{n}", ("counter-1",), NOW_US + n * MINUTE) for n in range(MOST_OF_A_KIND + 30))
    records = (step("opened", NOW_US, subjects=("counter-1",)), *commands)
    dossier = dossier_of(Example(TOWN, tuple((f"log:{n}", record) for n, record in enumerate(records)), NOW_US + HOUR))
    account = account_of(dossier, files_in(dossier)["i1"])
    assert account.timeline.more == {"command": 30}
    assert len(account.timeline.moments) == MOST_OF_A_KIND + 1
    assert account.affected.lineage[0].commands_more == 130  # of 230 the newest hundred by name
    assert account.affected.services == ("street-light",)


def test_a_system_that_is_affected_touches_what_it_receives_and_a_zone_is_not_followed() -> None:
    records = (
        step("opened", NOW_US, subjects=("system:cityward",)),
        step("opened", NOW_US, "i2", subjects=("zone:a",)),
    )
    dossier = dossier_of(Example(TOWN, tuple((f"log:{n}", record) for n, record in enumerate(records)), NOW_US))
    system, zone = (account_of(dossier, file).affected for file in files_in(dossier).values())
    assert (system.flows, system.datasets, system.personal.value) == (("counts-in",), ("counts",), "no")
    assert (zone.unplaced, zone.personal.value) == (("zone:a",), "unknown")
