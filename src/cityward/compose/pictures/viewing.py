"""Looking through cameras: asked for, agreed to by a second person, opened, shown picture by picture, ended; all of it on record.

Theory of operation
-------------------
A question is decided (`guard.viewing`), its answer put on record, then kept in the book. An opened view is held here in memory
too, with the digest of its *next* token: each picture takes one token and gives the next, and only in the session that opened
it. So a token that somebody read along the way opens nothing: it is used up, or its use is seen (the view's own browser is
refused then, and the record says so). Once a second every open view is held to the rules again (`sweep`).

INVARIANTS
- Evidence first: no token exists before the entry that grants it; every no is on record, and told to the watch.
- A token is good for one picture, of one view, in one session; views do not outlive their time or this process.
- Fan-out is counted in the book, under one lock: two questions at a time are decided one after the other.

Times of people are machine us.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import secrets
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from threading import Lock

import msgspec
import structlog

from cityward.compose.pictures.viewing_record import MOST_NAME, MOST_TEXT, ViewRecord
from cityward.compose.pictures.viewing_rules import ViewingKeeper
from cityward.compose.setting import Setting
from cityward.errors import CitywardError, PlaceError
from cityward.guard.viewing import (
    Decision,
    Granted,
    Opened,
    Request,
    ViewReason,
    decide,
    passed,
    still,
)
from cityward.runtime.pictures.camera_ports import MARK_MOST
from cityward.runtime.pictures.viewing import MOST_VIEWS, ViewRefusal, ViewRow, ViewState, grants_clear, may
from cityward.runtime.pictures.viewing_ports import Shown, Viewed, Viewer, ViewWanted
from cityward.runtime.ports import EventSink
from cityward.time import HOUR, MINUTE, from_us

log = structlog.get_logger(__name__)

PROGRESS = "cameras.progress.json"
"""Where the role `cameras` says each second how each of them is."""
WAITS_US = 15 * MINUTE
KEPT_EVERY_US = 5_000_000  # so often what was shown is written to the book while a view runs
SWEEP_S = 1.0
MOST_WAITING = 20  # views of one person that wait


@dataclass(slots=True)
class _Running:
    """An open view, here. token: SHA-256 of the next one. session: whose it is."""

    granted: Granted
    row: ViewRow
    session: bytes
    token: bytes
    kept_at: int = 0


@dataclass(slots=True)
class ViewDesk:
    """`web.ports.Viewing`. Of any number of threads."""

    setting: Setting
    events: EventSink | None = None
    rules: ViewingKeeper = field(init=False)
    _record: ViewRecord = field(init=False)
    _running: dict[str, _Running] = field(default_factory=dict[str, _Running])
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.rules = ViewingKeeper(self.setting)
        self._record = ViewRecord(self.setting, self.events)

    # -- asking -------------------------------------------------------------------------------------------------------------

    def ask(self, wanted: ViewWanted, who: Viewer) -> Viewed:
        """Ask for a view: it is open, or waits for a second person, or is refused.

        Raises:
            LinkError: a store does not answer.
        """
        with self._lock:
            request = self._request(wanted, who)
            decision = decide(request, self.rules(), self._opened(who.person, request.at))
            row = _row(request, who, self._until(request, decision))
            if decision.waits and self._waiting(who.person) < MOST_WAITING:
                self._record.step(row, "asked", who.person)
                return Viewed(row)
            if not decision.allowed:
                return self._refused(row, decision, who)
            return self._open(row, request, decision, who)

    def open(self, view: str, who: Viewer) -> Viewed:
        """Open what a second person agreed to; or take a new token for a view that is open, in the session that opened it.

        Raises:
            PlaceError: there is nothing to open by that name, or it is another's.
        """
        with self._lock:
            row = self._mine(view, who)
            if row.state is ViewState.OPEN:
                return self._again(row, who)
            if not may(row.state, ViewState.OPEN) or row.ends_at <= _now():
                raise PlaceError(f"`{view[:64]}` cannot be opened now: it is {row.state.value}", mend="ask anew")
            request = replace(self._request(_wanted(row), who), second=row.second, second_approves=True)
            decision = decide(request, self.rules(), self._opened(who.person, request.at))
            if not decision.allowed:
                return self._refused(replace(row, asked_at=request.at), decision, who)
            return self._open(replace(row, source=who.source), request, decision, who)

    def approve(self, view: str, who: Viewer) -> ViewRow:
        """Agree, as a second person.

        Raises:
            PlaceError: nothing waits by that name, the same person asked, or one may not be the second person.
        """
        with self._lock:
            row = self._waits(view, who)
            if not who.approves:
                raise PlaceError("you may not be the second person", mend="it needs the right `approve`")
            agreed = replace(row, state=ViewState.AGREED, second=who.person, ends_at=_now() + WAITS_US)
            self._record.step(agreed, "agreed", who.person)
            return agreed

    def refuse(self, view: str, who: Viewer) -> ViewRow:
        """What waits is not to be.

        Raises:
            PlaceError: as `approve`.
        """
        with self._lock:
            row = self._waits(view, who)
            refused = replace(row, state=ViewState.REFUSED, ended_at=_now(), outcome=f"refused by {who.person}")
            self._record.step(refused, "refused", who.person)
            return refused

    # -- looking ------------------------------------------------------------------------------------------------------------

    def spend(self, view: str, token: str, who: Viewer, at: int = 0) -> Shown | tuple[str, ...]:
        """Take one token for one picture, and give the next. Words of `ViewReason` where there is none.

        Args:
            view: which.
            token: the view's newest one.
            who: the session that opened it.
            at: of a recording, the moment that is looked at, city us.
        """
        with self._lock:
            running, now = self._running.get(view), _now()
            why = _held_against(running, token, who)
            if running is None or why is not None:
                return self._no_picture(view, running, why or ViewReason.NOT_OPEN, who, now)
            decision = still(running.granted, self._as_now(running, who, now), self.rules())
            if not decision.allowed:
                self._end(running, _outcome(decision), now)
                return self._no_picture(view, running, decision.reasons[0], who, now)
            request = running.granted.request
            if request.kind != "live" and not request.since <= at < request.until:
                return self._no_picture(view, running, ViewReason.NOT_KEPT, who, now)
            fresh = secrets.token_urlsafe(32)
            running.token = _digest(fresh)
            self._note_shown(running, now)
            return Shown(running.row, fresh, _mark(running.row, self.setting.now_us()), at)

    def end(self, view: str, who: Viewer) -> ViewRow:
        """End one's view, or take back what waits.

        Raises:
            PlaceError: it is another's, or over.
        """
        with self._lock:
            row, now = self._mine(view, who), _now()
            if row.state not in (ViewState.OPEN, ViewState.ASKED, ViewState.AGREED):
                raise PlaceError(f"`{view[:64]}` is over", mend="see who viewed what")
            running = self._running.get(view)
            if running is not None:
                return self._end(running, "ended", now)
            return self._record.over(row, "ended", now)

    def sweep(self) -> None:
        """End what is over: time, a role, a posture, a bar; and what waited too long."""
        with self._lock:
            now, rules = _now(), self.rules()
            for running in list(self._running.values()):
                if running.session and self.setting.state.find(running.session, now) is None:
                    self._end(running, "stopped: signed-out", now)
                    continue
                try:
                    held = self.rules.viewer(running.row.person, running.row.source)
                except PlaceError:  # nobody of that name any more: others' views are looked at all the same
                    self._end(running, "stopped: no-right", now)
                    continue
                decision = still(running.granted, self._as_now(running, held, now), rules)
                if not decision.allowed:
                    self._end(running, _outcome(decision), now)
            for row in self.setting.state.views.under_way():
                if row.state is not ViewState.OPEN and row.ends_at <= now:
                    self._record.over(row, "expired", now)

    def take_over(self) -> None:
        """What an earlier door left open: its tokens are gone with it. For the start."""
        with self._lock:
            for row in self.setting.state.views.under_way():
                if row.state is ViewState.OPEN and row.id not in self._running:
                    self._record.over(row, "lost", _now())

    def close(self) -> None:
        """End every view: the door is shut."""
        with self._lock:
            for running in list(self._running.values()):
                self._end(running, "lost", _now())

    # -- reading ------------------------------------------------------------------------------------------------------------

    def views(self, most: int, camera: str = "", person: str = "", since: int = 0) -> Sequence[ViewRow]:
        """See the book."""
        return self.setting.state.views.views(most, camera=camera, person=person, since=since)

    def refusals(self, most: int, camera: str = "", person: str = "", since: int = 0) -> Sequence[ViewRefusal]:
        """See the book."""
        return self.setting.state.views.refusals(most, camera=camera, person=person, since=since)

    # -- steps --------------------------------------------------------------------------------------------------------------

    def _request(self, wanted: ViewWanted, who: Viewer) -> Request:
        return Request(
            person=who.person,
            party=who.party,
            camera=wanted.camera,
            purpose=wanted.purpose,
            reason=wanted.reason,
            seconds=wanted.seconds,
            at=_now(),
            city_now=self.setting.now_us(),
            roles=who.roles,
            elsewhere=who.elsewhere,
            kind=wanted.kind,
            cover=wanted.cover,
            since=wanted.since,
            until=wanted.until,
        )

    def _as_now(self, running: _Running, who: Viewer, now: int) -> Request:
        asked = running.granted.request
        return replace(asked, at=now, city_now=self.setting.now_us(), roles=who.roles, elsewhere=who.elsewhere)

    def _opened(self, person: str, now: int) -> Sequence[Opened]:
        """# INVARIANT: a camera counts from its opening until an hour after its last picture."""
        rows = self.setting.state.views.views(MOST_VIEWS, person=person, since=now - 6 * HOUR)
        return [
            Opened(row.camera, now if row.state is ViewState.OPEN else max(row.opened_at, row.shown_at))
            for row in rows
            if row.opened_at
        ]

    def _open(self, row: ViewRow, request: Request, decision: Decision, who: Viewer) -> Viewed:
        through = passed(request, decision)
        assert through is not None
        entry = self._record.granted(row, decision, self.rules().declaration)
        granted, token = through.seal(row.id, entry), secrets.token_urlsafe(32)
        opened = replace(
            row, state=ViewState.OPEN, role=decision.role, opened_at=request.at, ends_at=decision.until, record=entry
        )
        self.setting.state.views.put(opened)
        self._running[row.id] = _Running(granted, opened, who.session, _digest(token), request.at)
        return Viewed(opened, token)

    def _again(self, row: ViewRow, who: Viewer) -> Viewed:
        running = self._running.get(row.id)
        if running is None or not hmac.compare_digest(running.session, who.session):
            raise PlaceError("another session looks through this view", mend="end it, and ask anew")
        fresh = secrets.token_urlsafe(32)
        running.token = _digest(fresh)
        return Viewed(running.row, fresh)

    def _refused(self, row: ViewRow, decision: Decision, who: Viewer) -> Viewed:
        self._record.refused(row, decision.reasons, who, decision.rules, row.asked_at)
        return Viewed(replace(row, state=ViewState.REFUSED), reasons=tuple(map(str, decision.reasons)))

    def _no_picture(
        self, view: str, running: _Running | None, why: ViewReason, who: Viewer, now: int
    ) -> tuple[str, ...]:
        """# SECURITY: of a view that is not theirs nobody is told whose it is, or of which camera; the record says it."""
        known = running.row if running is not None else self.setting.state.views.view(view[:64])
        nothing = ViewRow(
            view[:64], "", "", "", "", "", "live", "covered", 0, now, now, ViewState.REFUSED, source=who.source
        )
        row = replace(known or nothing, person=who.person, party=who.party, source=who.source)
        self._record.refused(row, (why,), who, self.rules().digest, now)
        return (str(why),)

    def _note_shown(self, running: _Running, now: int) -> None:
        running.row = replace(running.row, pictures=running.row.pictures + 1, shown_at=now)
        if now >= running.kept_at + KEPT_EVERY_US:
            self.setting.state.views.put(running.row)
            running.kept_at = now

    def _end(self, running: _Running, outcome: str, now: int) -> ViewRow:
        ended = self._record.over(running.row, outcome, now)
        self._running.pop(running.row.id, None)
        return ended

    def _mine(self, view: str, who: Viewer) -> ViewRow:
        row = self.setting.state.views.view(view[:64])
        if row is None or row.person != who.person:
            raise PlaceError(f"you have no view `{view[:64]}`", mend="see who views now")
        return row

    def _waits(self, view: str, who: Viewer) -> ViewRow:
        row = self.setting.state.views.view(view[:64])
        if row is None or row.state is not ViewState.ASKED or row.ends_at <= _now():
            raise PlaceError(f"nothing waits by `{view[:64]}`", mend="see who views now")
        if row.person == who.person:
            raise PlaceError("you asked for this yourself", mend="let another person decide")
        if not who.approves:
            raise PlaceError("you may not be the second person", mend="it needs the right `approve`")
        return row

    def _waiting(self, person: str) -> int:
        rows = self.setting.state.views.under_way()
        return sum(row.person == person and row.state is not ViewState.OPEN for row in rows)

    def _until(self, request: Request, decision: Decision) -> int:
        return decision.until or request.at + WAITS_US


@asynccontextmanager
async def sweeping(desk: ViewDesk) -> AsyncGenerator[None]:
    """End what is over while the door is open, and everything when it closes."""

    async def keep() -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            await asyncio.to_thread(_swept, desk)

    await asyncio.to_thread(desk.take_over)
    task = asyncio.create_task(keep())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with contextlib.suppress(CitywardError):
            await asyncio.to_thread(desk.close)


def _swept(desk: ViewDesk) -> None:
    try:
        desk.sweep()
    except CitywardError as error:
        log.warning("views wait for the book or the ledger", why=error.what)


def clear_grants(setting: Setting, camera: str, grant: str) -> bool:
    """Whether two persons let the uncovered picture of this camera out now, by this view: what the role `cameras` asks itself.

    Raises:
        LinkError: the store does not answer.
    """
    return grants_clear(setting.state.views.view(grant[:64]), camera, _now())


def camera_told(setting: Setting) -> Mapping[str, Mapping[str, object]]:
    """What the role `cameras` says of each; of a role that does not run, nothing."""
    try:
        return msgspec.json.decode((setting.home.root / PROGRESS).read_bytes(), type=_Progress).cameras
    except (OSError, msgspec.DecodeError):
        return {}


class _Progress(msgspec.Struct, frozen=True):
    """What of the role's progress is read here."""

    cameras: dict[str, dict[str, object]] = {}


def _held_against(running: _Running | None, token: str, who: Viewer) -> ViewReason | None:
    if running is None:
        return ViewReason.NOT_OPEN
    if running.row.person != who.person or not hmac.compare_digest(running.session, who.session):
        return ViewReason.OTHER_SESSION
    return None if hmac.compare_digest(running.token, _digest(token)) else ViewReason.WRONG_TOKEN


def _outcome(decision: Decision) -> str:
    alone = decision.reasons == (ViewReason.NOT_OPEN,)
    return "expired" if alone else f"stopped: {' '.join(r for r in decision.reasons if r is not ViewReason.NOT_OPEN)}"


def _row(request: Request, who: Viewer, ends_at: int) -> ViewRow:
    return ViewRow(
        id=secrets.token_hex(8), person=who.person, party=who.party, camera=request.camera[:MOST_NAME],
        purpose=request.purpose[:MOST_NAME], reason=request.reason[:MOST_TEXT], kind=request.kind, cover=request.cover,
        seconds=request.seconds, asked_at=request.at, ends_at=ends_at, state=ViewState.ASKED, since=request.since,
        until=request.until, source=who.source,
    )  # fmt: skip


def _wanted(row: ViewRow) -> ViewWanted:
    return ViewWanted(
        row.camera, row.purpose, row.reason, row.seconds, row.kind, row.cover, row.since, row.until
    )  # fmt: skip


def _mark(row: ViewRow, city_us: int) -> str:
    """What is drawn across the picture: who, when (city time), by which view."""
    when = from_us(city_us).strftime("%Y-%m-%d %H:%M:%SZ")
    return f"{row.person[:32]} {when} {row.id[:8]}"[:MARK_MOST]


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()


def _now() -> int:
    return time.time_ns() // 1000
