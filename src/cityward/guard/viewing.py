"""The gate before a camera: who may look, for how long, covered or clear.

Theory of operation
-------------------
`decide` holds one person's question to the rules (`viewing_rules`): every rule is asked, and all that speaks against it is told.
A clear picture, and a role that says so, need a second person: the answer is then `waits` until one has agreed. What is allowed
becomes `Passed`; once its evidence entry exists `Passed.seal` makes `Granted`, and nothing shows a picture without one.
While a view runs, `still` asks the same rules again: a posture, a bar or a role that ended takes it away at once.

INVARIANTS
- Only this module makes `Passed` and `Granted`; without an allowed decision there is neither.
- Total: whatever is asked, the answer is a decision; what is no question gets `fault`.
- Monotone: one role less, one posture or bar more, a longer time, more cameras opened before: never a yes from a no.
- No identity opens more different cameras within an hour than the least `cameras_most` among them (scenario S-04).
- People of another party look only through a role that was opened for a task, from declared addresses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from cityward.guard.viewing_rules import STOPPED, CameraRule, RoleRule, ViewingRules
from cityward.time import HOUR

REASON_LENGTHS = range(10, 501)
LONGEST_SPAN_US = HOUR  # of a recording that is looked at; more is asked for again, on record again
LONGEST_EXPORT_US = 24 * HOUR

Kind = Literal["live", "recorded", "export"]
Cover = Literal["covered", "clear"]

_SEAL = object()


class ViewReason(StrEnum):
    """Why the answer is no: one word, the same in the evidence and in the console. Several may apply; all are told."""

    UNDECLARED = "undeclared"  # there is no such camera
    NOT_SHOWN = "not-shown"  # it shows nobody a picture: counts only
    OUT_OF_USE = "out-of-use"  # revoked, barred or quarantined
    NO_RIGHT = "no-right"  # no role in force has `view` with the camera's dataset
    NO_SESSION = "no-session"  # of another party, without a role opened for a task
    FROM_ELSEWHERE = "from-elsewhere"  # a role would hold, but not from this address
    WRONG_PURPOSE = "wrong-purpose"
    NO_REASON = "no-reason"
    TOO_LONG = "too-long"
    FAN_OUT = "fan-out"
    NOT_CLEAR = "not-clear"  # its clear picture may not be asked for
    SECOND_PERSON = "second-person"  # somebody else must agree, each time
    NOT_KEPT = "not-kept"  # no recording reaches there
    NOT_ALLOWED_THERE = (
        "not-allowed-there"  # a jurisdiction that the dataset does not allow may have power over the party
    )
    POSTURE = "posture"
    NOT_OPEN = "not-open"  # there is no such view, or it is over
    WRONG_TOKEN = "wrong-token"  # noqa: S105  no token of this view, or one that was used before
    OTHER_SESSION = "other-session"  # the token was given to another session
    FAULT = "fault"


MENDS: dict[ViewReason, str] = {
    ViewReason.UNDECLARED: "name a declared camera",
    ViewReason.NOT_SHOWN: "its counts are shown; declare `viewing` where pictures are needed",
    ViewReason.OUT_OF_USE: "see what became of the device: the watch, or its life",
    ViewReason.NO_RIGHT: "ask for a role with the right `view` and the camera's dataset",
    ViewReason.NO_SESSION: "let a person of the city open a role for the task",
    ViewReason.FROM_ELSEWHERE: "ask from one of the role's declared addresses",
    ViewReason.WRONG_PURPOSE: "state one of the purposes that the camera may be looked through for",
    ViewReason.NO_REASON: f"say why, in {REASON_LENGTHS.start} to {REASON_LENGTHS.stop - 1} characters",
    ViewReason.TOO_LONG: "ask for a shorter time; it may be asked for again",
    ViewReason.FAN_OUT: "wait until the hour is over, or let another person look",
    ViewReason.NOT_CLEAR: "look at the covered picture",
    ViewReason.SECOND_PERSON: "let another person with the right `approve` agree",
    ViewReason.NOT_KEPT: "ask for a span that is over and not older than what is kept",
    ViewReason.NOT_ALLOWED_THERE: "let people of the city look, or allow that jurisdiction",
    ViewReason.POSTURE: "wait until the posture ends",
    ViewReason.NOT_OPEN: "ask for a view anew",
    ViewReason.WRONG_TOKEN: "ask for a view anew",
    ViewReason.OTHER_SESSION: "ask for a view of your own",
    ViewReason.FAULT: "ask again; see the log of the web role",
}


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role in force for whoever asks, from where they ask. until: machine us; 0: until it is taken away."""

    role: str
    until: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """One person's question. at: machine us. seconds: for how long. since, until: of a recording, city us; city_now: city us.

    roles: in force. elsewhere: that would be, from another address. second: who agreed, and whether they may (`approve`).
    """

    person: str
    party: str
    camera: str
    purpose: str
    reason: str
    seconds: int
    at: int
    city_now: int
    roles: tuple[HeldRole, ...] = ()
    elsewhere: tuple[str, ...] = ()
    kind: Kind = "live"
    cover: Cover = "covered"
    since: int = 0
    until: int = 0
    second: str = ""
    second_approves: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """A view that the person opened before. at: when it last showed, machine us."""

    camera: str
    at: int


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer. reasons: in the order of `ViewReason`; none: allowed. until: machine us, when it ends by itself; 0: not at all.

    role: by which. postures: that hold it down.
    """

    reasons: tuple[ViewReason, ...]
    rules: str
    role: str = ""
    until: int = 0
    postures: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons

    @property
    def waits(self) -> bool:
        """Whether a second person is all that it lacks."""
        return self.reasons == (ViewReason.SECOND_PERSON,)


@dataclass(frozen=True, slots=True)
class Passed:
    """An allowed question, not yet on record."""

    request: Request
    decision: Decision
    _seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            raise TypeError("only the gate before a camera makes Passed: ask `passed`")

    def seal(self, view: str, record: str) -> Granted:
        """What a picture is shown for, once the evidence entry `record` says so."""
        return Granted(view, self.request, self.decision, record, _seal=_SEAL)


@dataclass(frozen=True, slots=True)
class Granted:
    """A view that passed the gate and is on record: the only thing that pictures are given for."""

    view: str
    request: Request
    decision: Decision
    record: str
    _seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL or not self.record:
            raise TypeError("only the gate before a camera makes Granted: seal what passed with its evidence record")

    @property
    def until(self) -> int:
        """When it ends by itself, machine us."""
        return self.decision.until


def passed(request: Request, decision: Decision) -> Passed | None:
    """What may be sealed; None where the decision is a no."""
    return Passed(request, decision, _seal=_SEAL) if decision.allowed else None


def decide(request: Request, rules: ViewingRules, opened: Sequence[Opened]) -> Decision:
    """May this person look now? Total.

    Args:
        request: what is asked.
        rules: as the city stands.
        opened: the person's views of the last hour; older ones do not count. The newest 1,000 are enough.
    """
    return _answer(request, rules, opened, running=False)


def still(granted: Granted, now: Request, rules: ViewingRules) -> Decision:
    """May a view go on? As `decide`, by the roles held now; the time is the view's own.

    Args:
        granted: the view.
        now: its question, with the roles of this moment (`roles`, `elsewhere`) and the moment itself.
        rules: as the city stands.
    """
    answer = _answer(now, rules, (), running=True)
    if now.at >= granted.until:
        return Decision(_in_order({*answer.reasons, ViewReason.NOT_OPEN}), rules.digest)
    return answer


def _answer(request: Request, rules: ViewingRules, opened: Sequence[Opened], *, running: bool) -> Decision:
    try:
        camera = rules.cameras.get(request.camera)
        if camera is None:
            return Decision((ViewReason.UNDECLARED,), rules.digest)
        role, until = _role(request, rules, camera)
        against = {*_asked(request, camera, running), *_who(request, rules, camera, role)}
        against |= {*_fan_out(request, rules, camera, opened)}
        postures, more = _postures(request, rules, camera)
        against |= more
        end = min(request.at + request.seconds * 1_000_000, until or (1 << 62))
        return Decision(_in_order(against), rules.digest, role, 0 if against else end, postures)
    except Exception:  # INVARIANT: what is no question (a time that is no number) gets the answer no
        return Decision((ViewReason.FAULT,), getattr(rules, "digest", ""))


def _in_order(reasons: set[ViewReason]) -> tuple[ViewReason, ...]:
    return tuple(reason for reason in ViewReason if reason in reasons)


# --- what is asked for


def _asked(request: Request, camera: CameraRule, running: bool) -> Iterator[ViewReason]:
    if not camera.in_use:
        yield ViewReason.OUT_OF_USE
    if request.purpose not in camera.purposes:
        yield ViewReason.WRONG_PURPOSE
    text = request.reason.strip()
    if len(text) not in REASON_LENGTHS or not text.isprintable():
        yield ViewReason.NO_REASON
    if not 0 < request.seconds * 1_000_000 <= camera.longest_us:
        yield ViewReason.TOO_LONG
    if request.cover == "clear" and not (camera.clear and request.kind == "live"):
        yield ViewReason.NOT_CLEAR
    if request.cover not in ("covered", "clear") or request.kind not in ("live", "recorded", "export"):
        yield ViewReason.FAULT
    if request.kind != "live" and not running:
        yield from _span(request, camera)


def _span(request: Request, camera: CameraRule) -> Iterator[ViewReason]:
    oldest, length = request.city_now - camera.keep_us, request.until - request.since
    if camera.keep_us == 0 or request.since < oldest or request.until > request.city_now or length <= 0:
        yield ViewReason.NOT_KEPT
    elif length > (LONGEST_EXPORT_US if request.kind == "export" else LONGEST_SPAN_US):
        yield ViewReason.TOO_LONG


# --- who asks


def _role(request: Request, rules: ViewingRules, camera: CameraRule) -> tuple[str, int]:
    """By which role, and until when it holds: alone before with two, for long before for short. "" none."""
    fitting = [
        (rule.two_person, -(held.until or (1 << 62)), held.role, held.until)
        for held in request.roles
        if (rule := rules.roles.get(held.role)) is not None and _fits(rule, request.party, camera)
    ]
    if not fitting:
        return "", 0
    _, _, name, until = min(fitting)
    return name, until


def _fits(rule: RoleRule, party: str, camera: CameraRule) -> bool:
    return rule.party == party and camera.dataset in rule.datasets and (rule.ours or rule.just_in_time)


def _who(request: Request, rules: ViewingRules, camera: CameraRule, role: str) -> Iterator[ViewReason]:
    if not role:
        yield from _without_role(request, rules, camera)
        return
    rule = rules.roles[role]
    if (request.cover == "clear" or rule.two_person) and not _agreed(request):
        yield ViewReason.SECOND_PERSON
    if not rule.ours and not _allowed_there(request.party, rules, camera):
        yield ViewReason.NOT_ALLOWED_THERE


def _without_role(request: Request, rules: ViewingRules, camera: CameraRule) -> Iterator[ViewReason]:
    """Why nobody's role lets them: the nearest reason."""
    mine = [rule for rule in rules.roles.values() if rule.party == request.party and camera.dataset in rule.datasets]
    if any(name in rules.roles and camera.dataset in rules.roles[name].datasets for name in request.elsewhere):
        yield ViewReason.FROM_ELSEWHERE
    elif any(not rule.ours for rule in mine):
        yield ViewReason.NO_SESSION
    else:
        yield ViewReason.NO_RIGHT


def _agreed(request: Request) -> bool:
    return bool(request.second) and request.second != request.person and request.second_approves


def _allowed_there(party: str, rules: ViewingRules, camera: CameraRule) -> bool:
    """What the city itself looks at leaves for nowhere; of another party every land with power over it must be allowed."""
    if camera.allowed is None:
        return True
    return party in rules.lands and all(around & camera.allowed for around in rules.lands[party])


def _fan_out(
    request: Request, rules: ViewingRules, camera: CameraRule, opened: Sequence[Opened]
) -> Iterator[ViewReason]:
    """The least bound among the cameras counts: in which order they are opened changes nothing."""
    before = {one.camera for one in opened if one.at > request.at - HOUR} - {request.camera}
    bounds = [rules.cameras[name].cameras_most for name in before if name in rules.cameras]
    if len(before) + 1 > min([camera.cameras_most, *bounds]):
        yield ViewReason.FAN_OUT


# --- postures


def _postures(
    request: Request, rules: ViewingRules, camera: CameraRule
) -> tuple[tuple[str, ...], frozenset[ViewReason]]:
    """(those that touch it, what they speak against): a calming one leaves the covered picture, later."""
    held = rules.held_by(camera, request.party, request.purpose)
    late = max((one.delay_us for one in held), default=0)
    stops = any(one.does == STOPPED for one in held)
    too_soon = late > 0 and (request.kind == "live" or request.until > request.city_now - late)
    if stops or too_soon or (held and request.cover == "clear"):
        return tuple(one.posture for one in held), frozenset((ViewReason.POSTURE,))
    return tuple(one.posture for one in held), frozenset()
