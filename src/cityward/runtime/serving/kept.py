"""What is kept of the services between turns and restarts, and for whoever looks: the rows, and the port that keeps them.

Texts in these rows may hold what came from outside: whoever shows them treats them as text. Times are city us.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from cityward.runtime.watching.ports import AlertRow
from cityward.services.contract import Estimate


class ProposalShown(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a service proposed, and what the gate said: `allowed`, or the word of its refusal with what can be done about it."""

    at: int
    device: str
    command: str
    value: float
    verdict: str
    mend: str = ""
    cause: dict[str, str] = {}


class ServiceStatus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a service stands after its last turn.

    at: of the turn. proposals: the newest first. shed: part of a turn -> how much of it was not taken since the start, for its
    bounds or because it was malformed. left_out: reason word -> readings it was not shown. windows_at: when the pasts it is shown
    were read; None: not yet. series, points: how many it is shown. documents: flow -> age in us. held: units a person holds.
    jobs: those under way. faults: since the start; last_fault: in words.
    """

    service: str
    at: int
    memory_bytes: int = 0
    proposals: tuple[ProposalShown, ...] = ()
    shed: dict[str, int] = {}
    left_out: dict[str, int] = {}
    windows_at: int | None = None
    series: int = 0
    points: int = 0
    documents: dict[str, int] = {}
    held: int = 0
    jobs: tuple[str, ...] = ()
    faults: int = 0
    last_fault: str = ""
    last_fault_at: int | None = None


class NoticeRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something people should know or do. first_at: the turn that named it first; ended_at: None while it stands.

    One that is named again within an hour of its end goes on: it is told once.
    """

    service: str
    id: str
    subject: str
    title: str
    urgency: str
    since: int
    do: str = ""
    sources: tuple[str, ...] = ()
    first_at: int
    ended_at: int | None = None


class StopRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stop of a plan. position: degrees, lon-lat."""

    subject: str
    position: tuple[float, float]
    due: int
    why: str = ""


class PlanRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plan that passed the gate and is on record. `record`: its evidence entry. state: issued | done | superseded | expired |
    withdrawn. fixed: it is the declared plan, or part of it. areas: stops in each."""

    plan_id: str
    service: str
    kind: str
    crew: str
    stops: tuple[StopRow, ...]
    cause: dict[str, str]
    sources: tuple[str, ...] = ()
    way: tuple[tuple[float, float], ...] = ()
    figures: dict[str, float] = {}
    areas: dict[str, int] = {}
    digest: str = ""
    fixed: bool = False
    record: str = ""
    issued_at: int
    expires_at: int
    state: str = "issued"


class PublishedRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document for others to fetch. at: when it became what it is. Leaves by the release gate, or not at all."""

    service: str
    name: str
    body: bytes
    at: int


@dataclass(frozen=True, slots=True)
class ServiceEffects:
    """All that one tick changes of what is kept: one transaction. Any of it again changes nothing.

    memories, boards: service -> JSON. estimates: (service, estimate).
    """

    at: int
    memories: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    boards: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    statuses: Sequence[ServiceStatus] = ()
    notices: Sequence[NoticeRow] = ()
    alerts: Sequence[AlertRow] = ()
    estimates: Sequence[tuple[str, Estimate]] = ()
    published: Sequence[PublishedRow] = ()
    plans: Sequence[PlanRow] = ()


class ServiceKeeper(Protocol):
    """Where it is kept. Bounded: the oldest goes."""

    def memories(self) -> Mapping[str, bytes]:
        """Service -> its memory as it was kept last."""
        ...

    def standing_notices(self, ended_since: int) -> Sequence[NoticeRow]:
        """Those that stand, and those that ended at or after a time."""
        ...

    def plans_since(self, issued_since: int) -> Sequence[PlanRow]:
        """Oldest first."""
        ...

    def keep(self, effects: ServiceEffects) -> None: ...
