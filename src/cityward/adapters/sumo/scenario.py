"""A folder of SUMO: its configuration, its net, its signals as junctions, and all that is asked of its streets.

Lives here: `Scenario` and how it is read. Does not live here: running it (`plant`).

INVARIANT: nothing is written into the folder; a run works on links to its files in a folder of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cityward.adapters.sumo.derive import Signal, derive, names_of
from cityward.adapters.sumo.lanes import Piece, detectors_of, links_of, pieces_of, seen_m
from cityward.adapters.sumo.net import Net, ScenarioError, elements, read_net
from cityward.place.junctions import Junction

OPEN_END_S = 7200.0  # a configuration without an end is run until all have arrived, and no longer than this
SUMO_TELEPORT_S = 300.0  # SUMO's own default


@dataclass(frozen=True, slots=True)
class Watched:
    """A stop line's lane: the road before it, and how much of it is seen, m."""

    pieces: tuple[Piece, ...]
    length_m: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario. config: the `.sumocfg`; begin, end in its own seconds; demand_until: later departures are not scheduled.

    teleport_s: how long a vehicle stands before SUMO lifts it over a jam; -1: never. signals, watched: by junction, by stop lane.
    """

    name: str
    config: Path
    begin: float
    end: float
    open_end: bool
    teleport_s: float
    net: Net
    signals: Mapping[str, Signal]
    watched: Mapping[str, Watched]

    @property
    def junctions(self) -> dict[str, Junction]:
        """The declarations of its signals."""
        return {name: signal.junction for name, signal in self.signals.items()}


def find_scenarios(folder: Path) -> dict[str, Path]:
    """Name -> configuration, of every scenario below a folder; the name is that of its folder."""
    return {path.parent.name: path for path in sorted(folder.rglob("*.sumocfg"))}


def read_scenario(path: Path, reach_m: float = 200.0) -> Scenario:
    """The scenario of a configuration, or of a folder with one in it.

    Raises:
        ScenarioError: there is none, or its files cannot be used.
    """
    config = _config(path)
    options = options_of(config)
    if "net-file" not in options:
        raise ScenarioError("the configuration names no net", where=str(config), mend="add `net-file` to its `input`")
    more = [config.parent / name.strip() for name in options.get("additional-files", "").split(",") if name.strip()]
    net = read_net(config.parent / options["net-file"], more)
    begin = _seconds(options.get("begin", "0"), config)
    end = _seconds(options.get("end", "-1"), config)
    teleport = options.get("time-to-teleport")
    signals, watched = _signals(net, reach_m)
    return Scenario(
        name=config.parent.name,
        config=config,
        begin=begin,
        end=end if end > 0 else begin + OPEN_END_S,
        open_end=end <= 0,
        # a scenario with an end is measured as RESCO does, without; one without keeps to its own configuration
        teleport_s=float(teleport) if teleport else (SUMO_TELEPORT_S if end <= 0 else -1.0),
        net=net,
        signals=signals,
        watched=watched,
    )


def _seconds(text: str, config: Path) -> float:
    """Seconds, or days:hours:minutes:seconds."""
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError as error:
        raise ScenarioError(f"`{text}` is no time", where=str(config), mend="write seconds, or hh:mm:ss") from error
    return sum(part * unit for part, unit in zip(reversed(parts), (1, 60, 3600, 86_400), strict=False))


def _config(path: Path) -> Path:
    if path.is_file():
        return path
    found = sorted(path.glob("*.sumocfg"))
    if len(found) != 1:
        raise ScenarioError(
            f"the folder holds {len(found)} configurations of SUMO", where=str(path), mend="name one `.sumocfg`"
        )
    return found[0]


def options_of(config: Path) -> dict[str, str]:
    """The options that a configuration sets."""
    found: dict[str, str] = {}
    for section in elements(config, {"configuration", "sumoConfiguration"}):
        found.update(
            (option.tag, option.get("value", "")) for option in section.iter() if option.get("value") is not None
        )
    return found


def _signals(net: Net, reach_m: float) -> tuple[dict[str, Signal], dict[str, Watched]]:
    """The signals as whole junctions: with what they see, and where their traffic goes next."""
    made: dict[str, Signal] = {}
    for tl, name in names_of([tl for tl in net.programmes if any(c.tl == tl for c in net.connections)]).items():
        signal = derive(net, net.programmes[tl], name)
        if signal is not None:
            made[name] = signal
    stops = {lane: name for name, one in made.items() for group in one.junction.groups.values() for lane in group.lanes}
    whole: dict[str, Signal] = {}
    for name, one in made.items():
        junction = msgspec.structs.replace(
            one.junction,
            detectors=detectors_of(net, one.junction, name),
            links=links_of(net, one, stops),
            reach_m=reach_m,
        )
        whole[name] = Signal(tl=one.tl, junction=junction, groups=one.groups, yields=one.yields, resting=one.resting)
    return whole, {lane: _watched(net, lane, reach_m) for lane in stops}


def _watched(net: Net, lane: str, reach_m: float) -> Watched:
    pieces = pieces_of(net, lane, reach_m)
    return Watched(pieces=pieces, length_m=seen_m(net, pieces, reach_m))
