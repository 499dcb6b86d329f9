"""Runs of the benchmark, each in a process of its own: `python -m cityward.adapters.sumo.child`, an order in, a score out.

Does not live here: what a run is (`run`), what is asked for (`compose.bench.signals`).

INVARIANTS
- A run that is not over after `LONGEST_S` is ended, and told as a `LinkError`.
- What SUMO prints is no answer.
- Nobody runs on when whoever ordered it is gone.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import msgspec

from cityward.adapters.sumo.attacks import HarmOrder, harm_of
from cityward.adapters.sumo.baselines import BASELINES
from cityward.adapters.sumo.guarded import GuardedMaxWave
from cityward.adapters.sumo.metrics import Score
from cityward.adapters.sumo.net import ScenarioError
from cityward.adapters.sumo.plant import Plant
from cityward.adapters.sumo.run import run
from cityward.adapters.sumo.scenario import read_scenario
from cityward.errors import CitywardError, LinkError
from cityward.text import harmless

LONGEST_S = 3600.0
OURS = "cityward.services.signals.control"
GUARDED = "max-wave-guarded"


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run. scenario: a folder or configuration; controller: see `find_controller`; until_s: see `run`."""

    scenario: str
    controller: str
    seed: int
    until_s: float | None = None
    harm: HarmOrder | None = None
    lift_after_s: float | None = None


def find_controller(name: str) -> str | Any:
    """A baseline's name, `max-wave-guarded`, one of `services.signals.control.CONTROLLERS`, or `module:attribute` for research.

    Raises:
        ScenarioError: there is none.
    """
    if name in BASELINES:
        return name
    if name == GUARDED:
        return GuardedMaxWave()
    module, _, attribute = name.partition(":")
    found = getattr(importlib.import_module(module), attribute, None) if attribute else our_controllers().get(name)
    if found is None:
        raise ScenarioError(
            f"there is no controller `{name}`", mend=f"one of {', '.join([*BASELINES, GUARDED, *our_controllers()])}"
        )
    return found() if isinstance(found, type) else found


def our_controllers() -> dict[str, Any]:
    """Name -> a controller of the service, or what makes one."""
    return dict(getattr(importlib.import_module(OURS), "CONTROLLERS", {}))


def many(orders: Sequence[Order], at_once: int, tell: Callable[[str], None]) -> Iterator[tuple[Order, Score]]:
    """The scores of many runs as they come in, so many at once. tell: what went wrong; such a run is left out, aloud."""
    with ThreadPoolExecutor(max_workers=at_once) as threads:
        waits = {threads.submit(one, order): order for order in orders}
        for done in as_completed(waits):
            order = waits[done]
            try:
                yield order, done.result()
            except LinkError as error:
                tell(f"left out: {order.scenario} {order.controller} seed {order.seed}: {error}")


def one(order: Order) -> Score:
    """One run in a process of its own.

    Raises:
        LinkError: it failed.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", "cityward.adapters.sumo.child"],
            input=msgspec.json.encode(order),
            capture_output=True,
            timeout=LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LinkError(f"a run took longer than {LONGEST_S:g} s") from error
    if done.returncode != 0:
        raise LinkError(
            f"a run ended with {done.returncode}: {harmless(done.stderr.decode('utf-8', 'replace'))[-300:]}"
        )
    return msgspec.json.decode(done.stdout, type=Score)


def main() -> int:
    """The child's part."""
    out = os.dup(1)
    os.dup2(2, 1)  # what SUMO prints is no answer
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    try:
        scenario = read_scenario(Path(order.scenario))
        controller = find_controller(order.controller)
        harm = None if order.harm is None else harm_of(order.harm, scenario)
        score = run(
            scenario,
            controller,
            order.seed,
            order.until_s,
            name=order.controller,
            harm=harm,
            lift_after_s=order.lift_after_s,
            every_second=_while_wanted(os.getppid()),
        )
    except CitywardError as error:
        sys.stderr.write(str(error))
        return 3
    with os.fdopen(out, "wb") as pipe:
        pipe.write(msgspec.json.encode(score))
    return 0


def _while_wanted(parent: int) -> Callable[[Plant], None]:
    """Ends the run when whoever ordered it is gone."""

    def look(plant: Plant) -> None:
        if os.getppid() != parent:
            raise LinkError(f"whoever ordered the run of {plant.scenario.name} is gone")

    return look


if __name__ == "__main__":
    sys.exit(main())
