"""What people are told of the junctions: notices, and estimates of how many wait."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cityward.guard.permit import Urgency
from cityward.guard.signals.priority import PriorityReason
from cityward.guard.signals.rules import PLAN
from cityward.insight.estimate import Estimate
from cityward.services.contract import Notice
from cityward.services.signals.priority import DOUBTED, Ghost
from cityward.services.signals.view import Blind, Looked, Signals
from cityward.services.signals.wishing import told

UNSERVED_S = 90.0
NOT_HEARD_S = 8.0  # a junction that is told a stage and follows its plan for so long does not hear us
GHOSTS = {
    PriorityReason.UNDECLARED: "asks for green where nobody lets it",
    PriorityReason.TOO_MANY: "asks for green more often than is declared",
    PriorityReason.TOO_MUCH_DEMAND: "asks for green where more was asked than is believed",
    DOUBTED: "asks for green as a programme would, in even steps",
}
BLIND = {"silent": "says nothing", "frozen": "says the same though its lanes had green"}


def notices(view: Signals, looked: Mapping[str, Looked], ghosts: Sequence[Ghost]) -> list[Notice]:
    """What stands now; the same id for the same thing."""
    out = [notice for name, one in looked.items() for notice in _of(view, name, one)]
    return out + [
        Notice(
            f"ghost-{ghost.unit}-{ghost.junction}"[:96],
            ghost.unit,
            f"{ghost.unit} {GHOSTS.get(ghost.why, 'asks for green: ' + ghost.why)} ({ghost.junction}); it changes nothing",
            Urgency.ROUTINE,
            do="find out why it asks; where it should be let, add it to the junction's calls",
        )
        for ghost in ghosts
    ]


def _of(view: Signals, name: str, one: Looked) -> Iterator[Notice]:
    junction = view.settings.junctions[name]
    device, said = junction.device, one.said
    if said is None:
        do = "see its connection and power; meanwhile it runs its own plan"
        yield Notice(f"silent-{name}"[:96], device, f"{junction.name or name} does not say what it shows", do=do)
        return
    last = told(view, device)
    if said.breaches > 0:
        what = f"the monitor of {junction.name or name} counted {said.breaches:g} breaches of its phases"
        do = "have an engineer look at the controller before it is obeyed again"
        yield Notice(f"breach-{name}"[:96], device, what, Urgency.SAFETY, do=do)
    if said.on_plan and last.stage != PLAN and last.ago_s >= NOT_HEARD_S:
        by = "goes by its own detectors" if said.local else "follows its own plan"
        what = f"{junction.name or name} {by} and not our word"
        yield Notice(f"own-plan-{name}"[:96], device, what, do="see whether its commands are refused or lost")
    for blind in one.blind:
        yield _blind(blind)
    for group in sorted(one.calls):
        waited = said.red_s.get(group, 0.0)
        if waited > UNSERVED_S:
            what = f"{group} of {junction.name or name} was called and is red for {waited:.0f} s"
            yield Notice(f"unserved-{name}-{group}"[:96], device, what, do="see what keeps it waiting")


def _blind(blind: Blind) -> Notice:
    seen = ", ".join(blind.lanes[:4]) or "its lanes"
    what = f"{blind.unit} {BLIND.get(blind.why, 'is not believed: ' + blind.why)}; {seen} cannot be seen"
    return Notice(
        f"blind-{blind.unit}"[:96], blind.unit, what, do="look at the detector; its lanes are served without it"
    )


def estimates(view: Signals, looked: Mapping[str, Looked]) -> list[Estimate]:
    """How many vehicles stand before each junction now. Half a vehicle a lane is what a count may be off."""
    out: list[Estimate] = []
    for name, one in looked.items():
        if one.said is None or not one.lanes:
            continue
        waiting, off = sum(lane.halted for lane in one.lanes.values()), 0.5 * len(one.lanes)
        lanes = len({lane for seen in view.settings.junctions[name].detectors.values() for lane in seen})
        out.append(
            Estimate(
                subject=view.settings.junctions[name].device,
                property="queue-length",
                at=view.now_us,
                made_at=view.now_us,
                value=waiting,
                low=max(0.0, waiting - off),
                high=waiting + off,
                model="detectors",
                sources=one.used,
                missing=1.0 - min(1.0, len(one.lanes) / max(lanes, 1)),
            )
        )
    return out
