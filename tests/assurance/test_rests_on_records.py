"""The constitution, held against every way in which a control calls something proven: take its records away, and it is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

import cityward.assurance.controls as rooms
from cityward.assurance.concluding import UnfoundedError, conclude
from cityward.assurance.control import Control, Example
from cityward.assurance.controls import find_controls
from cityward.assurance.examples import (
    DIGEST,
    NOW_US,
    SHARING,
    TOWN,
    admission,
    beat,
    changed,
    commanded,
    dossier_of,
    exercised,
    refused_ask,
    refused_command,
    released,
)
from cityward.assurance.results import PROVING, EvidenceClass, Ground, Judged, Result
from cityward.evidence.records import (
    AnyRecord,
    Approval,
    CommandOutcome,
    DeviceLife,
    FileNoted,
    RecipientLife,
    Release,
)
from cityward.guard.admit import UNDECLARED
from cityward.policy.approvals import scope_digest
from cityward.time import DAY, HOUR, MINUTE

CONTROLS = find_controls()

NEVER_PROVEN = frozenset(
    {
        "H-01", "H-02", "H-03", "J-01", "J-02", "J-06", "J-07", "J-08", "J-12", "K-03", "K-06", "K-07", "K-08", "K-09", "M-02",
        "P-01", "P-08", "R-02", "R-03", "R-04", "R-09", "X-01", "X-07", "X-09",
    }
)  # fmt: skip
"""These rest on the declaration and on people: *stated* is the best that they say."""

_LAMP, _COUNTER = ("devices.lamp-1",), ("devices.counter-1",)
_ESSENTIAL = changed(("services:", "functions:\n  lit: {service: street-light, essential: true}\nservices:"))
_NOTICED = changed(
    ("xa: {code: XA, home: true}", "xa: {code: XA, home: true, reporting: {early: {title: Early, to: the desk, hours: 24, "
     "applies: any}}}"),
)  # fmt: skip


def _tried(control: str, scenario: str, subjects: tuple[str, ...], services: tuple[str, ...] = ()) -> AnyRecord:
    """An exercise in which all that the control rests on was met."""
    return exercised(scenario, services, subjects=subjects, met=CONTROLS[control].tries[scenario])


def _suspect() -> AnyRecord:
    return CONTROLS["I-07"].avoid.entries[0][1]


def _as_approved() -> Approval:
    place = dossier_of(Example(SHARING)).place
    return Approval(
        at=NOW_US - HOUR, by="people", agreement="share", person="ada", control=DIGEST, scope=scope_digest("share", place)
    )  # fmt: skip


def _agreed() -> AnyRecord:
    return CONTROLS["J-05"].prefer.entries[0][1]


def _told() -> tuple[AnyRecord, ...]:
    def step(word: str, at: int, **more: object) -> FileNoted:
        return FileNoted(at=at, by="operator", file="f1", step=word, person="ada", text="a lamp", **more)  # type: ignore[arg-type]

    opened = step("opened", NOW_US - 5 * HOUR, subjects=("devices.lamp-1",))
    return opened, step("told", NOW_US - 3 * HOUR, to="the desk", facts={"duty": "xa.early"})


MORE: tuple[tuple[str, str, tuple[AnyRecord, ...]], ...] = (
    ("I-01", TOWN, (_tried("I-01", "S-18", _COUNTER),)),
    ("I-02", TOWN, (refused_command("quarantined"),)),
    ("I-03", CONTROLS["I-03"].prefer.declaration, (refused_command("too-few-sources"),)),
    ("I-04", TOWN, (refused_command("too-old"),)),
    ("I-05", CONTROLS["I-05"].prefer.declaration, (_tried("I-05", "S-03", (), ("street-light",)),)),
    ("I-07", TOWN, (structs.replace(_suspect(), state="cleared", at=NOW_US - DAY),)),
    ("J-04", CONTROLS["J-04"].prefer.declaration, (refused_ask("from-elsewhere"),)),
    ("J-05", SHARING, (_agreed(), structs.replace(released("planner"), agreement="share"))),
    ("J-05", SHARING, (structs.replace(_agreed(), control=DIGEST), refused_ask("pending"))),
    ("K-04", TOWN, (admission(UNDECLARED, 0, 7, "unknown-device"),)),
    ("K-04", SHARING, (released("planner"),)),
    ("M-06", TOWN, (admission("counts-in", 5),)),
    ("M-06", TOWN, (beat(2, NOW_US - 5 * MINUTE), beat(3))),
    ("P-02", SHARING, (refused_ask("not-agreed"),)),
    ("P-03", SHARING, (_as_approved(), structs.replace(released("planner"), agreement="share"))),
    ("R-06", SHARING, (released("planner"),)),
    ("R-07", _NOTICED, _told()),
    ("X-02", TOWN, (exercised("S-23", (), subjects=_COUNTER, met=("json-refused",)),)),
    ("X-05", TOWN, (_tried("X-05", "S-16", _COUNTER),)),
    ("X-06", TOWN, (_tried("X-06", "S-17", _COUNTER),)),
    ("X-08", CONTROLS["J-11"].prefer.declaration, (_tried("X-08", "S-22", ("parties.firm",)),)),
)
"""Ways to be proven that a control's own *Prefer* place does not take."""

WAYS = [
    *((control, control.prefer) for control in CONTROLS.values() if control.id not in NEVER_PROVEN | {"J-04", "J-05"}),
    *(
        (CONTROLS[name], Example(text, tuple((f"log:{n}", one) for n, one in enumerate(records)), NOW_US))
        for name, text, records in MORE
    ),
]


@pytest.mark.parametrize(("control", "example"), WAYS, ids=[f"{control.id}-{n}" for n, (control, _) in enumerate(WAYS)])
def test_without_its_own_records_a_subject_is_not_proven(control: Control, example: Example) -> None:
    """Subject by subject, and all of them: none is carried by the record of another."""
    proven = [one for one in conclude(control, dossier_of(example)).subjects if one.result is Result.PROVEN]
    assert proven
    entries = dict(example.entries)
    for one in proven:
        named = {ground.record for ground in one.grounds if ground.cls in PROVING}
        assert named
        assert named <= entries.keys()
        after = conclude(control, dossier_of(example, frozenset(named)))
        (left,) = [two for two in after.subjects if two.subject == one.subject] or [None]
        assert left is None or left.result in {Result.UNKNOWN, Result.STATED}
        assert left is None or left.result is Result.UNKNOWN or all(g.cls not in PROVING for g in left.grounds)
    gone = frozenset(g.record for one in proven for g in one.grounds if g.cls in PROVING)
    assert conclude(control, dossier_of(example, gone)).result is not Result.PROVEN


def test_every_control_is_proven_here_or_never_is() -> None:
    assert {control.id for control, _ in WAYS} | NEVER_PROVEN == CONTROLS.keys()
    assert not {control.id for control, _ in WAYS} & NEVER_PROVEN
    for path in Path(rooms.__file__).parent.glob("[a-z]_*.py"):
        name = "-".join(path.stem.split("_")[:2]).upper()
        text = path.read_text()
        assert ("Result.PROVEN" in text or "tried(" in text) == (name not in NEVER_PROVEN), name


# -- what no control may do, whoever writes it --------------------------------------------------------------------------

K_04 = CONTROLS["K-04"]
SENT = ("worker-0:1", admission("counts-in", 5))


def ruled(*grounds: Ground, entries: tuple[tuple[str, AnyRecord], ...] = (SENT,)) -> Result:
    """What is concluded of a judgement that calls something proven on these grounds."""
    control = replace(K_04, check=lambda _: [Judged("flows.x", Result.PROVEN, "all is well", grounds)])
    return conclude(control, dossier_of(Example(TOWN, entries, NOW_US))).result


@pytest.mark.parametrize("cls", sorted(PROVING))
@pytest.mark.parametrize("record", ["place.yaml:12  flows.x", "worker-0:2", "exercise:0", ""])
def test_what_is_named_as_a_proof_must_be_an_entry_on_record(cls: EvidenceClass, record: str) -> None:
    with pytest.raises(UnfoundedError, match=r"K-04 calls flows\.x proven"):
        ruled(Ground(cls, record, "", NOW_US))


@pytest.mark.parametrize(
    ("at", "cls", "expected"),
    [
        (NOW_US, EvidenceClass.OBSERVED, Result.PROVEN),
        (NOW_US + 1, EvidenceClass.OBSERVED, Result.UNKNOWN),
        (NOW_US + 1, EvidenceClass.TESTED, Result.UNKNOWN),
        (NOW_US - 31 * DAY, EvidenceClass.ENFORCED, Result.UNKNOWN),
        (NOW_US - 364 * DAY, EvidenceClass.TESTED, Result.PROVEN),
        (NOW_US - 366 * DAY, EvidenceClass.TESTED, Result.UNKNOWN),
    ],
    ids=["of now", "to come", "tried later", "of last month", "tried within the year", "tried before it"],
)
def test_what_is_to_come_or_long_past_proves_nothing(at: int, cls: EvidenceClass, expected: Result) -> None:
    assert ruled(Ground(cls, SENT[0], "", at)) is expected


def test_a_clock_that_was_set_back_is_told_of() -> None:
    later = Example(TOWN, (("worker-0:1", admission("counts-in", 5, at=NOW_US + DAY)),), NOW_US)
    (told,) = conclude(K_04, dossier_of(later)).subjects
    assert told.result is Result.UNKNOWN
    assert "2027-01-16" in told.said


# -- what is only the absence of something is no proof where the log was not kept to its end -----------------------------

_QUARANTINED = CONTROLS["I-02"].prefer.entries[0][1]
_REVOKED = RecipientLife(at=NOW_US - DAY, by="people", recipient="planner", to="revoked", person="ada", detail={})
_STOLEN = DeviceLife(at=NOW_US - DAY, by="people", device="lamp-1", to="stolen", person="ada", detail={})


def _released(n: int) -> Release:
    return structs.replace(released("other"), at=NOW_US - n)


def _outcome(n: int) -> CommandOutcome:
    return CommandOutcome(
        at=NOW_US - n, by="service", command_id=f"c{n}", device="lamp-2", outcome="acknowledged", level=4
    )


@pytest.mark.parametrize(
    ("name", "first", "later"),
    [
        ("I-02", _QUARANTINED, [commanded(f"c{n}", (), at=NOW_US - n) for n in (3, 2, 1)]),
        ("M-03", _REVOKED, [_released(n) for n in (3, 2, 1)]),
        ("R-05", _STOLEN, [_outcome(n) for n in (3, 2, 1)]),
    ],
)
def test_silence_is_no_proof_where_older_entries_are_not_kept(
    name: str, first: AnyRecord, later: list[AnyRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    example = Example(TOWN, (("x:0", first), *((f"y:{n}", one) for n, one in enumerate(later))), NOW_US)
    assert conclude(CONTROLS[name], dossier_of(example)).result is Result.PROVEN
    monkeypatch.setattr("cityward.assurance.trail.MOST_KEPT", 2)
    assert conclude(CONTROLS[name], dossier_of(example)).result is Result.UNKNOWN


def test_an_approval_is_a_word_and_no_proof() -> None:
    """Nothing left by it, and nothing was kept back: that the gate waits for it was not seen."""
    verdict = conclude(CONTROLS["J-05"], dossier_of(CONTROLS["J-05"].prefer))
    assert (verdict.result, set(verdict.by_class)) == (Result.STATED, {EvidenceClass.ATTESTED})


# -- of another declaration ---------------------------------------------------------------------------------------------


def test_what_was_held_to_another_declaration_does_not_show_that_this_one_holds() -> None:
    older = structs.replace(admission("counts-in", 5), declaration="1" * 64)
    (told,) = conclude(K_04, dossier_of(Example(TOWN, (("worker-0:1", older),), NOW_US))).subjects
    assert (told.result, "another declaration" in told.said) == (Result.UNKNOWN, True)


@pytest.mark.parametrize(("name", "reason"), [("X-02", "out-of-range"), ("X-05", "wrong-device"), ("X-06", "replay")])
def test_rows_refused_by_another_declaration_show_nothing_of_this_one(name: str, reason: str) -> None:
    older = structs.replace(admission("counts-in", 5, 2, reason), declaration="1" * 64)
    assert (
        conclude(CONTROLS[name], dossier_of(Example(TOWN, (("worker-0:1", older),), NOW_US))).result is Result.UNKNOWN
    )
