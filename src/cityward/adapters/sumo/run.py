"""One controller on one scenario with one seed: `run(...) -> Score`. The way into the benchmark, for research too.

    from pathlib import Path
    from cityward.adapters.sumo.run import run
    print(run(Path(".../signals_resco/cologne1"), my_controller, seed=1, until_s=600))

A controller is a name of `baselines.BASELINES`, or an object with the contract of `services.signals.seen`. Such a one is driven
as in the live city: every second it is shown what the detectors see, its wishes pass the gate of the centre and go to a sequencer
for each junction, and a monitor that knows nothing of either counts what was shown. It watches the baselines too: what they
show is read back as groups.

libsumo holds one simulation per process: call `run` in a process of its own for each (`child`, `many`), or one after the other.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cityward.adapters.sumo.baselines import BASELINES, Driver
from cityward.adapters.sumo.metrics import Score, queue_of, read_trips, score_trips
from cityward.adapters.sumo.plant import TRIPS, Observed, Plant
from cityward.adapters.sumo.scenario import Scenario, read_scenario
from cityward.guard.permit import PermitReason, Proposal
from cityward.guard.signals.before import JAM_VEHICLE_M, Before
from cityward.guard.signals.breaches import Fault
from cityward.guard.signals.colours import Colour
from cityward.guard.signals.gate import COMMAND, TO_PLAN, GateRules, Shown, SignalMemory, objection
from cityward.guard.signals.monitor import Monitor
from cityward.guard.signals.rules import PLAN, JunctionRules
from cityward.guard.signals.sequencer import Sequencer
from cityward.services.signals.seen import Controller, JunctionSeen, LaneSeen, Wish

SHORT = (Fault.INTERGREEN, Fault.GREEN, Fault.AMBER, Fault.NO_AMBER, Fault.COLOUR)
COLOURS = {"G": Colour.GREEN, "g": Colour.GREEN, "y": Colour.AMBER, "Y": Colour.AMBER, "u": Colour.RED_AMBER}

Seen = Mapping[str, JunctionSeen]
Wishes = Mapping[str, Wish]


class Harm:
    """What is done to a run. This one does nothing; `attacks` has those that do."""

    def looked(self, seen: dict[str, JunctionSeen], now_s: float) -> dict[str, JunctionSeen]:
        """What each cabinet's own detectors say to it instead. now_s: since the beginning."""
        return seen

    def seen(self, seen: dict[str, JunctionSeen], now_s: float) -> dict[str, JunctionSeen]:
        """What the controller is shown instead. now_s: since the beginning."""
        return seen

    def wishes(self, wishes: Wishes, seen: Seen, now_s: float) -> Wishes:
        """What the junctions hear instead."""
        return wishes


class Sequenced:
    """A controller of ours, with a sequencer at each junction: a `Driver`."""

    def __init__(self, scenario: Scenario, controller: Controller[Any], harm: Harm | None = None) -> None:
        self._controller, self._harm = controller, harm or Harm()
        self._junctions = scenario.junctions
        self._rules = {name: JunctionRules.of(junction, name) for name, junction in self._junctions.items()}
        self._memory: Any = controller.memory()
        self._begin = scenario.begin
        self.sequencers: dict[str, Sequencer] = {}
        self.centre = Centre(self._rules)
        self.deciding_s = 0.0

    def programmes(self, scenario: Scenario) -> str | None:
        """None: colours are shown one by one."""
        return None

    def drive(self, plant: Plant, now_s: float) -> None:
        """One second: look, wish, sequence, show."""
        if not self.sequencers:
            self.sequencers = {name: Sequencer(rules, now_s) for name, rules in self._rules.items()}
        observed = plant.observe()
        seen = {name: seen_of(one, observed[name], now_s) for name, one in self.sequencers.items()}
        # the cabinet's own look: what lies on the way to the centre is not in it, what lies at the loop is
        for name, own in self._harm.looked(seen, now_s - self._begin).items():
            self.sequencers[name].look(before_of(own.lanes), now_s)
        seen = self._harm.seen(seen, now_s - self._begin)
        begun = time.perf_counter()
        self._memory, wished = self._controller.step(self._junctions, seen, self._memory, now_s)
        self.deciding_s += time.perf_counter() - begun
        wishes = self._harm.wishes(wished, seen, now_s - self._begin)
        heard = self.centre.judged(wishes, seen, now_s)
        for name, sequencer in self.sequencers.items():
            if name in heard:
                sequencer.wish(heard[name], now_s)
            plant.show(name, sequencer.tick(now_s))


class Centre:
    """The gate of the centre, before a wish leaves it: refused, a junction stays as it is, or is told to follow its own plan."""

    def __init__(self, rules: Mapping[str, JunctionRules]) -> None:
        self._gate = GateRules(junctions=rules)
        self._memory = SignalMemory(self._gate)
        self.refused: Counter[PermitReason] = Counter()

    def judged(self, wishes: Wishes, seen: Seen, now_s: float) -> dict[str, int]:
        """What each junction hears: a stage, `PLAN`, or nothing."""
        shown = {
            name: Shown(now_s, one.stage, one.green_s, one.red_s, before_of(one.lanes)) for name, one in seen.items()
        }
        self._memory.see(shown, now_s)
        heard: dict[str, int] = {}
        for name, wish in wishes.items():
            proposal = Proposal(device=name, command=COMMAND, value=wish.stage, cause={"why": wish.why}, made_at=0)
            reason = objection(proposal, self._gate, self._memory.street(now_s, shown))
            if reason is not None:
                self.refused[reason] += 1
            if reason is None or reason in TO_PLAN:
                heard[name] = wish.stage if reason is None else PLAN
                self._memory.told(name, heard[name], now_s)
        return heard


def before_of(lanes: Mapping[str, LaneSeen]) -> Before:
    """Who is before the stop lines, by counts alone."""
    return Before(
        present={name: lane.vehicles for name, lane in lanes.items()},
        waiting={name: lane.halted for name, lane in lanes.items()},
        room={name: lane.length_m / JAM_VEHICLE_M for name, lane in lanes.items()},
    )


def seen_of(sequencer: Sequencer, observed: Observed, now_s: float) -> JunctionSeen:
    """A junction as a controller is shown it: its detectors' lanes, and what its sequencer says of itself."""
    return JunctionSeen(
        stage=sequencer.stage,
        since_s=sequencer.since_s(now_s),
        settled=sequencer.settled,
        green_s=sequencer.green_s,
        red_s=sequencer.red_s,
        lanes=observed.lanes,
        room=observed.room,
        on_plan=sequencer.on_plan,
    )


def run(
    scenario: Path | Scenario,
    controller: str | Controller[Any],
    seed: int,
    until_s: float | None = None,
    *,
    name: str = "",
    harm: Harm | None = None,
    lift_after_s: float | None = None,
    every_second: Callable[[Plant], None] | None = None,
) -> Score:
    """Run it to its end, and score it.

    Args:
        scenario: a folder or configuration of SUMO, or one read before.
        controller: a name of `BASELINES`, or a controller of ours.
        seed: of SUMO's chances.
        until_s: seconds since the beginning, when to stop; None: the scenario's end.
        name: what the score calls the controller; its class's name by default.
        harm: what is done to a controller of ours.
        lift_after_s: SUMO lifts who stands so long over the jam; -1: never; None: as the scenario has it.
        every_second: called after each, to look.

    Raises:
        ScenarioError: the scenario cannot be used.
        KeyError: no such baseline.
        LinkError: SUMO gave up.
    """
    begun = time.perf_counter()
    made = scenario if isinstance(scenario, Scenario) else read_scenario(scenario)
    if lift_after_s is not None:
        made = replace(made, teleport_s=lift_after_s)
    driver: Driver = BASELINES[controller]() if isinstance(controller, str) else Sequenced(made, controller, harm)
    called = name or (controller if isinstance(controller, str) else type(controller).__name__)
    end = None if until_s is None else made.begin + until_s
    watch = _Watch(made)
    with tempfile.TemporaryDirectory(prefix="cityward-sumo-") as folder:
        plant = Plant(made, seed, Path(folder), end=end, programmes=driver.programmes(made))
        with plant:
            version = plant.version
            while not plant.over:
                driver.drive(plant, plant.now)
                plant.step()
                watch.look(plant)
                if every_second is not None:
                    every_second(plant)
            locked = plant.locked()
        trips = score_trips(read_trips(Path(folder) / TRIPS))
    faults, looked = watch.judged()
    counts = plant.counts
    sequenced = driver if isinstance(driver, Sequenced) else None
    return Score(
        scenario=made.name,
        controller=called,
        seed=seed,
        sumo=version,
        teleport_s=made.teleport_s,
        demand=trips.demand,
        delay_s=trips.delay_s,
        trip_s=trips.trip_s,
        waiting_s=trips.waiting_s,
        queue=queue_of(counts, len(made.signals)),
        longest_wait_s=trips.longest_wait_s,
        never_entered=trips.never_entered,
        unfinished=trips.unfinished,
        teleports=counts.teleports,
        collisions=counts.collisions,
        locked=locked,
        conflicts=faults[Fault.CONFLICT] + faults[Fault.AMBER_CONFLICT],
        short=sum(faults[fault] for fault in SHORT),
        over_red=faults[Fault.RED],
        signal_s=looked,
        forced=sum(one.forced for one in sequenced.sequencers.values()) if sequenced else 0,
        refused=sequenced.centre.refused.total() if sequenced else 0,
        wall_s=time.perf_counter() - begun,
        step_ms=1000 * sequenced.deciding_s / max(counts.steps, 1) if sequenced else 0.0,
    )


class _Watch:
    """Writes down what each junction shows, second by second, and has the monitor judge it at the end.

    It reads SUMO's own state back, so it watches whatever is at the wheel, and what really was shown.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._states: dict[str, list[str]] = {name: [] for name in scenario.signals}
        self._times: list[float] = []

    def look(self, plant: Plant) -> None:
        self._times.append(plant.now)
        for name, states in self._states.items():
            states.append(plant.state(name))

    def judged(self) -> tuple[dict[Fault, int], int]:
        """Faults by kind, and groups times seconds that were watched."""
        faults = dict.fromkeys(Fault, 0)
        looked = 0
        times = np.array(self._times, dtype=np.float64)
        for name, signal in self._scenario.signals.items():
            monitor = Monitor(JunctionRules.of(signal.junction, name))
            links = [signal.groups.index(group) for group in monitor.groups]
            known: dict[str, list[int]] = {}
            rows = [_row(known, state, links) for state in self._states[name]]
            monitor.see_many(np.array(rows, dtype=np.int8).reshape(len(rows), len(links)), times)
            looked += len(rows) * len(links)
            for fault, times_seen in monitor.totals.items():
                faults[fault] += times_seen
        return faults, looked


def _row(known: dict[str, list[int]], state: str, links: list[int]) -> list[int]:
    row = known.get(state)
    if row is None:
        row = known[state] = [int(COLOURS.get(state[link], Colour.RED)) for link in links]
    return row
