"""What the signals service shows: each junction with its stages, queues and causes, figures, and where the junctions stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cityward.guard.signals.rules import PLAN
from cityward.place.junctions import Junction
from cityward.services.board import (
    Board,
    Cell,
    Figure,
    Shape,
    SignalHead,
    SignalQueue,
    SignalsAt,
    SignalStage,
    Stance,
    Table,
)
from cityward.services.signals.priority import Ghost, Requests
from cityward.services.signals.seen import PriorityAsked
from cityward.services.signals.view import Looked, Said, Signals
from cityward.services.signals.wishing import told

WORDS = {"unknown-junction": "no junction of ours", "not-declared": "nobody lets it ask", "too-often": "too often"}


def board(view: Signals, looked: Mapping[str, Looked], requests: Requests) -> Board:
    """All of it."""
    shown = tuple(_junction(view, name, one, requests.believed.get(name, ())) for name, one in looked.items())
    own = sum(1 for one in shown if one.on_plan)
    blind = sum(1 for one in looked.values() for _ in one.blind)
    heard = sum(1 for one in looked.values() if one.said is not None)
    if not shown:  # a row of zeros would say that something was counted
        return Board(summary=_summary(0, 0, 0, 0))
    waiting = sum(lane.halted for one in looked.values() for lane in one.lanes.values())
    return Board(
        summary=_summary(len(shown), heard, own, blind),
        figures=(
            Figure(label="Junctions we guide", value=str(len(shown) - own), unit=f"of {len(shown)}"),
            Figure(label="On their own", value=str(own), stance="wait" if own else "good"),
            Figure(label="Vehicles that stand", value=f"{waiting:.0f}"),
            Figure(label="Blind detectors", value=str(blind), stance="bad" if blind else "good"),
            Figure(
                label="Requests not believed",
                value=str(len(requests.ghosts)),
                stance="bad" if requests.ghosts else "good",
            ),
        ),
        tables=(_requests(requests),),
        shapes=_shapes(view, shown),
        signals=shown,
    )


def _summary(count: int, heard: int, own: int, blind: int) -> str:
    if not count:
        return "no junction is declared for it, so it guides none: each follows its own plan"
    if not heard:
        return f"none of its {count} junctions was heard yet"
    if own == count:
        return "the junction goes on its own" if count == 1 else f"all {count} junctions go on their own"
    seen = (
        "all detectors are seen" if not blind else f"{blind} {'detector is' if blind == 1 else 'detectors are'} blind"
    )
    follow = f"{count - own} of {count} junctions {'follows' if count - own == 1 else 'follow'} our word"
    return f"{follow}, {own or 'none'} {'goes on its' if own == 1 else 'go on their'} own; {seen}"


def _junction(view: Signals, name: str, one: Looked, asked: Sequence[PriorityAsked]) -> SignalsAt:
    made, said = view.settings.junctions[name], one.said
    last = view.last_commands.get(made.device)
    flags = _flags(one)
    known = told(view, made.device)
    return SignalsAt(
        name=made.name or name,
        device=made.device,
        stages=tuple(_stage(made, stage) for stage in made.stages),
        groups=tuple(_head(made, group, one) for group in made.groups),
        queues=_queues(made, one),
        stage=-1 if said is None else said.stage,
        since_s=0.0 if said is None else min(said.since_s, 86_400.0),
        settled=said is not None and said.settled,
        on_plan=said is None or said.on_plan,
        wish=known.stage if known.ago_s <= made.lost_after_s else PLAN,
        why="" if last is None else last.cause.get("why", ""),
        flags=flags,
        asked=tuple(f"{ask.by} ({ask.kind}) for {ask.group} in {ask.seconds:.0f} s" for ask in asked),
        stance=_stance(one),
    )


def _stage(made: Junction, stage: str) -> SignalStage:
    planned = sum(step.seconds for step in made.plan if step.stage == stage)
    return SignalStage(name=stage, groups=made.stages[stage], plan_s=min(planned, 3600.0))


def _head(made: Junction, group: str, one: Looked) -> SignalHead:
    said = one.said
    green, red = ({}, {}) if said is None else (said.green_s, said.red_s)
    seconds = green.get(group, red.get(group, 0.0))
    return SignalHead(
        name=group,
        kind=made.groups[group].kind,
        now=group in green,
        seconds=min(max(seconds, 0.0), 86_400.0),
        most_red_s=made.groups[group].max_red_s,
    )


def _queues(made: Junction, one: Looked) -> tuple[SignalQueue, ...]:
    why = {unseen.unit: unseen.why for unseen in one.blind}
    out: list[SignalQueue] = []
    for unit, lanes in made.detectors.items():
        for lane in lanes:
            seen = one.lanes.get(lane)
            if seen is None:
                out.append(SignalQueue(lane=lane, device=unit, blind=why.get(unit, "silent")))
            else:
                out.append(
                    SignalQueue(
                        lane=lane, device=unit, vehicles=min(seen.vehicles, 1000.0), halted=min(seen.halted, 1000.0)
                    )
                )
    return tuple(out)


def _flags(one: Looked) -> tuple[str, ...]:
    if one.said is None:
        return ("silent",)
    flags = [_alone(one.said)] if one.said.on_plan else []
    if one.blind:
        flags.append(f"{len(one.blind)} detectors blind")
    if one.said.breaches > 0:
        flags.append(f"monitor counted {one.said.breaches:g} breaches")
    return (*flags, *(f"{group} called" for group in sorted(one.calls)))


def _alone(said: Said) -> str:
    return "on its own, by its detectors" if said.local else "on its own plan"


def _stance(one: Looked) -> Stance:
    if one.said is None or one.said.breaches > 0:
        return "bad"
    return "wait" if one.said.on_plan or one.blind else "good"


def _requests(requests: Requests) -> Table:
    rows = [
        (
            Cell(text=ask.by, device=ask.by),
            Cell(text=ask.kind),
            Cell(text=f"{name}, {ask.group}"),
            Cell(text="believed", stance="good"),
        )
        for name, those in requests.believed.items()
        for ask in those
    ]
    rows += [_refused(ghost) for ghost in requests.ghosts]
    return Table(
        title="Requests for green",
        columns=("Who", "As", "Where", "Said"),
        rows=tuple(rows),
        empty="Nobody asks for green now.",
    )


def _refused(ghost: Ghost) -> tuple[Cell, ...]:
    who = Cell(text=ghost.unit, device=ghost.unit)
    return who, Cell(text=""), Cell(text=ghost.junction), Cell(text=f"refused: {ghost.why}", stance="bad")


def _shapes(view: Signals, shown: Sequence[SignalsAt]) -> tuple[Shape, ...]:
    placed = [one.position for one in view.settings.junctions.values() if one.position is not None]
    points = tuple(
        Shape(at=(made.position,), label=one.name, stance=one.stance, device=one.device)
        for one, made in zip(shown, view.settings.junctions.values(), strict=True)
        if made.position is not None
    )
    return (Shape(at=tuple(placed)), *points) if len(placed) > 1 else points
