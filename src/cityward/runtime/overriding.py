"""Persons over services: what they hold at a value (overrides), and what waits for their agreement (consents).

Theory of operation
-------------------
An *override* is a person's word over a service's: so many units are to stand at a value, for a reason, until a time.

    asked -> holding -> undone | expired          asked -> refused | expired

It is carried out as proposals of that person, judged by the same gate as the service's: being a person opens no bound. While it
holds, what the service proposes for these units is not asked for; when it ends, the service finds another last command than it
would give, and takes over. Nothing has to run for it to end: what holds is worked out from the rows and the moment (`holding`).

A *consent* is a command that needs two persons and was proposed by a service: it waits, and is proposed again once somebody
agreed. Where a person asks for such a value, the override itself waits, `asked`.

`Overriding` is the runner's side: it reads the rows each tick, gives the proposals that are due, and asks for consents.

INVARIANTS
- `may` is the whole of an override's way; whoever changes its state asks it first.
- No override holds beyond its `until`, which is at most `override_hours` (24 at most) after it began.
- No consent is used twice, nor after its `until`.
- Bounded: `MOST_HOLDING` overrides, `MOST_UNITS` units in one, `MOST_CONSENTS` waiting at a time; what is beyond is counted.
- Where the rows cannot be read, nothing is proposed at all: a person's word may be among them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from cityward.evidence.records import AnyRecord, Consent, OverrideEnded
from cityward.guard.permit import Agreement, PermitRules, Proposal, Street, Urgency, hindered_by
from cityward.runtime.doubt import Doubt
from cityward.services.contract import Commanded
from cityward.time import HOUR, MINUTE, iso

MOST_HOLDING, MOST_UNITS, MOST_CONSENTS = 200, 5000, 200
REMIND_US = (
    HOUR // 2
)  # PRECEDENT: the lighting service's own reminder: an actuator that hears nothing goes to its safe value
RETRY_US = 10 * MINUTE
CONSENT_WAITS_US = 30 * MINUTE
LONGEST_REASON = 200


class OverrideState(StrEnum):
    """Where an override stands."""

    ASKED = "asked"
    HOLDING = "holding"
    UNDONE = "undone"
    EXPIRED = "expired"
    REFUSED = "refused"


_WAYS = {
    OverrideState.ASKED: frozenset({OverrideState.HOLDING, OverrideState.REFUSED, OverrideState.EXPIRED}),
    OverrideState.HOLDING: frozenset({OverrideState.UNDONE, OverrideState.EXPIRED}),
}
UNDER_WAY = frozenset(_WAYS)


def may(before: OverrideState, after: OverrideState) -> bool:
    """Whether an override may go from one state to the other."""
    return after in _WAYS.get(before, frozenset())


@dataclass(frozen=True, slots=True)
class OverrideRow:
    """One override. Times in city us. target: what was named; devices: the units it is. seconds: for how long it was asked.

    until: when it ends by itself; of one that is asked for: until when it waits.
    """

    id: str
    service: str
    target: str
    devices: tuple[str, ...]
    command: str
    value: float
    reason: str
    asked_by: str
    asked_at: int
    seconds: int
    until: int
    state: OverrideState = OverrideState.ASKED
    approved_by: str = ""
    begun_at: int | None = None
    ended_at: int | None = None
    ended_by: str = ""


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """A service's command that waits for a person. `state`: asked | approved | refused | used | expired. Times in city us."""

    id: str
    service: str
    device: str
    command: str
    value: float
    cause: Mapping[str, str]
    sources: tuple[str, ...]
    asked_at: int
    until: int
    state: str = "asked"
    by: str = ""


@dataclass(frozen=True, slots=True)
class Operator:
    """Who wants to hold something: the person, the services they operate now, whether they do it alone, or may be the second."""

    person: str
    operates: frozenset[str]
    alone: bool = True
    approves: bool = False


class Overrides(Protocol):
    """The book of overrides and consents. Each raises `LinkError` when the store does not answer."""

    def put_override(self, row: OverrideRow) -> None:
        """Add it, or replace the one of its id."""
        ...

    def overrides(self, most: int = 100, service: str | None = None) -> Sequence[OverrideRow]:
        """Those under way before those that ended; of each, the newest first."""
        ...

    def overrides_under_way(self) -> Sequence[OverrideRow]:
        """Asked or holding; oldest first."""
        ...

    def put_consents(self, rows: Sequence[ConsentRow]) -> None:
        """Add each, or replace the one of its id."""
        ...

    def settle_consent(self, id_: str, state: str, by: str) -> bool:
        """False when it is settled already: of two at a time one settles it."""
        ...

    def consents(self, most: int = 100, service: str | None = None) -> Sequence[ConsentRow]:
        """Those that wait or are approved before the others; of each, the newest first."""
        ...

    def consents_under_way(self) -> Sequence[ConsentRow]:
        """Asked or approved; oldest first."""
        ...


def holding(rows: Iterable[OverrideRow], now_us: int) -> list[OverrideRow]:
    """Those in force at a moment."""
    return [row for row in rows if row.state is OverrideState.HOLDING and now_us < row.until]


def held_units(rows: Iterable[OverrideRow], now_us: int) -> frozenset[str]:
    """The units that a person holds at a moment."""
    return frozenset(unit for row in holding(rows, now_us) for unit in row.devices)


def units_digest(units: Iterable[str]) -> str:
    """SHA-256 over the units' ids, sorted, one a line."""
    return hashlib.sha256("\n".join(sorted(units)).encode()).hexdigest()


def proposal_of(row: OverrideRow, device: str, now_us: int) -> Proposal:
    """A person's word, as the gate judges it: its cause is who, why and until when. It rests on no reading."""
    cause = {"held_by": row.asked_by, "reason": row.reason, "until": iso(row.until), "override": row.id}
    return Proposal(device, row.command, row.value, cause, now_us, Urgency.SAFETY)


@dataclass(slots=True)
class Overriding:
    """The runner's side. `by` is the role under which evidence is written. shed: consents that found no room."""

    by: str
    elsewhere: frozenset[str] = frozenset()  # services of another runner
    rows: Sequence[OverrideRow] = ()
    waiting: Sequence[ConsentRow] = ()
    shed: int = 0
    _asked: dict[str, ConsentRow] = field(default_factory=dict[str, ConsentRow])
    _used: list[ConsentRow] = field(default_factory=list[ConsentRow])
    _spent: set[str] = field(default_factory=set[str])

    def look(self, book: Overrides, now_us: int) -> None:
        """Read what persons said. Called once a tick, before anything is proposed.

        Raises:
            LinkError: the store did not answer.
        """
        self.rows = [row for row in book.overrides_under_way() if row.service not in self.elsewhere]
        self.waiting = [row for row in book.consents_under_way() if row.service not in self.elsewhere]
        self._spent &= {row.id for row in self.waiting}
        self._asked, self._used = {}, [replace(row, state="used") for row in self.waiting if row.id in self._spent]

    def held(self, now_us: int) -> frozenset[str]:
        """The units that a person holds now."""
        return held_units(self.rows, now_us)

    def agreed(self, now_us: int) -> dict[tuple[str, str, str, float], Agreement]:
        """What second persons agreed to, as the gate is told: of one service, and for no other's proposals."""
        found: dict[tuple[str, str, str, float], Agreement] = {}
        for row in holding(self.rows, now_us):
            if row.approved_by:
                agreement = Agreement(row.approved_by, row.until)
                found.update({(row.service, device, row.command, row.value): agreement for device in row.devices})
        for consent in self._approved(now_us):
            found[consent.service, consent.device, consent.command, consent.value] = Agreement(
                consent.by, consent.until
            )
        return found

    def due(
        self, rules: PermitRules, last: Mapping[str, Commanded], street: Street, doubt: Doubt, now_us: int
    ) -> list[Proposal]:
        """What is to be proposed now in the name of persons: what they hold and does not stand so, and what they agreed to."""
        out: list[Proposal] = []
        for row in holding(self.rows, now_us):
            if row.service != rules.service:
                continue
            stopped = hindered_by(row.command, rules, street, now_us, doubt.confidence) is not None
            for device in row.devices:
                if _must_be_told(row, last.get(device), now_us, stopped):
                    out.append(proposal_of(row, device, now_us))
        mine = (consent for consent in self._approved(now_us) if consent.service == rules.service)
        return out + [replace(_proposed(consent), made_at=now_us) for consent in mine]

    def ask(self, service: str, proposal: Proposal, now_us: int) -> None:
        """A service's command was refused for want of a second person: somebody is asked, once while it waits."""
        key = (service, proposal.device, proposal.command, proposal.value)
        known = {(row.service, row.device, row.command, row.value) for row in (*self.waiting, *self._asked.values())}
        if key in known:
            return
        if len(self.waiting) + len(self._asked) >= MOST_CONSENTS:
            self.shed += 1
            return
        id_ = hashlib.sha256("\n".join(map(str, (*key, now_us))).encode()).hexdigest()[:12]
        cause, until = dict(proposal.cause), now_us + CONSENT_WAITS_US
        self._asked[id_] = ConsentRow(
            id_, service, proposal.device, proposal.command, proposal.value, cause, proposal.sources, now_us, until
        )

    def passed(self, service: str, proposal: Proposal, now_us: int) -> None:
        """The gate let it pass: a consent behind it is used up."""
        for consent in self._approved(now_us):
            if (consent.service, consent.device, consent.command, consent.value) == (
                service, proposal.device, proposal.command, proposal.value
            ):  # fmt: skip
                self._used.append(replace(consent, state="used"))
                self._spent.add(consent.id)

    def records(self, now_us: int) -> list[AnyRecord]:
        """What is put on record after a tick, before `keep`: what is asked for, and what ended by itself."""
        asked: list[AnyRecord] = [_consent_record(row, "asked", self.by, now_us) for row in self._asked.values()]
        over: list[AnyRecord] = [
            _consent_record(row, "expired", self.by, now_us) for row in self.waiting if row.until <= now_us
        ]
        return (
            asked
            + over
            + [
                OverrideEnded(at=now_us, by=self.by, override=row.id, outcome=OverrideState.EXPIRED.value, person="")
                for row in self._run_out(now_us)
            ]
        )

    def keep(self, book: Overrides, now_us: int) -> None:
        """Bring the book up to what is on record.

        Raises:
            LinkError: the store did not answer; what ran out is found again at the next tick.
        """
        over = [replace(row, state="expired") for row in self.waiting if row.until <= now_us]
        if self._asked or self._used or over:
            book.put_consents([*self._asked.values(), *self._used, *over])
        for row in self._run_out(now_us):
            book.put_override(replace(row, state=OverrideState.EXPIRED, ended_at=now_us))

    def _run_out(self, now_us: int) -> list[OverrideRow]:
        return [row for row in self.rows if row.until <= now_us]

    def _approved(self, now_us: int) -> list[ConsentRow]:
        waiting = (row for row in self.waiting if row.id not in self._spent)
        return [row for row in waiting if row.state == "approved" and now_us < row.until]


def _proposed(consent: ConsentRow) -> Proposal:
    return Proposal(
        consent.device, consent.command, consent.value, consent.cause, consent.asked_at, sources=consent.sources
    )


def _must_be_told(row: OverrideRow, last: Commanded | None, now_us: int, stopped: bool) -> bool:
    """Whether a held unit must be told now. `stopped`: an interlock holds: it is proposed, so that the gate makes it safe."""
    if last is None:
        return True
    since = abs(now_us - last.sent_at)
    if (last.command, last.value) == (row.command, row.value):
        if last.state == "acknowledged":
            return stopped or since >= REMIND_US
        return last.state != "sent" and since >= RETRY_US
    instead = "fail_safe" in last.cause or "revert" in last.cause  # what was done because it could not be held
    return since >= RETRY_US if instead and last.sent_at >= (row.begun_at or 0) else True


def _consent_record(row: ConsentRow, step: str, by: str, now_us: int) -> Consent:
    return consent_record(row, step, "", by, now_us)


def consent_record(row: ConsentRow, step: str, person: str, by: str, now_us: int) -> Consent:
    """What is put on record of a consent. `step`: asked | approved | refused | expired."""
    return Consent(
        at=now_us,
        by=by,
        request=row.id,
        step=step,
        service=row.service,
        device=row.device,
        command=row.command,
        value=row.value,
        person=person,
        until=row.until,
    )
