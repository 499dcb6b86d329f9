"""How far each device is trusted: one number from the findings about it, and the state that it means.

Theory of operation
-------------------
Each kind of finding about a device takes a share of its trust:

    loss = weight of the kind x min(score, SCORE_COUNTS_TO), at most MOST_LOSS

and what several kinds take is combined as if they were independent: trust = product of (1 - loss). Of the same kind only the
largest counts: five frozen channels of one device have one cause. A finding that ended counts less and less: half of it after
`HALF_LIFE_US`. So trust comes back by itself, and slowest after the worst.

    state:  trusted -> suspect below 0.8 -> quarantined below 0.5; back only `MARGIN` above the line it went down through.

Why these numbers. `SCORE_COUNTS_TO` 3: a kind of weight 0.16 or less never quarantines by itself however high its score, one of
0.5 does just above its threshold. `MOST_LOSS` 0.95: what is certain today may be mended tomorrow. `HALF_LIFE_US` 2 h: a device
that lost nine tenths is out of quarantine (with the margin) 2.3 hours after it behaves again, and trusted after 6.3: longer than
a pause in an attack, shorter than a working day. `MARGIN` 0.1: half an hour of recovery at the line of quarantine.

INVARIANTS
- More findings, or higher scores, never raise trust. Without findings trust is 1.
- The state follows from the trust and the state before; a trust that swings by less than `MARGIN` changes it at most once.
- No state is older than what it rests on: findings may tell of a moment that the watch's own clock has not come to yet.
- A person's closing of an incident forgives what has ended, never what goes on.

Fails when: an attacker stays below every detector's threshold, or waits out the half-life between attempts: each attempt is
then found, and none is forgotten sooner for it, but the device is trusted in between.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cityward.time import HOUR
from cityward.watch.findings import DeviceStanding, Finding, Trust, state_of

HALF_LIFE_US = 2 * HOUR
SCORE_COUNTS_TO = 3.0
MOST_LOSS = 0.95
MARGIN = 0.1
FORGOTTEN_BELOW = 0.01  # a loss this small is none
TOLD_FROM = 0.01  # a change of trust this small is not worth a row
MOST_DOUBTS = 64  # of one device; the smallest losses go first
BECAUSE = 5


@dataclass(frozen=True, slots=True)
class Doubt:
    """What one finding takes from a device. at: its newest word. ended_at: None while it goes on."""

    finding: str
    kind: str  # detector/kind
    loss: float
    at: int
    ended_at: int | None


@dataclass(slots=True)
class Trusts:
    """device -> finding -> doubt, and the standing each doubted device has now."""

    doubts: dict[str, dict[str, Doubt]] = field(default_factory=dict[str, dict[str, Doubt]])
    standings: dict[str, DeviceStanding] = field(default_factory=dict[str, DeviceStanding])


def loss_of(weight: float, score: float) -> float:
    """The share of trust that a finding takes while it goes on."""
    return min(MOST_LOSS, max(0.0, weight) * min(max(0.0, score), SCORE_COUNTS_TO))


def note(trusts: Trusts, finding: Finding, weight: float, devices: Iterable[str]) -> None:
    """A finding began, went on or ended; `devices` are those it is about."""
    kind, loss = f"{finding.detector}/{finding.kind}", loss_of(weight, finding.score)
    doubt = Doubt(finding.id, kind, loss, finding.at, finding.ended_at)
    for device in devices:
        mine = trusts.doubts.setdefault(device, {})
        mine[finding.id] = doubt
        if len(mine) > MOST_DOUBTS:
            del mine[min(mine, key=lambda id_: (mine[id_].ended_at is None, mine[id_].loss, id_))]


def forgive(trusts: Trusts, findings: Iterable[str]) -> None:
    """A person closed the incident of these findings: those that ended count no more."""
    gone = set(findings)
    for mine in trusts.doubts.values():
        for id_ in gone & mine.keys():
            if mine[id_].ended_at is not None:
                del mine[id_]


def weigh(trusts: Trusts, now: int) -> list[DeviceStanding]:
    """The standings that changed, as they are now. Those that became full are among them, `trusted` at 1."""
    changed: list[DeviceStanding] = []
    for device in sorted(trusts.doubts.keys() | trusts.standings.keys()):
        before = trusts.standings.get(device)
        after = _standing(device, trusts.doubts.get(device, {}), before, now)
        _forget(trusts, device, now)
        if _worth_telling(before, after):
            changed.append(after)
            trusts.standings[device] = after
        if is_full(after):
            trusts.standings.pop(device, None)
    return changed


def is_full(standing: DeviceStanding) -> bool:
    """Whether a device needs no standing: it is trusted, and nothing is held against it."""
    return standing.state is Trust.TRUSTED and standing.trust >= 1.0


def trust_of(doubts: Iterable[Doubt], now: int) -> float:
    """0 to 1."""
    worst: dict[str, float] = {}
    for doubt in doubts:
        worst[doubt.kind] = max(worst.get(doubt.kind, 0.0), _loss_at(doubt, now))
    trust = 1.0
    for loss in worst.values():
        trust *= 1.0 - loss
    return trust


def next_state(before: Trust, trust: float) -> Trust:
    """The state a device goes to: down at the line, up only `MARGIN` beyond it."""
    down, up = state_of(trust), state_of(trust - MARGIN)
    order = list(Trust)  # trusted, suspect, quarantined
    if order.index(down) >= order.index(before):
        return down
    return up if order.index(up) < order.index(before) else before


def _loss_at(doubt: Doubt, now: int) -> float:
    if doubt.ended_at is None:
        return doubt.loss
    loss = doubt.loss * 0.5 ** (max(0, now - doubt.ended_at) / HALF_LIFE_US)
    return loss if loss >= FORGOTTEN_BELOW else 0.0


def _standing(device: str, doubts: dict[str, Doubt], before: DeviceStanding | None, now: int) -> DeviceStanding:
    trust = round(trust_of(doubts.values(), now), 4)
    state = next_state(before.state if before is not None else Trust.TRUSTED, trust)
    heaviest = sorted(doubts.values(), key=lambda d: (-_loss_at(d, now), d.finding))[:BECAUSE]
    reasons = [doubt for doubt in heaviest if _loss_at(doubt, now) > 0]
    since = (
        before.since if before is not None and before.state is state else max(now, *(doubt.at for doubt in reasons), 0)
    )
    because = tuple(doubt.finding for doubt in reasons)
    return DeviceStanding(device=device, trust=trust, state=state, since=since, because=because)


def _worth_telling(before: DeviceStanding | None, after: DeviceStanding) -> bool:
    if before is None:
        return not is_full(after)
    if before.state is not after.state or is_full(after):
        return True
    return abs(before.trust - after.trust) >= TOLD_FROM


def _forget(trusts: Trusts, device: str, now: int) -> None:
    mine = trusts.doubts.get(device)
    if mine is None:
        return
    for id_ in [id_ for id_, doubt in mine.items() if _loss_at(doubt, now) == 0.0 and doubt.ended_at is not None]:
        del mine[id_]
    if not mine:
        del trusts.doubts[device]
