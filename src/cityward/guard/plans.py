"""The permit gate for plans: an order of work for people (a collection round, a maintenance tour), not a value for an actuator.

Theory of operation
-------------------
A plan is judged as a command is (`guard.permit`): of a declared kind, at declared places, fresh, of believed and independent
sources, so many a day. Two things are a plan's own.

*One area at a time.* Whoever falsifies the levels of one street can fill a plan with it, and every crew's plan. Therefore at most
`share_of_area_most` of a plan's stops are in one area: the plan that a lie makes is lopsided, and is refused. A few stops
(`area_free`, of all plans of a day together) pass whatever their share is, so that a short plan is not lopsided by being short.
A unit without a declared area counts as in one with all others without.

*The fixed plan.* Work for people has a safe state as an actuator has one: the round they make when no reading is believed. It is
declared (`fixed`); a plan of stops among those that names no source is permitted without trust, quorum and share, and no plan
made from readings uses up its `per_day`.

INVARIANTS
- Total: any plan, however malformed, gives `AllowedPlan` or a `PlanRefusal`.
- Monotone: narrower limits, less trust, more plans before never turn a refusal into a permission.
- What is needed for safety is not lost: whatever was refused, the declared fixed plan stays permitted (`fixed`).
- No permitted plan but a fixed one has more than `share_of_area_most` of its stops in one area, besides `area_free` a day.
- A stop is where its unit is declared to stand: a plan sends nobody elsewhere.
- Only this module makes `AllowedPlan` and `PermittedPlan`.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cityward.guard.confidence import FULL, Confidence
from cityward.guard.wellformed import are_causes, are_names, is_number, is_text, is_whole
from cityward.place.independence import Traits, independent_of
from cityward.place.model import Place
from cityward.place.registry import Registry
from cityward.place.services import PlanLimits, Service
from cityward.place.things import DeviceStatus, Position
from cityward.time import DAY, HOUR, MINUTE

MOST_STOPS = 1000
MOST_PLAN_SOURCES = 2000  # each stop's own unit, and as many beside them
MOST_WAY = 50_000  # points: a day's tour on a street network, with room
MOST_FIGURES = 32
OFF_PLACE_M = 250.0  # PRECEDENT: a container is wheeled to the end of its street; phone positions err by tens of metres
METRES_PER_DEGREE = 111_320.0

_SEAL = object()


@dataclass(frozen=True, slots=True)
class Stop:
    """One thing to be done: at which unit, where, when (city us), and why."""

    subject: str
    position: Position
    due: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class PlanProposal:
    """What a service would like people to do.

    kind: a word declared under the service's `plans`. crew: who does it, a word of the service's settings. sources: the units
    whose readings the choice of stops rests on; none of a fixed plan. way: the line on the map that leads from stop to stop.
    """

    kind: str
    crew: str
    stops: tuple[Stop, ...]
    cause: Mapping[str, str]
    made_at: int
    sources: tuple[str, ...] = ()
    way: tuple[Position, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict[str, float])  # kilometres, minutes, load


class PlanReason(StrEnum):
    """Why the gate refused: one word, the same in counters, evidence and the console."""

    MALFORMED = "malformed"
    UNDECLARED_PLAN = "undeclared-plan"
    TOO_MANY_STOPS = "too-many-stops"
    UNKNOWN_STOP = "unknown-stop"
    OFF_PLACE = "off-place"
    DUE_OUTSIDE = "due-outside"
    TOO_OLD = "too-old"
    IN_THE_FUTURE = "in-the-future"
    UNTRUSTED_SOURCE = "untrusted-source"
    TOO_FEW_SOURCES = "too-few-sources"
    ONE_AREA = "too-much-in-one-area"
    RATE_EXCEEDED = "rate-exceeded"


PLAN_MENDS: dict[PlanReason, str] = {
    PlanReason.MALFORMED: "mend the service: a kind and a crew, stops (each subject once), 1 to 16 causes, finite numbers",
    PlanReason.UNDECLARED_PLAN: "declare the kind under the service's plans",
    PlanReason.TOO_MANY_STOPS: "make two plans of it, or raise stops_most",
    PlanReason.UNKNOWN_STOP: "plan only stops at declared devices and sites, or add them to the plan's `at`",
    PlanReason.OFF_PLACE: "find out why the stop is not where its unit is declared to stand",
    PlanReason.DUE_OUTSIDE: "let every stop be due while the plan holds, or raise valid_hours",
    PlanReason.TOO_OLD: "propose again from a fresh view",
    PlanReason.IN_THE_FUTURE: "find out why the clock went back",
    PlanReason.UNTRUSTED_SOURCE: "see what the watch found about its sources, and mend, replace or clear them",
    PlanReason.TOO_FEW_SOURCES: "add a source of another owner, maker and network zone, or lower the plan's quorum",
    PlanReason.ONE_AREA: "look whether the readings of that area are true; make the fixed plan, or raise share_of_area_most",
    PlanReason.RATE_EXCEEDED: "plan less often, or raise per_day of the plan",
}
"""What can be done about each refusal."""


@dataclass(frozen=True, slots=True)
class PlanBefore:
    """A plan that left this gate before, at city time `at` in us. areas: stops in each."""

    kind: str
    at: int
    fixed: bool
    areas: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Subject:
    """Where a stop may be. area: None at a site of the service's own (depot, tip), which counts for no area."""

    position: Position | None
    area: str | None


@dataclass(frozen=True, slots=True)
class PlanRule:
    """What holds for one kind of plan. fixed: whose stops need no reading."""

    limits: PlanLimits
    subjects: Mapping[str, Subject]
    fixed: frozenset[str]


@dataclass(frozen=True, slots=True)
class PlanRules:
    """What one service may have people do. `oldest_us`: how old a proposal may be: a plan was computed for minutes."""

    service: str
    kinds: Mapping[str, PlanRule]
    sources: Mapping[str, Traits] = field(default_factory=dict[str, Traits])
    oldest_us: int = 30 * MINUTE


@dataclass(frozen=True, slots=True)
class PlanRefusal:
    """The gate's no."""

    plan: PlanProposal
    reason: PlanReason

    @property
    def mend(self) -> str:
        """What can be done about it."""
        return PLAN_MENDS[self.reason]


@dataclass(frozen=True, slots=True)
class AllowedPlan:
    """The gate's yes, not yet on record. Made by `permit_plan` only; times in city us.

    digest: SHA-256 over crew and stops, hexadecimal (`plan_digest`). areas: stops in each area. fixed: it needed no reading.
    """

    plan_id: str
    service: str
    plan: PlanProposal
    digest: str
    areas: Mapping[str, int]
    fixed: bool
    issued_at: int
    expires_at: int
    _seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            raise TypeError("only the permit gate makes AllowedPlan: propose, and ask `permit_plan`")

    @property
    def before(self) -> PlanBefore:
        """As later plans are judged by it."""
        return PlanBefore(self.plan.kind, self.issued_at, self.fixed, self.areas)

    def seal(self, record: str) -> PermittedPlan:
        """The plan, once the evidence entry `record` says so."""
        return PermittedPlan(
            plan_id=self.plan_id,
            service=self.service,
            plan=self.plan,
            digest=self.digest,
            issued_at=self.issued_at,
            expires_at=self.expires_at,
            record=record,
            _seal=_SEAL,
        )


@dataclass(frozen=True, slots=True)
class PermittedPlan:
    """A plan that passed the gate, and whose issue is on record: the only thing that is given to people."""

    plan_id: str
    service: str
    plan: PlanProposal
    digest: str
    issued_at: int
    expires_at: int
    record: str
    _seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL or not self.record:
            raise TypeError("only the permit gate makes PermittedPlan: seal what it allowed with its evidence record")


def plan_rules_for(
    service_id: str,
    service: Service,
    place: Place,
    registry: Registry,
    sources: Mapping[str, Traits] | None = None,
    **limits: int,
) -> PlanRules:
    """Compile what plans a declared service may make.

    Args:
        service_id: the declared service's id.
        service: its declaration.
        place: the declaration: its sites are where crews begin and unload.
        registry: the same, numbered.
        sources: whom units belong to (`independence.traits_of`); without it no plan may rest on a reading.
        limits: `oldest_us`, where it differs from the default (a faster clock).
    """
    kinds = {kind: _rule(declared, place, registry) for kind, declared in service.plans.items()}
    return PlanRules(service_id, kinds, sources or {}, **limits)


def _rule(limits: PlanLimits, place: Place, registry: Registry) -> PlanRule:
    named, fixed = frozenset(limits.at), frozenset(limits.fixed)
    gone = (DeviceStatus.PLANNED, DeviceStatus.STORED, DeviceStatus.RETIRED)
    units = [unit for unit in registry.units if unit.status not in gone]
    at = [unit for unit in units if not named or not named.isdisjoint((unit.id, unit.group))]
    sites = {name: Subject(site.position, None) for name, site in place.sites.items() if not named or name in named}
    return PlanRule(
        limits,
        {unit.id: Subject(unit.position, unit.area or "") for unit in at} | sites,
        frozenset(unit.id for unit in units if not fixed.isdisjoint((unit.id, unit.group))) | (fixed & sites.keys()),
    )


def permit_plan(
    plan: PlanProposal, rules: PlanRules, recent: Sequence[PlanBefore], now_us: int, confidence: Confidence = FULL
) -> AllowedPlan | PlanRefusal:
    """Judge one plan.

    Args:
        plan: what a service would like people to do.
        rules: what that service may.
        recent: plans of the same service issued before; those of other kinds or longer than a day ago do not count.
        now_us: city time.
        confidence: how far devices are trusted now.
    """
    rule = _rule_of(plan, rules)
    if isinstance(rule, PlanReason):
        return PlanRefusal(plan, rule)
    fixed = _is_fixed(plan, rule)
    reason = _misplaced(plan, rule, now_us) or _mistimed(plan, rules, now_us)
    reason = reason or _rate_used_up(plan, rule, recent, now_us, fixed)
    if not fixed:
        reason = reason or _doubt(plan, rule, rules, confidence) or _lopsided(plan, rule, recent, now_us)
    if reason is not None:
        return PlanRefusal(plan, reason)
    return _allowed(plan, rule, rules.service, fixed, now_us)


def _allowed(plan: PlanProposal, rule: PlanRule, service: str, fixed: bool, now_us: int) -> AllowedPlan:
    digest = plan_digest(plan)
    return AllowedPlan(
        plan_id=f"{service}.{plan.kind}.{now_us:x}.{digest[:8]}",
        service=service,
        plan=plan,
        digest=digest,
        areas=areas_of(plan, rule),
        fixed=fixed,
        issued_at=now_us,
        expires_at=now_us + round(rule.limits.valid_hours * HOUR),
        _seal=_SEAL,
    )


def plan_digest(plan: PlanProposal) -> str:
    """SHA-256 over who does what, hexadecimal: the crew, then each stop's subject, due time and reason, one a line."""
    lines = (plan.crew, *(f"{stop.subject} {stop.due} {stop.why}" for stop in plan.stops))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def sources_digest(sources: Iterable[str]) -> str:
    """SHA-256 over the sources' ids, sorted, one a line: which they were, where a record has no room for the names."""
    return hashlib.sha256("\n".join(sorted(sources)).encode()).hexdigest()


def areas_of(plan: PlanProposal, rule: PlanRule) -> dict[str, int]:
    """Area -> stops in it; `""`: at units without one. Sites count for none."""
    areas = (rule.subjects[stop.subject].area for stop in plan.stops)
    return dict(Counter(area for area in areas if area is not None))


# -- why not -----------------------------------------------------------------------------------------------------------


def _rule_of(plan: PlanProposal, rules: PlanRules) -> PlanRule | PlanReason:
    if not _well_formed(plan):
        return PlanReason.MALFORMED
    rule = rules.kinds.get(plan.kind)
    if rule is None:
        return PlanReason.UNDECLARED_PLAN
    if len(plan.stops) > rule.limits.stops_most:
        return PlanReason.TOO_MANY_STOPS
    return rule if all(stop.subject in rule.subjects for stop in plan.stops) else PlanReason.UNKNOWN_STOP


def _is_fixed(plan: PlanProposal, rule: PlanRule) -> bool:
    return not plan.sources and all(stop.subject in rule.fixed for stop in plan.stops)


def _misplaced(plan: PlanProposal, rule: PlanRule, now_us: int) -> PlanReason | None:
    if any(_metres(stop.position, rule.subjects[stop.subject].position) > OFF_PLACE_M for stop in plan.stops):
        return PlanReason.OFF_PLACE
    until = now_us + round(rule.limits.valid_hours * HOUR)
    # what is overdue is due all the same
    return None if all(now_us - DAY <= stop.due <= until for stop in plan.stops) else PlanReason.DUE_OUTSIDE


def _mistimed(plan: PlanProposal, rules: PlanRules, now_us: int) -> PlanReason | None:
    if plan.made_at > now_us:
        return PlanReason.IN_THE_FUTURE
    return PlanReason.TOO_OLD if now_us - plan.made_at > rules.oldest_us else None


def _doubt(plan: PlanProposal, rule: PlanRule, rules: PlanRules, confidence: Confidence) -> PlanReason | None:
    """What is wrong with what the plan rests on; a plan may rest on no reading at all."""
    if not plan.sources:
        return None
    limits = rule.limits
    known = {source: rules.sources[source] for source in plan.sources if source in rules.sources}
    believed = all(confidence.believes(source, limits.least_trust) for source in plan.sources)
    if len(known) < len(plan.sources) or not believed:
        return PlanReason.UNTRUSTED_SOURCE
    voices = independent_of(known, confidence.one_source, limits.quorum)
    return PlanReason.TOO_FEW_SOURCES if voices < limits.quorum else None


def _lopsided(plan: PlanProposal, rule: PlanRule, recent: Sequence[PlanBefore], now_us: int) -> PlanReason | None:
    """Whether one area has too large a share of the stops, beyond what a day lets pass for free."""
    mine = areas_of(plan, rule)
    whole = sum(mine.values())
    before = Counter[str]()
    for past in _within_a_day(plan.kind, recent, now_us):
        before.update({} if past.fixed else past.areas)
    limits = rule.limits
    lopsided = (
        count > limits.share_of_area_most * whole and before[area] + count > limits.area_free
        for area, count in mine.items()
    )
    return PlanReason.ONE_AREA if any(lopsided) else None


def _rate_used_up(
    plan: PlanProposal, rule: PlanRule, recent: Sequence[PlanBefore], now_us: int, fixed: bool
) -> PlanReason | None:
    """What is made from readings does not use up the day of the fixed plan; the other way round it does."""
    used = sum(1 for past in _within_a_day(plan.kind, recent, now_us) if past.fixed or not fixed)
    return PlanReason.RATE_EXCEEDED if used >= rule.limits.per_day else None


def _within_a_day(kind: str, recent: Sequence[PlanBefore], now_us: int) -> Iterable[PlanBefore]:
    # a clock that jumped back leaves plans in the future: within a day they count, beyond they would block for ever
    return (past for past in recent if past.kind == kind and abs(now_us - past.at) < DAY)


def _metres(a: Position, b: Position | None) -> float:
    """How far two positions are apart, on a plane: exact enough within a city. None is anywhere."""
    if b is None:
        return 0.0
    east = (a[0] - b[0]) * math.cos(math.radians(b[1]))
    return math.hypot(east, a[1] - b[1]) * METRES_PER_DEGREE


# SECURITY: constructors do not check types, and a service is a plug-in: what it made is looked at, not believed


def _well_formed(plan: Any) -> bool:
    return (
        isinstance(plan, PlanProposal)
        and is_text(plan.kind)
        and is_text(plan.crew)
        and _are_stops(plan.stops)
        and are_causes(plan.cause)
        and is_whole(plan.made_at)
        and are_names(plan.sources, MOST_PLAN_SOURCES)
        and _is_way(plan.way)
        and _are_figures(plan.figures)
    )


def _are_stops(value: Any) -> bool:
    if not isinstance(value, tuple) or not 0 < len(value) <= MOST_STOPS:  # pyright: ignore[reportUnknownArgumentType]
        return False
    stops: Any = value
    return all(_is_stop(stop) for stop in stops) and len({stop.subject for stop in stops}) == len(stops)


def _is_stop(value: Any) -> bool:
    return (
        isinstance(value, Stop)
        and is_text(value.subject)
        and _is_position(value.position)
        and is_whole(value.due)
        and (value.why == "" or is_text(value.why))
    )


def _is_way(value: Any) -> bool:
    if not isinstance(value, tuple) or len(value) > MOST_WAY:  # pyright: ignore[reportUnknownArgumentType]
        return False
    return all(_is_position(point) for point in value)  # pyright: ignore[reportUnknownVariableType]


def _is_position(value: Any) -> bool:
    if not isinstance(value, tuple) or len(value) != 2:  # pyright: ignore[reportUnknownArgumentType]
        return False
    longitude, latitude = value  # pyright: ignore[reportUnknownVariableType]
    return is_number(longitude) and is_number(latitude) and abs(longitude) <= 180 and abs(latitude) <= 90


def _are_figures(value: Any) -> bool:
    if not isinstance(value, Mapping) or len(value) > MOST_FIGURES:  # pyright: ignore[reportUnknownArgumentType]
        return False
    figures: Any = value
    return all(is_text(name) and is_number(figure) for name, figure in figures.items())
