"""What S-01 to S-12 wait for: met when the record is there, not when it is another's, absent, or from before the step."""

from __future__ import annotations

from functools import cache

import pytest

from cityward.compose.places import demo_place, load_place
from cityward.evidence.records import (
    AnyRecord,
    CommandIssued,
    Contained,
    Lifecycle,
    OverrideBegun,
    OverrideEnded,
    ViewGranted,
    ViewRefused,
)
from cityward.exercises.expecting import broker_refused, stopped
from cityward.exercises.planning import planned
from cityward.exercises.scenario import Must, Plan
from cityward.exercises.scenarios import find_scenarios
from cityward.exercises.scene import Scene
from cityward.exercises.seen import Answer, Seen
from cityward.exercises.steps import Ask, Send

BEGAN = 1_790_000_000_000_000
S = 1_000_000


@cache
def plan_of(id_: str) -> Plan:
    plan = planned(find_scenarios()[id_], Scene(load_place(demo_place()), BEGAN, 60.0), 7)
    assert isinstance(plan, Plan)
    return plan


def must(id_: str, name: str) -> Must:
    return next(one for one in plan_of(id_).musts if one.id == name)


def seen(id_: str, *records: AnyRecord, answers: dict[str, Answer] | None = None, values: object = None) -> Seen:
    done = {step.key: BEGAN + round(step.at_s * S) for step in plan_of(id_).steps}
    entries = sorted(((str(n), one) for n, one in enumerate(records)), key=lambda entry: entry[1].at)
    return Seen(BEGAN, BEGAN + 3600 * S, entries, done, answers or {}, values or {})  # type: ignore[arg-type]


def refusals(at_s: float, **counts: str) -> Lifecycle:
    detail = {f"broker-refused {name.replace('_', '-')}": n for name, n in counts.items()}
    return Lifecycle(at=BEGAN + round(at_s * S), by="steward", event="broker-refusals", detail=detail)


def test_frames_are_refused_when_the_broker_has_put_every_one_on_record() -> None:
    frames = [step for step in plan_of("S-01").steps if isinstance(step, Send) and step.key.startswith("frame-")]
    target = frames[0].topic.removeprefix("cmd/") if frames[0].topic else ""
    one = must("S-01", "frames-refused")
    short = refusals(300, **{target.replace("-", "_"): str(len(frames) - 1)})
    taken = {step.key: Answer(200, BEGAN + round(step.at_s * S)) for step in frames}
    assert one.when(seen("S-01", short, answers=taken)) is None
    both = (short, refusals(360, **{target.replace("-", "_"): "1"}))
    assert one.when(seen("S-01", *both, answers=taken)) == BEGAN + 360 * S
    assert one.when(seen("S-01", *both)) is None  # of none is it known what came of it


def test_a_frame_whose_sender_is_turned_away_in_the_midst_is_refused_too() -> None:
    away, late = Answer(0, BEGAN + 400 * S), {"a": Answer(200, BEGAN), "b": Answer(200, BEGAN)}
    record = Seen(BEGAN, BEGAN + 600 * S, [("1", refusals(5, lamp_01="2"))], {"a": BEGAN}, late | {"c": away}, {})
    assert stopped(("a", "b", "c"), "a", ["lamp-01"])(record) == BEGAN + 400 * S
    assert stopped(("a", "b", "c"), "a", ["lamp-02"])(record) is None
    assert stopped(("c",), "a", ["lamp-02"])(record) == BEGAN + 400 * S
    assert stopped(("a", "d"), "a", ["lamp-01"])(record) is None


def test_refusals_of_other_devices_topics_do_not_count() -> None:
    done = {"it": BEGAN}
    record = refusals(5, lamp_02="3")
    told = Seen(BEGAN, BEGAN + 60 * S, [("1", record)], done, {}, {})
    assert broker_refused("it", ["lamp-01"], 1)(told) is None
    assert broker_refused("it", ["lamp-02"], 3)(told) == BEGAN + 5 * S


def test_a_lamp_that_shows_what_the_frame_asked_for_breaks_what_must_be_kept() -> None:
    """37 % of the way from 10 to 100 are 43."""
    frame = next(step for step in plan_of("S-01").steps if step.key == "frame-0")
    assert isinstance(frame, Send)
    target = (frame.topic or "").removeprefix("cmd/")
    one = must("S-01", "nobody-moved")
    assert one.when(seen("S-01", values={(target, "lamp-level"): (BEGAN, 10.0)})) is not None
    assert one.when(seen("S-01", values={(target, "lamp-level"): (BEGAN, 43.0)})) is None


def test_a_command_to_a_junction_that_rests_on_the_ghost_breaks_what_must_be_kept() -> None:
    ghost = next(step.unit for step in plan_of("S-02").steps if isinstance(step, Send) and step.key == "wish-0")
    one = must("S-02", "nothing-follows")

    def command(*sources: str) -> CommandIssued:
        return CommandIssued(
            at=BEGAN + 900 * S,
            by="service",
            command_id="x",
            service="quay-street-signals",
            device="corridor-signals-01",
            command="signal-stage",
            value=1,
            cause={},
            sources=sources,
        )

    assert one.when(seen("S-02", command("corridor-detectors-01"))) is not None
    assert one.when(seen("S-02", command("corridor-detectors-01", ghost))) is None


def view(kind: type[ViewGranted], at_s: float, person: str, party: str) -> ViewGranted:
    return kind(
        at=BEGAN + round(at_s * S), by="viewing", view="v", person=person, party=party, role="r", second="",
        camera="harbour-quay", purpose="p", reason="r", picture="live", cover="covered", since=0, until=0, ends=0,
        source="", postures=(), rules="", declaration="",
    )  # fmt: skip


def test_a_picture_for_the_makers_people_breaks_what_must_be_kept_and_one_for_ours_does_not() -> None:
    one = must("S-04", "never-shown")
    assert one.when(seen("S-04", view(ViewGranted, 60, "guard", "doggerford-council"))) is not None
    assert one.when(seen("S-04", view(ViewGranted, 60, "vendor", "halden-optics"))) is None


def test_a_posture_that_closes_a_camera_is_met_by_its_refusal_alone() -> None:
    camera = next(
        step.path.split("/")[3] for step in plan_of("S-05").steps if isinstance(step, Ask) and step.key == "crisis"
    )

    def refused(reason: str) -> ViewRefused:
        return ViewRefused(
            at=BEGAN + 600 * S, by="viewing", view="v", person="guard", party="p", camera=camera, purpose="p",
            reason="r", picture="live", cover="covered", reasons=(reason,), source="", rules="",
        )  # fmt: skip

    one = must("S-05", "closed")
    assert one.when(seen("S-05", refused("fan-out"))) is None
    assert one.when(seen("S-05", refused("posture"))) == BEGAN + 600 * S


@pytest.mark.parametrize(("units", "met"), [(60, True), (23, False)], ids=["the whole fleet", "less than the fleet"])
def test_cutting_a_maker_off_tells_how_many_units_hang_on_it(units: int, *, met: bool) -> None:
    record = Contained(
        at=BEGAN + 490 * S, by="containment", containment="c", step="approved", target="party:northlight",
        person="second", reason="r", until=0, units=units, digest="", cost={"functions": "lit"},
    )  # fmt: skip
    assert (must("S-07", "share-told").when(seen("S-07", record)) is not None) is met


def test_what_a_person_held_is_on_record_when_each_target_is() -> None:
    asks = [step for step in plan_of("S-09").steps if isinstance(step, Ask) and step.key.startswith("open-")]
    targets = [step.body.split(b'"target": "')[1].split(b'"')[0].decode() for step in asks]

    def held(target: str, at_s: float) -> OverrideBegun:
        return OverrideBegun(
            at=BEGAN + round(at_s * S), by="override", override=target, step="begun", service="s", target=target,
            devices=1, digest="", command="dim", value=10, person="taken", reason="open it", until=0, preview={},
        )  # fmt: skip

    one = must("S-09", "who-and-what")
    records = [held(target, 200 + n) for n, target in enumerate(targets)]
    assert one.when(seen("S-09", *records[:-1])) is None
    assert one.when(seen("S-09", *records)) == BEGAN + (200 + len(targets) - 1) * S


def test_a_hold_that_a_person_undid_did_not_end_by_itself() -> None:
    one = must("S-09", "ends-by-itself")

    def ended(outcome: str) -> OverrideEnded:
        return OverrideEnded(at=BEGAN + 900 * S, by="service", override="o", outcome=outcome, person="")

    assert one.when(seen("S-09", ended("undone"))) is None
    assert one.when(seen("S-09", ended("expired"))) is not None


def test_a_hundredfold_that_was_taken_is_no_refusal() -> None:
    one = must("S-11", "hundredfold-refused")
    at = BEGAN + 200 * S
    assert one.when(seen("S-11", answers={"hundredfold": Answer(201, at)})) is None
    assert one.when(seen("S-11", answers={"hundredfold": Answer(409, at)})) == at


def test_a_lamp_that_is_off_breaks_what_must_be_kept_in_a_flood() -> None:
    one = must("S-12", "nobody-dark")
    assert one.when(seen("S-12", values={("quay-street-lamps-01", "lamp-level"): (BEGAN, 10.0)})) is not None
    assert one.when(seen("S-12", values={("quay-street-lamps-01", "lamp-level"): (BEGAN, 0.0)})) is None
