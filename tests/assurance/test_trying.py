"""What an exercise speaks for: what it attacked, as long as the declaration says the same of it."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from msgspec import structs

from cityward.assurance.attacked import by_attacked
from cityward.assurance.control import Example
from cityward.assurance.controls import find_controls
from cityward.assurance.examples import DIGEST, NOW_US, TOWN, changed, dossier_of, exercised
from cityward.assurance.results import Result
from cityward.assurance.trail import Entry
from cityward.assurance.trying import tried
from cityward.evidence.records import Exercised
from cityward.exercises.scenarios import find_scenarios
from cityward.place.cameras import Camera
from cityward.place.digests import digests_of_subjects
from cityward.time import DAY
from exercises.test_scenarios import staged

LAMP = exercised("S-09", ("street-light",), subjects=("devices.lamp-1",))


def result(subject: str, *runs: Exercised, declaration: str = TOWN) -> Result:
    example = Example(declaration, tuple((f"exercise:{n}", run) for n, run in enumerate(runs)), NOW_US)
    return tried(dossier_of(example), subject, {"S-09": ("contained",), "S-10": ("marked", "*-refused")}).result


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("services.street-light", Result.PROVEN),
        ("devices.lamp-1", Result.PROVEN),
        ("device_models.lamp", Result.PROVEN),
        ("devices.counter-1", Result.UNKNOWN),
        ("device_models.counter", Result.UNKNOWN),
        ("zones.street", Result.UNKNOWN),
        ("flows.counts-in", Result.UNKNOWN),
    ],
)
def test_an_exercise_speaks_for_what_it_attacked_and_nothing_beside_it(subject: str, expected: Result) -> None:
    assert result(subject, LAMP) is expected


def test_attacking_a_device_speaks_for_the_flows_from_it() -> None:
    assert result("flows.counts-in", exercised("S-09", (), subjects=("devices.counter-1",))) is Result.PROVEN


def test_attacking_a_camera_speaks_for_its_group_and_model() -> None:
    place = dossier_of(Example(TOWN)).place
    camera = Camera(
        device="lamp-1-02", flow="counts-in", dataset="counts", purpose="planning", lawful_basis="public-task", view="the yard",
        stream="rtsp://192.0.2.1/",
    )  # fmt: skip
    run = Entry("exercise:1", exercised("S-04", (), subjects=("cameras.gate",)))
    spoken = by_attacked(structs.replace(place, cameras={"gate": camera}), [run])
    assert set(spoken) == {"cameras.gate", "devices.lamp-1", "device_models.lamp"}


def test_another_scenario_says_nothing() -> None:
    assert result("devices.lamp-1", exercised("S-18", (), subjects=("devices.lamp-1",))) is Result.UNKNOWN


def test_the_newest_one_decides() -> None:
    missed = exercised("S-09", (), ("contained",), at=NOW_US - DAY, subjects=("devices.lamp-1",))
    assert result("devices.lamp-1", LAMP, missed) is Result.PROVEN
    assert result("devices.lamp-1", missed) is Result.FAILED


def test_one_of_more_than_a_year_ago_is_none() -> None:
    assert result("devices.lamp-1", structs.replace(LAMP, at=NOW_US - 366 * DAY)) is Result.UNKNOWN


DIMMER = changed(("low: 10", "low: 20"))
ELSEWHERE = changed(("retention_days: 30", "retention_days: 20"))


def of_the_town(run: Exercised) -> Exercised:
    """As it was written when the town was as it is told in `TOWN`."""
    town = dossier_of(Example(TOWN)).loaded
    attacked = (*(f"services.{name}" for name in run.services), *run.subjects)
    return structs.replace(run, declaration=town.digest, declared=digests_of_subjects(town.place, attacked))


@pytest.mark.parametrize(
    ("declaration", "expected"),
    [(TOWN, Result.PROVEN), (ELSEWHERE, Result.PROVEN), (DIMMER, Result.UNKNOWN)],
    ids=["the same", "another dataset changed", "the lamp's model changed"],
)
@pytest.mark.parametrize("subject", ["services.street-light", "devices.lamp-1", "device_models.lamp"])
def test_it_speaks_while_the_same_is_declared_of_what_was_attacked(
    declaration: str, expected: Result, subject: str
) -> None:
    assert result(subject, of_the_town(LAMP), declaration=declaration) is expected


def test_one_that_does_not_say_what_was_declared_speaks_for_its_own_declaration_only() -> None:
    old = structs.replace(of_the_town(LAMP), declared={})
    assert result("devices.lamp-1", old) is Result.PROVEN
    assert result("devices.lamp-1", old, declaration=ELSEWHERE) is Result.UNKNOWN


def test_what_is_not_declared_any_more_was_not_tried() -> None:
    other = structs.replace(LAMP, subjects=("devices.gone",), declaration="1" * 64)
    assert other.declaration != DIGEST
    assert result("devices.gone", other) is Result.UNKNOWN


def attacked(scenario: str, met: tuple[str, ...] = (), missed: tuple[str, ...] = (), at: int = NOW_US) -> Exercised:
    return structs.replace(LAMP, scenario=scenario, met=met, missed=missed, at=at)


@pytest.mark.parametrize(
    ("met", "missed", "expected"),
    [
        (("marked", "json-refused"), (), Result.PROVEN),
        (("marked", "json-refused"), ("told",), Result.PROVEN),
        (("marked",), (), Result.UNKNOWN),
        (("told", "recorded"), (), Result.UNKNOWN),
        ((), ("told",), Result.UNKNOWN),
        (("marked", "json-refused"), ("text-refused",), Result.FAILED),
        (("json-refused",), ("marked",), Result.FAILED),
    ],
    ids=["both", "and another was missed", "one of two", "neither", "only another was missed", "one of a kind", "one"],
)
def test_a_control_rests_on_the_musts_that_are_about_it(
    met: tuple[str, ...], missed: tuple[str, ...], expected: Result
) -> None:
    assert result("devices.lamp-1", attacked("S-10", met, missed)) is expected


def test_what_was_missed_in_one_scenario_is_not_made_good_by_another() -> None:
    missed = attacked("S-10", missed=("marked",), at=NOW_US - DAY)
    assert result("devices.lamp-1", missed, LAMP) is Result.FAILED
    again = attacked("S-10", ("marked", "json-refused"))
    assert result("devices.lamp-1", missed, LAMP, again) is Result.PROVEN
    assert result("devices.lamp-1", structs.replace(missed, at=NOW_US - 366 * DAY), LAMP) is Result.PROVEN


CONTROLS = find_controls()


@pytest.mark.parametrize("scenario", sorted({s for c in CONTROLS.values() for s in c.tries if c.id != "R-08"}))
def test_what_a_control_rests_on_is_asked_for_in_the_demonstration(scenario: str) -> None:
    musts = [must.id for must in staged(find_scenarios()[scenario]).musts]
    for control in CONTROLS.values():
        for pattern in control.tries.get(scenario, ()):
            assert any(fnmatchcase(must, pattern) for must in musts), (control.id, pattern)
