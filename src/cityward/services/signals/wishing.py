"""From wishes to proposals: what is worth saying to a junction now, so that it obeys and is not told more than it needs.

A junction is told when the wished stage changes, and again after a third of `lost_after_s`, so that it goes on obeying: that
keeps the evidence to a few records a minute for each. It is not told what its gate would refuse: a change before its minimum
greens are over, a stage that would keep somebody waiting too long, one junction too many taken away from its plan at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cityward.guard.permit import MOST_SOURCES, Proposal, Urgency
from cityward.guard.signals.rules import LONGEST_STEP_S, PLAN, JunctionRules
from cityward.guard.wellformed import LONGEST_CAUSE
from cityward.services.signals.seen import Wish
from cityward.services.signals.view import Looked, Said, Signals, street_s
from cityward.time import SECOND

COMMAND = "signal-stage"
KEEP_ALIVE = 3.0  # times within `lost_after_s`
AGAIN_S = 3.0  # what was sent is given so long before it is said again
TRAVEL_S = 3.0  # a command's way to the street, and what was seen on its way here
LEAST_AT_ONCE = 2
EARLY_S = 1.9  # just inside `guard.signals.gate.SignalLimits.early_s`


@dataclass(frozen=True, slots=True)
class Told:
    """What a junction was told last: a stage or `PLAN`, and how long ago. None was ever: `PLAN`, long ago."""

    stage: int
    ago_s: float
    failed: bool


def told(view: Signals, device: str) -> Told:
    """The last command to a junction, as far as it is known."""
    last = view.last_commands.get(device)
    if last is None or last.command != COMMAND or not -1 <= last.value <= 63 or last.value != int(last.value):
        return Told(PLAN, 1e9, failed=False)
    ago = max(0.0, (view.now_us - last.sent_at) / SECOND / view.pace)
    return Told(int(last.value), ago, failed=last.state in ("rejected", "timed-out"))


def proposals_of(
    view: Signals, looked: Mapping[str, Looked], wishes: Mapping[str, Wish], left: Mapping[str, float]
) -> tuple[list[Proposal], dict[str, float]]:
    """What is proposed now, and when each junction was last taken away from its plan."""
    now, out = street_s(view), list[Proposal]()
    recent = {name: at for name, at in left.items() if 0 <= now - at < view.settings.declared.leaving_s}
    most = max(LEAST_AT_ONCE, len(view.settings.junctions) // 4)
    for name, one in looked.items():
        device = view.settings.junctions[name].device
        if not _may_be_told(view, device):
            continue
        proposal = _to_plan(view, name, one)
        wish = wishes.get(name)
        if proposal is None and wish is not None and one.said is not None and not _is_doubtful(view, name, one):
            leaves = _leaves(view, name, one)
            if leaves and name not in recent and len(recent) >= most:
                continue
            proposal = _wished(view, name, one.said, wish, _sources(view, name, looked))
            if proposal is not None and leaves:
                recent[name] = now
        if proposal is not None:
            out.append(proposal)
    return out, recent


def _may_be_told(view: Signals, device: str) -> bool:
    actuator = view.actuators.get(device)
    return actuator is not None and COMMAND in actuator.commands and device not in view.held


def _is_doubtful(view: Signals, name: str, one: Looked) -> bool:
    """Whether too much of it is blind to do better than its own plan."""
    lanes = {lane for seen in view.settings.junctions[name].detectors.values() for lane in seen}
    blind = {lane for unseen in one.blind for lane in unseen.lanes}
    return bool(lanes) and len(blind & lanes) > view.settings.declared.most_blind * len(lanes)


def _to_plan(view: Signals, name: str, one: Looked) -> Proposal | None:
    """It is left to its plan, and told so once: after that silence says the same."""
    junction = view.settings.junctions[name]
    last = told(view, junction.device)
    if not _is_doubtful(view, name, one) or last.stage == PLAN or last.ago_s > junction.lost_after_s:
        return None
    words = f"{len(one.blind)} of {len(junction.detectors)} detectors are blind: its own plan does better"
    cause = {"why": words, "stage": "own plan", "junction": name}
    return Proposal(junction.device, COMMAND, PLAN, cause, view.now_us, Urgency.SAFETY)


def _leaves(view: Signals, name: str, one: Looked) -> bool:
    junction = view.settings.junctions[name]
    last = told(view, junction.device)
    return last.stage == PLAN or last.ago_s > junction.lost_after_s or (one.said is not None and one.said.on_plan)


def _wished(view: Signals, name: str, said: Said, wish: Wish, sources: tuple[str, ...]) -> Proposal | None:
    junction, rules = view.settings.junctions[name], view.settings.rules[name]
    if not 0 <= wish.stage < len(rules.stages):
        return None
    last = told(view, junction.device)
    stage, why = _bearable(wish, said, rules)
    if stage is None or (stage != said.stage and _too_soon(stage, said, rules)):
        return None
    known = last.stage == stage and not last.failed
    obeys = not said.on_plan or last.ago_s < AGAIN_S
    if known and obeys and last.ago_s < junction.lost_after_s / KEEP_ALIVE:
        return None
    facts = {f"fact-{key}"[:40]: str(value)[:80] for key, value in list(wish.facts.items())[:8]}
    cause = {"why": why[:LONGEST_CAUSE], "stage": rules.stages[stage], "junction": name, **_printable(facts)}
    return Proposal(junction.device, COMMAND, stage, cause, view.now_us, Urgency.ROUTINE, sources)


def _printable(facts: Mapping[str, str]) -> dict[str, str]:
    return {key: words for key, words in facts.items() if words and words.isprintable() and key.isprintable()}


def _bearable(wish: Wish, said: Said, rules: JunctionRules) -> tuple[int | None, str]:
    """The wished stage, where everybody can still be served in time after it; else the way out, or nothing."""
    waited = np.array([0.0 if g in said.green_s else said.red_s.get(g, 0.0) + TRAVEL_S for g in rules.groups])
    ended = np.where(np.isinf(rules.longest), 0.0, -waited)
    if wish.stage == said.stage:
        fits = rules.latest(said.stage, ended) >= LONGEST_STEP_S
    else:
        fits = rules.in_time(said.stage, wish.stage, ended, 0.0)
    if fits:
        return wish.stage, wish.why or "wished"
    out = rules.way_out(said.stage, ended)
    if out != said.stage and rules.in_time(said.stage, out, ended, 0.0):
        return out, "somebody has waited as long as they may"
    return None, ""


def _too_soon(stage: int, said: Said, rules: JunctionRules) -> bool:
    ending = rules.members[said.stage] - rules.members[stage]
    # as the gate reckons: by what was said, not by what may have passed since
    short = any(said.green_s.get(rules.groups[g], 0.0) - said.age_s + EARLY_S < rules.min_green[g] for g in ending)
    return short or not said.settled


def _sources(view: Signals, name: str, looked: Mapping[str, Looked]) -> tuple[str, ...]:
    """The units that a wish rests on: its own detectors first, then those of the junctions that hang together with it."""
    found: dict[str, None] = {}
    for one in _together(view, name):
        if one in looked:
            found.update(dict.fromkeys(looked[one].used))
    return tuple(found)[:MOST_SOURCES]


def _together(view: Signals, name: str) -> Sequence[str]:
    junctions = view.settings.junctions
    order, ahead = [name], [name]
    while ahead:
        here = ahead.pop(0)
        back = (other for other, made in junctions.items() if any(link.to == here for link in made.links))
        for other in (*(link.to for link in junctions[here].links), *back):
            if other in junctions and other not in order:
                order.append(other)
                ahead.append(other)
    return order
