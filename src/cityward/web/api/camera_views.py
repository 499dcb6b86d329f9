"""What the console is told of cameras and of who looked through them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from cityward.runtime.pictures.viewing import ViewRefusal, ViewRow
from cityward.runtime.pictures.viewing_sums import Tally, tallies
from cityward.text import harmless
from cityward.web.ports import Doors


class ViewView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A view. Times city us."""

    id: str
    person: str
    party: str
    camera: str
    purpose: str
    reason: str
    kind: str
    cover: str
    state: str
    second: str
    asked_at: int
    opened_at: int
    ends_at: int
    ended_at: int
    outcome: str
    pictures: int
    since: int
    until: int
    record: str


class RefusalView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody asked and got nothing. `at` city us."""

    at: int
    person: str
    party: str
    camera: str
    purpose: str
    reason: str
    kind: str
    cover: str
    reasons: tuple[str, ...]
    source: str
    record: str


class ViewedView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who viewed what: those under way before those that ended, newest first; and the attempts that got nothing."""

    views: tuple[ViewView, ...]
    refusals: tuple[RefusalView, ...]
    by_camera: tuple[Tally, ...]
    by_person: tuple[Tally, ...]
    by_purpose: tuple[Tally, ...]
    now: int


def view_of(row: ViewRow, doors: Doors) -> ViewView:
    """A row as it is told."""

    def city(machine_us: int) -> int:
        return doors.clock.to_city_us(machine_us) if machine_us else 0

    return ViewView(
        id=row.id,
        person=row.person,
        party=row.party,
        camera=row.camera,
        purpose=harmless(row.purpose),
        reason=harmless(row.reason),
        kind=row.kind,
        cover=row.cover,
        state=row.state.value,
        second=row.second,
        asked_at=city(row.asked_at),
        opened_at=city(row.opened_at),
        ends_at=city(row.ends_at),
        ended_at=city(row.ended_at),
        outcome=row.outcome,
        pictures=row.pictures,
        since=row.since,
        until=row.until,
        record=row.record,
    )


def refusal_of(row: ViewRefusal, doors: Doors) -> RefusalView:
    """A row as it is told. What a person typed is made harmless."""
    return RefusalView(
        at=doors.clock.to_city_us(row.at),
        person=row.person,
        party=row.party,
        camera=harmless(row.camera),
        purpose=harmless(row.purpose),
        reason=harmless(row.reason),
        kind=row.kind,
        cover=row.cover,
        reasons=row.reasons,
        source=row.source,
        record=row.record,
    )


def viewed_of(rows: Sequence[ViewRow], refusals: Sequence[ViewRefusal], doors: Doors) -> ViewedView:
    """The report, with its sums."""
    return ViewedView(
        views=tuple(view_of(row, doors) for row in rows),
        refusals=tuple(refusal_of(row, doors) for row in refusals),
        by_camera=tallies(((r.camera, r.pictures) for r in rows if r.opened_at), (r.camera for r in refusals)),
        by_person=tallies(((r.person, r.pictures) for r in rows if r.opened_at), (r.person for r in refusals)),
        by_purpose=tallies(((r.purpose, r.pictures) for r in rows if r.opened_at), (r.purpose for r in refusals)),
        now=doors.city_now_us(),
    )
