"""A running simulation on libsumo: what its detectors see, what its signals show, one second at a time.

libsumo is one simulation per process and blocks: whoever needs two, or an event loop, gives each a process of its own (`child`).
Does not live here: who decides what is shown (`run`, or the demonstration's street), what came of it (`metrics`).

INVARIANTS
- The scenario's folder is only read: the run works in `folder`, on links to its files, and all of SUMO's outputs land there.
- Same scenario, seed and lights: same run.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from cityward.adapters.sumo.net import ScenarioError
from cityward.adapters.sumo.scenario import Scenario, options_of
from cityward.errors import LinkError
from cityward.guard.signals.colours import Colour, Lights
from cityward.services.signals.seen import LaneSeen

HALTED_M_S = 0.1  # PRECEDENT: SUMO's own, and every published table's
LOCKED_S = 300.0  # PRECEDENT: when SUMO by default lifts a vehicle over a jam
VEHICLE_M = 7.5  # what a standing vehicle takes of a lane, its gap in it
TRIPS = "tripinfos.xml"
LETTERS = {Colour.AMBER: "y", Colour.RED_AMBER: "u", Colour.FLASHING: "o"}


@dataclass(frozen=True, slots=True)
class Observed:
    """What one junction's detectors see: by incoming lane; room: outgoing lane, or lane of a next signal -> free share, 0..1."""

    lanes: Mapping[str, LaneSeen]
    room: Mapping[str, float]


@dataclass(slots=True)
class Counts:
    """What is counted while it runs. queued: halted vehicles at stop lines, summed over steps."""

    steps: int = 0
    queued: int = 0
    teleports: int = 0
    collisions: int = 0
    loaded: int = 0
    shown: dict[str, str] = field(default_factory=dict[str, str])


class Plant:
    """One simulation. Use as a context manager: libsumo holds one at a time.

    Args:
        scenario: what is run.
        seed: of SUMO's chances (drivers, lanes, speeds).
        folder: an empty folder for this run's links and outputs.
        end: until when, in the scenario's seconds; None: the scenario's own end.
        programmes: a further file for SUMO, laid over the signals' programmes.
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        folder: Path,
        *,
        end: float | None = None,
        programmes: str | None = None,
    ) -> None:
        self.scenario, self.seed, self.folder = scenario, seed, folder
        self.end = scenario.end if end is None else min(end, scenario.end)
        self.counts = Counts()
        self._programmes = programmes
        self._sumo: Any = None
        self._takes: dict[str, float] = {}
        self._plans = _watch_plans(scenario)

    def __enter__(self) -> Plant:
        import libsumo  # noqa: PLC0415 - only who runs a street has it installed

        _link_files(self.scenario.config, self.folder)
        try:
            libsumo.start(["sumo", *self._arguments()])
        except Exception as error:
            raise ScenarioError(
                f"SUMO does not start: {error}", where=str(self.scenario.config), mend="run `sumo -c` on it"
            ) from error
        self._sumo = libsumo
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sumo is not None:
            self._sumo.close()
            self._sumo = None

    @property
    def version(self) -> str:
        """Which SUMO, as it names itself."""
        return str(self._sumo.getVersion()[1])

    @property
    def now(self) -> float:
        """The scenario's second."""
        return float(self._sumo.simulation.getTime())

    @property
    def over(self) -> bool:
        """Whether the end is reached, or (without an end of its own) everybody has arrived."""
        done = self.scenario.open_end and self._sumo.simulation.getMinExpectedNumber() == 0
        return bool(self.now >= self.end - 1e-6 or done)

    def step(self) -> None:
        """Let one second pass.

        Raises:
            LinkError: SUMO gave up.
        """
        sumo = self._sumo
        try:
            sumo.simulationStep(self.now + 1.0)
        except Exception as error:
            raise LinkError(f"SUMO stopped at second {self.counts.steps}: {error}") from error
        counts = self.counts
        counts.steps += 1
        counts.queued += sum(sumo.lane.getLastStepHaltingNumber(lane) for lane in self.scenario.watched)
        counts.teleports += sumo.simulation.getStartingTeleportNumber()
        counts.collisions += sumo.simulation.getCollidingVehiclesNumber()
        counts.loaded += sumo.simulation.getLoadedNumber()

    def observe(self) -> dict[str, Observed]:
        """What all detectors see now."""
        vehicles = {lane: self._on(lane) for lane in self._plans.roads}
        seen = {stop: self._seen(stop, vehicles) for stop in self.scenario.watched}
        free = {lane: self._room(lane, vehicles) for lane in self._plans.outlets}
        return {
            name: Observed(
                lanes={lane: seen[lane] for lane in lanes}, room={lane: free[lane] for lane in self._plans.rooms[name]}
            )
            for name, lanes in self._plans.stops.items()
        }

    def locked(self) -> int:
        """Vehicles that have stood for `LOCKED_S` within a junction without a signal.

        Two who turn there wait for each other, and where nobody is lifted over a jam everything behind them stands to the end.
        """
        inner = {lane for lane in self.scenario.net.lanes if lane.startswith(":")} - self._plans.signalled
        vehicle = self._sumo.vehicle
        return sum(
            1
            for name in vehicle.getIDList()
            if vehicle.getLaneID(name) in inner and vehicle.getWaitingTime(name) >= LOCKED_S
        )

    def vehicles(self, lane: str) -> list[tuple[str, float, float]]:
        """(name, m to the lane's end, m/s) of the vehicles on a lane: for baselines defined so; a detector knows no names."""
        vehicle, length = self._sumo.vehicle, self.scenario.net.lanes[lane].length
        return [
            (name, length - vehicle.getLanePosition(name), vehicle.getSpeed(name))
            for name in self._sumo.lane.getLastStepVehicleIDs(lane)
        ]

    def show(self, junction: str, lights: Lights) -> None:
        """Show the groups' colours; a link gives way (`g`) while one that it yields to is green or amber."""
        signal = self.scenario.signals[junction]
        colours = [Colour.RED if group is None else lights[group] for group in signal.groups]
        letters = [
            _letter(colour, resting, yields, colours)
            for colour, resting, yields in zip(colours, signal.resting, signal.yields, strict=True)
        ]
        self.show_state(junction, "".join(letters))

    def show_state(self, junction: str, state: str) -> None:
        """Show letters of SUMO, one for each link."""
        if self.counts.shown.get(junction) != state:
            self.counts.shown[junction] = state
            self._sumo.trafficlight.setRedYellowGreenState(self.scenario.signals[junction].tl, state)

    def depart(self, name: str, route: str, kind: str) -> None:
        """Send a vehicle on a way of the scenario, as soon as there is room; who can no more be sent stays away."""
        self._sumo.vehicle.add(name, route, kind, departLane="best", departSpeed="max")

    def walk(self, name: str, edges: Sequence[str]) -> None:
        """Send somebody on foot from the first edge to the last."""
        person = self._sumo.person
        person.add(name, edges[0], 10.0)
        person.appendWalkingStage(name, list(edges), 0.0)

    def running(self, prefix: str) -> list[str]:
        """The vehicles on the way whose names begin so."""
        return [name for name in self._sumo.vehicle.getIDList() if name.startswith(prefix)]

    def ahead(self, vehicle: str) -> tuple[str, int, float, float] | None:
        """The next signal before a vehicle: (name in the net, head, m to it, m/s of the vehicle); None: there is none."""
        ahead = self._sumo.vehicle.getNextTLS(vehicle)
        return (
            (str(ahead[0][0]), int(ahead[0][1]), float(ahead[0][2]), self._sumo.vehicle.getSpeed(vehicle))
            if ahead
            else None
        )

    def people_waiting(self, tl: str) -> int:
        """How many stand before a crossing of a signal."""
        person = self._sumo.person
        crossings = {
            c.target.rsplit("_", 1)[0] for c in self.scenario.net.connections if c.tl == tl and "_c" in c.target
        }
        return sum(
            1
            for name in person.getIDList()
            if person.getSpeed(name) < HALTED_M_S and person.getNextEdge(name) in crossings
        )

    def state(self, junction: str) -> str:
        """The letters that a junction shows now."""
        return str(self._sumo.trafficlight.getRedYellowGreenState(self.scenario.signals[junction].tl))

    def _arguments(self) -> list[str]:
        config = self.scenario.config
        more = [_linked(config.parent / name, self.folder) for name in _listed(config, "additional-files")]
        if self._programmes is not None:
            (self.folder / "cityward-programmes.add.xml").write_text(self._programmes, encoding="utf-8")
            more.append("cityward-programmes.add.xml")
        given = ["-c", str(self.folder / config.name), "--seed", str(self.seed)]
        for option in ("net-file", "route-files"):  # only read, so they may lie anywhere
            if named := _listed(config, option):
                given += [f"--{option}", ",".join(str((config.parent / name).resolve()) for name in named)]
        if more:
            given += ["--additional-files", ",".join(str(self.folder / name) for name in more)]
        if not self.scenario.open_end:
            given += ["--end", f"{self.end:g}"]
        return [
            *given,
            *("--time-to-teleport", f"{self.scenario.teleport_s:g}"),
            *("--tripinfo-output", str(self.folder / TRIPS)),
            *("--tripinfo-output.write-unfinished", "true"),
            *("--tripinfo-output.write-undeparted", "true"),
            *("--no-step-log", "true"),
            *("--no-warnings", "true"),
            *("--duration-log.disable", "true"),
        ]

    def _on(self, lane: str) -> list[tuple[float, float, float]]:
        """(position from the lane's beginning, speed, number 0..1 of its name) of the vehicles on a lane."""
        vehicle = self._sumo.vehicle
        return [
            (vehicle.getLanePosition(name), vehicle.getSpeed(name), self._number(name))
            for name in self._sumo.lane.getLastStepVehicleIDs(lane)
        ]

    def _number(self, name: str) -> float:
        number = self._takes.get(name)
        if number is None:
            number = self._takes[name] = zlib.crc32(name.encode()) / 2**32
        return number

    def _seen(self, stop: str, vehicles: Mapping[str, Sequence[tuple[float, float, float]]]) -> LaneSeen:
        reach, lanes, watched = self._plans.reach[stop], self.scenario.net.lanes, self.scenario.watched[stop]
        found: list[tuple[float, float]] = []
        for piece in watched.pieces:
            end = piece.before + lanes[piece.lane].length
            for at, speed, number in vehicles[piece.lane]:
                if piece.low <= number < piece.high and end - at <= reach:
                    found.append((end - at, speed))
        if not found:
            return LaneSeen(vehicles=0.0, halted=0.0, length_m=watched.length_m)
        found.sort()
        columns = np.array(found, dtype=np.float64).reshape(-1, 2)
        return LaneSeen(
            vehicles=float(len(found)),
            halted=float((columns[:, 1] < HALTED_M_S).sum()),
            length_m=watched.length_m,
            distances=columns[:, 0],
            speeds=columns[:, 1],
        )

    def _room(self, lane: str, vehicles: Mapping[str, Sequence[tuple[float, float, float]]]) -> float:
        return max(0.0, 1.0 - len(vehicles[lane]) * VEHICLE_M / max(self.scenario.net.lanes[lane].length, VEHICLE_M))


@dataclass(frozen=True, slots=True)
class _Plans:
    """What is asked of SUMO each second. roads: all lanes; stops, rooms: by junction; reach: by stop lane.

    signalled: the inner lanes of junctions with a signal.
    """

    roads: tuple[str, ...]
    outlets: tuple[str, ...]
    stops: Mapping[str, tuple[str, ...]]
    rooms: Mapping[str, tuple[str, ...]]
    reach: Mapping[str, float]
    signalled: frozenset[str]


def _watch_plans(scenario: Scenario) -> _Plans:
    stops: dict[str, tuple[str, ...]] = {}
    rooms: dict[str, tuple[str, ...]] = {}
    reach: dict[str, float] = {}
    for name, signal in scenario.signals.items():
        groups = signal.junction.groups.values()
        stops[name] = tuple(dict.fromkeys(lane for group in groups for lane in group.lanes))
        next_ones = (lane for link in signal.junction.links for lane in link.lanes)
        rooms[name] = tuple(dict.fromkeys([*(lane for group in groups for lane in group.leads_to), *next_ones]))
        reach.update(dict.fromkeys(stops[name], signal.junction.reach_m))
    outlets = tuple(dict.fromkeys(lane for lanes in rooms.values() for lane in lanes))
    pieces = (piece.lane for watched in scenario.watched.values() for piece in watched.pieces)
    return _Plans(
        roads=tuple(dict.fromkeys([*pieces, *outlets])),
        outlets=outlets,
        stops=stops,
        rooms=rooms,
        reach=reach,
        signalled=_signalled(scenario),
    )


def _signalled(scenario: Scenario) -> frozenset[str]:
    nodes = {join.node for join in scenario.net.connections if join.tl}
    return frozenset(
        lane for lane in scenario.net.lanes if lane.startswith(":") and lane[1:].rsplit("_", 2)[0] in nodes
    )


def _letter(colour: Colour, resting: str, yields: Sequence[int], colours: Sequence[Colour]) -> str:
    if colour is Colour.RED:
        return resting
    if colour is not Colour.GREEN:
        return LETTERS[colour]
    return "g" if any(colours[other] in (Colour.GREEN, Colour.AMBER) for other in yields) else "G"


def _link_files(config: Path, folder: Path) -> None:
    for path in config.parent.iterdir():
        made = folder / path.name
        if not made.exists():
            made.symlink_to(path.resolve())


def _linked(path: Path, folder: Path) -> str:
    """A file of the scenario by a link in the run's folder: what it writes lands there."""
    made = folder / path.name
    if not made.exists():
        made.symlink_to(path.resolve())
    return path.name


def _listed(config: Path, option: str) -> list[str]:
    return [name.strip() for name in options_of(config).get(option, "").split(",") if name.strip()]
