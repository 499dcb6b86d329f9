"""What ours is held against: SUMO's own ways to switch a programme, and the two greedy rules of the literature.

Lives here, each from its definition: the city's own programme; SUMO's `actuated` and `delay_based`, the programme's type
switched, 5 to 50 s of green, nothing tuned; max-wave and max-pressure as RESCO measures them (a decision every 10 s, 3 s of
amber, no all-red, no rule that guards anybody); both with 200 m of sight. They show letters of SUMO; no sequencer stands between.

Source: RESCO (commit fc65e91f: states.py, agents/maxwave.py, agents/maxpressure.py); Varaiya 2013 for max-pressure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from xml.sax.saxutils import quoteattr

from cityward.adapters.sumo.derive import AMBERS, GREENS, SHORTEST_STAGE_S
from cityward.adapters.sumo.net import Programme
from cityward.adapters.sumo.plant import HALTED_M_S, Plant
from cityward.adapters.sumo.scenario import Scenario

DECIDES_EVERY_S, YELLOW_S = 10, 3
LEAST_S, MOST_S = 5, 50

Lanes = Mapping[str, Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]]


class Driver(Protocol):
    """Who decides what is shown. programmes: a file for SUMO, laid over its signals' programmes, or None."""

    def programmes(self, scenario: Scenario) -> str | None:
        """What SUMO is given before it starts."""
        ...

    def drive(self, plant: Plant, now_s: float) -> None:
        """Look, decide and show; once a second."""
        ...


class OwnProgramme:
    """The programme of the city, as the scenario brings it; nothing is decided here."""

    def programmes(self, scenario: Scenario) -> str | None:
        """None: the scenario's own."""
        return None

    def drive(self, plant: Plant, now_s: float) -> None:
        """Nothing: SUMO runs it."""


class SumoProgramme(OwnProgramme):
    """The programme's phases, switched by SUMO's own logic: "actuated" or "delay_based"."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def programmes(self, scenario: Scenario) -> str | None:
        """Every signal's programme with another type."""
        logics = [_logic(scenario.net.programmes[one.tl], self._kind) for one in scenario.signals.values()]
        return "<additional>\n" + "\n".join(logics) + "\n</additional>\n"


def _logic(programme: Programme, kind: str) -> str:
    lines = [f'<tlLogic id={quoteattr(programme.tl)} type="{kind}" programID="cityward" offset="{programme.offset:g}">']
    for phase in programme.phases:
        green = GREENS & set(phase.state) and not AMBERS & set(phase.state) and phase.seconds >= SHORTEST_STAGE_S
        bounds = f' minDur="{LEAST_S}" maxDur="{MOST_S}"' if green else ""
        lines.append(f'<phase duration="{phase.seconds:g}" state="{phase.state}"{bounds}/>')
    return "\n".join([*lines, "</tlLogic>"])


class Greedy:
    """Every 10 s the green phase of the programme with the most of something; 3 s of amber where one ends."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}
        self._next: dict[str, str] = {}
        self._begun: float | None = None
        self.lanes: Lanes = {}

    def programmes(self, scenario: Scenario) -> str | None:
        """None: states are shown one by one."""
        return None

    def drive(self, plant: Plant, now_s: float) -> None:
        """See the class."""
        if self._begun is None:
            self._begun, self.lanes = now_s, lanes_of(plant.scenario)
        since = round(now_s - self._begun) % DECIDES_EVERY_S
        if since == 0:
            values = self.values(plant)
            for name, phases in self.lanes.items():
                self._choose(plant, name, max(phases, key=lambda state, name=name: values[name][state]))
        elif since == YELLOW_S:
            for name, state in self._next.items():
                plant.show_state(name, state)
            self._shown.update(self._next)

    def values(self, plant: Plant) -> Mapping[str, Mapping[str, float]]:
        """Junction -> phase -> what it is worth now."""
        raise NotImplementedError

    def _choose(self, plant: Plant, name: str, state: str) -> None:
        before = self._shown.get(name, state)
        self._next[name] = state
        plant.show_state(name, "".join("y" if _ends(a, b) else a for a, b in zip(before, state, strict=True)))


class MaxWave(Greedy):
    """The most vehicles within 50 m, or as far as it sees, of the stop lines that have full green."""

    def __init__(self, sees_m: float = 50.0) -> None:
        super().__init__()
        self._sees_m = sees_m

    def values(self, plant: Plant) -> Mapping[str, Mapping[str, float]]:
        """Vehicles on the lanes of a phase."""
        seen = {
            lane: float((one.distances <= self._sees_m).sum())
            for observed in plant.observe().values()
            for lane, one in observed.lanes.items()
        }
        return {
            name: {state: sum(seen[lane] for lane in served) for state, (served, _) in phases.items()}
            for name, phases in self.lanes.items()
        }


class MaxPressure(Greedy):
    """The most vehicles queueing within 200 m on their lane, less those queueing behind the junction where a signal watches."""

    def __init__(self) -> None:
        super().__init__()
        self._stood: set[str] = set()

    def values(self, plant: Plant) -> Mapping[str, Mapping[str, float]]:
        """Who has stood once stays in the queue until he has left the lane."""
        queues: dict[str, int] = {}
        stood: set[str] = set()
        for lane in plant.scenario.watched:
            standing = [
                name
                for name, to_line, speed in plant.vehicles(lane)
                if to_line <= 200.0 and (speed < HALTED_M_S or name in self._stood)
            ]
            stood.update(standing)
            queues[lane] = len(standing)
        self._stood = stood
        return {
            name: {
                state: float(sum(queues[lane] for lane in served) - sum(queues.get(lane, 0) for lane in behind))
                for state, (served, behind) in phases.items()
            }
            for name, phases in self.lanes.items()
        }


class WideMaxPressure(Greedy):
    """The most vehicles standing within the detectors' 200 m, over the edges of lanes, less those standing behind."""

    def values(self, plant: Plant) -> Mapping[str, Mapping[str, float]]:
        """Standing before the lines of a phase, less standing before the next ones."""
        halted = {lane: one.halted for observed in plant.observe().values() for lane, one in observed.lanes.items()}
        return {
            name: {
                state: sum(halted[lane] for lane in served) - sum(halted.get(lane, 0.0) for lane in behind)
                for state, (served, behind) in phases.items()
            }
            for name, phases in self.lanes.items()
        }


def lanes_of(scenario: Scenario) -> Lanes:
    """Junction -> green phase -> the lanes that have full green in it, and those they lead to."""
    found: dict[str, dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {}
    for name, signal in scenario.signals.items():
        joins = [join for join in scenario.net.connections if join.tl == signal.tl]
        phases = scenario.net.programmes[signal.tl].phases
        long = [
            p for p in phases if p.seconds >= SHORTEST_STAGE_S and GREENS & set(p.state) and not AMBERS & set(p.state)
        ]
        found[name] = {
            phase.state: (
                tuple(
                    dict.fromkeys(
                        j.source for j in joins if phase.state[j.link] == "G" and not j.source.startswith(":")
                    )
                ),
                tuple(
                    dict.fromkeys(
                        j.target for j in joins if phase.state[j.link] == "G" and not j.target.startswith(":")
                    )
                ),
            )
            for phase in long or phases
        }
    return found


def _ends(before: str, after: str) -> bool:
    return before in GREENS and after not in GREENS


BASELINES = {
    "programme": OwnProgramme,
    "sumo-actuated": lambda: SumoProgramme("actuated"),
    "sumo-delay-based": lambda: SumoProgramme("delay_based"),
    "max-wave": MaxWave,
    "max-pressure": MaxPressure,
    "max-wave-200": lambda: MaxWave(200.0),
    "max-pressure-200": WideMaxPressure,
}
"""Name -> what makes a driver of it."""
