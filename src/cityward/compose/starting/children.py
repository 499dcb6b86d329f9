"""Which processes a city has."""

from __future__ import annotations

import sys
from collections.abc import Callable

from cityward.compose.acting.gateways import lamps_behind_gateways
from cityward.compose.entering.door import PROGRESS
from cityward.compose.gathering.collecting import sources_of
from cityward.compose.gathering.feeds import feeds_of
from cityward.compose.home import Exercise
from cityward.compose.setting import Setting
from cityward.compose.signals import has_signals, scenario_beside, sumo_is_here
from cityward.compose.starting.options import RunOptions
from cityward.place.model import Place
from cityward.runtime.supervisor import Child

EVERY_CITY = ("door", "service", "watch", "web", "network")


def children_of(setting: Setting, options: RunOptions, say: Callable[[str], None]) -> list[Child]:
    """The processes of a city, as its declaration and options ask for them."""
    city, home, place = setting.city, setting.home, setting.loaded.place

    def child(role: str, index: int = 0) -> Child:
        name = f"{role}-{index}" if role == "worker" else role
        argv = [sys.executable, "-m", "cityward", "run", "--role", role, "--index", str(index)]
        return Child(name, [*argv, "--state", str(home.root)])

    children = [child("worker", i) for i in range(city.workers)]
    web = Child("web", [sys.executable, "-m", "cityward.web", str(home.root)])
    children += [
        child("service"),
        *_signals(place, options, child, say),
        child("watch"),
        web,
        *([child("network")] if city.network_logs else []),
    ]
    if place.recipients:
        children.append(child("release"))
    if sources_of(place, setting.registry, home, options.exercise):
        children.append(child("collector"))
    if feeds_of(place):
        children.append(child("feeds"))
    if lamps_behind_gateways(place):
        children.append(child("gateways"))
    if place.cameras or setting.state.segments.sizes():  # what is left of others is due, too
        children.append(child("cameras"))
    if options.bus_url is None:
        (home.root / PROGRESS).unlink(missing_ok=True)
        children.insert(0, child("door"))
    wanted = [*children, child("street")] if city.street is not None else children
    return wanted if city.exercise is None else [one for one in wanted if _is_of_twin(one, city.exercise)]


def _signals(
    place: Place, options: RunOptions, child: Callable[[str], Child], say: Callable[[str], None]
) -> list[Child]:
    """The runner of the signals, and in the demonstration the street that they stand in."""
    if not has_signals(place):
        return []
    at = options.place
    folder = scenario_beside(at if at.is_dir() else at.parent)
    if options.simulate is None or folder is None:
        return [child("signals")]
    if not sumo_is_here():
        say("libsumo is not installed: the junctions are dark; install the extra `street`")
        return [child("signals")]
    return [child("signals"), child("street-signals")]


def _is_of_twin(child: Child, exercise: Exercise) -> bool:
    """A twin runs what every city has, and what its exercise asks for: nothing is started in vain."""
    return child.name in EVERY_CITY or child.name.startswith("worker-") or child.name in exercise.roles
