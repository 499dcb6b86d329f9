"""What came of exercises, on the record of the real city: written, read back, and held against what should be tried each year.

INVARIANT: one entry for each scenario that was carried out; none for one that this place has nothing for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cityward.adapters.ledgers.reading import folder_reader, records_between, signed_state
from cityward.compose.exercising.outcome import Outcome
from cityward.compose.home import Home
from cityward.compose.setting import Setting, open_setting
from cityward.evidence.records import Exercised
from cityward.exercises.scenario import Scenario
from cityward.place.digests import digests_of_subjects
from cityward.time import DAY, iso

ROLE = "exercise"
"""The ledger of exercises; its own, so that it can be written while the city runs."""
YEAR_US = 365 * DAY
MOST = 5_000


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One exercise as it stands on record."""

    entry: str
    at: str
    scenario: str
    seed: int
    met: tuple[str, ...]
    missed: tuple[str, ...]
    score: dict[str, float]
    services: tuple[str, ...]
    subjects: tuple[str, ...]
    checkpoint: str
    declaration: str
    person: str


@dataclass(frozen=True, slots=True)
class Covered:
    """A service, the scenarios of the last twelve months that touched it, and whether all of them were held."""

    service: str
    critical: bool
    scenarios: tuple[str, ...]
    held: bool


def put_on_record(state: Path, outcome: Outcome, seed: int, person: str) -> str:
    """The entry of one outcome; "" of one that was not carried out.

    Raises:
        LinkError: no city ran there, or its ledger does not answer.
    """
    if not outcome.staged or outcome.plan is None or not outcome.judged:
        return ""
    setting = open_setting(Home(state))
    record = Exercised(
        at=setting.now_us(),
        by=ROLE,
        scenario=outcome.scenario.id,
        seed=seed,
        met=tuple(one.must.id for one in outcome.judged if one.met),
        missed=tuple(one.must.id for one in outcome.missed),
        score=dict(outcome.numbers),
        services=outcome.plan.services,
        subjects=outcome.plan.subjects,
        checkpoint=outcome.checkpoint,
        declared=digests_of_subjects(
            setting.loaded.place, (*(f"services.{name}" for name in outcome.plan.services), *outcome.plan.subjects)
        ),
        declaration=setting.loaded.digest,
        person=person,
    )
    with setting.ledger_when_free(ROLE) as ledger:
        return ledger.append([record])[0]


def history(state: Path) -> Sequence[Tried]:
    """All that stand on record, oldest first; at most the newest 5000.

    Raises:
        LinkError: no city ran there.
        EvidenceError: the ledger does not read as it was signed.
    """
    return [_tried(entry, record) for entry, record in _entries(open_setting(Home(state)))]


def coverage(state: Path) -> Sequence[Covered]:
    """Of every service that the place declares what was tried on it within twelve months.

    Raises:
        LinkError, EvidenceError: as `history`.
    """
    setting = open_setting(Home(state))
    since = setting.now_us() - YEAR_US
    newest = {record.scenario: record for _, record in _entries(setting) if record.at >= since}
    return [_covered(setting, name, newest) for name in setting.loaded.place.services]


def left_of(state: Path, scenarios: Sequence[Scenario]) -> Sequence[str]:
    """Which of the critical scenarios were not tried within twelve months.

    Raises:
        LinkError, EvidenceError: as `history`.
    """
    setting = open_setting(Home(state))
    since = setting.now_us() - YEAR_US
    tried = {record.scenario for _, record in _entries(setting) if record.at >= since}
    return [one.id for one in scenarios if one.critical and one.id not in tried]


def _covered(setting: Setting, name: str, newest: dict[str, Exercised]) -> Covered:
    touching = {id_: one for id_, one in newest.items() if name in one.services}
    needed = {one.service for one in setting.loaded.place.functions.values() if one.essential}
    held = bool(touching) and all(one.met and not one.missed for one in touching.values())
    return Covered(name, name in needed, tuple(sorted(touching)), held)


def _entries(setting: Setting) -> Iterator[tuple[str, Exercised]]:
    folder = setting.home.ledger(ROLE)
    if not folder.exists():
        return
    signed = signed_state(folder)
    entries = records_between(folder_reader(folder), signed.origin, signed.size - MOST, signed.size)
    yield from ((entry, one) for entry, one in entries if isinstance(one, Exercised))


def _tried(entry: str, record: Exercised) -> Tried:
    return Tried(
        entry=entry,
        at=iso(record.at),
        scenario=record.scenario,
        seed=record.seed,
        met=record.met,
        missed=record.missed,
        score=record.score,
        services=record.services,
        subjects=record.subjects,
        checkpoint=record.checkpoint,
        declaration=record.declaration,
        person=record.person,
    )
