"""A flood against a running town: critical devices are heard, what is beyond a budget is shed and counted, nothing is lost."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from city.test_bad_input import FREE, Bar, senml, until
from cityward.adapters.bench.flooder import Flood, Task
from cityward.adapters.bench.generator import Sender
from cityward.adapters.stores.state import SqlState
from cityward.compose.entering.credentials import issue_for
from cityward.compose.home import Home
from cityward.guard.reasons import SHED, Reason
from towns import running_town, write_town

CRITICAL = ("meter-01", "meter-02", "meter-03")
FLOODERS = tuple(f"meter-{n:02}" for n in range(4, 14))
EACH, ALL = 100, 400  # messages a minute: of one device, and what the place takes in all

BUDGETS = f"""
services:
  safety: {{kind: transport, operator: council}}
functions:
  seen: {{service: safety, needs: [{{of: [{", ".join(CRITICAL)}]}}], essential: true}}
budgets:
  capacity: {{of: place, messages_per_minute: {ALL}}}
"""


def test_a_flood_is_shed_by_class_and_every_message_is_accounted_for(tmp_path: Path) -> None:
    place = write_town(tmp_path / "town", 13, messages_per_minute=EACH)
    with (place / "place.yaml").open("a") as file:
        file.write(BUDGETS)
    with running_town(place, tmp_path / "state", "--plain-mqtt") as town:
        home = Home(tmp_path / "state")
        state = SqlState(home.state_url)
        secrets = {s.device: s.password or "" for s in issue_for(home, state, [*CRITICAL, *FLOODERS], 0)}
        bar = Bar(town, state, secrets, list(FREE))
        until(lambda: _let_in(bar), "a door that knows the devices")
        flood = _flood(bar)
        flooding = threading.Thread(target=flood.run)
        flooding.start()
        until(lambda: flood.tally.acknowledged > 2000, "a flood")
        start = time.time()
        for device in CRITICAL:
            assert bar.say(device, *(senml(n, t=start - 30 + n) for n in range(20))) == 20
        flooding.join(60)
        sent = flood.tally.acknowledged + 20 * len(CRITICAL)
        until(lambda: bar.totals().received >= sent, "everything judged")
        after = bar.totals()
        assert after.received == after.admitted + after.refused + after.shed
        assert after.shed >= flood.tally.acknowledged - 2 * (ALL // 2) - 200
        for device in CRITICAL:
            assert bar.latest(device) == [19.0]
            assert bar.refused(device) == [], "nothing of a critical device is shed or refused"
        words = {reason for (_, reason) in state.reasons()}
        assert {Reason.RATE_EXCEEDED.word, Reason.PLACE_BUDGET.word} <= words
        by_reason = sum(count for (_, word), count in state.reasons().items() if word in {r.word for r in SHED})
        assert by_reason == after.shed
        state.dispose()


def _let_in(bar: Bar) -> bool:
    try:
        with bar.enter(FLOODERS[-1]) as link:
            return link.code == 0
    except ConnectionError:
        return False


def _flood(bar: Bar) -> Flood:
    """Ten devices at full speed, for two seconds."""
    return Flood(
        Task(
            kind="flood",
            port=bar.town.mqtt_port,
            senders=tuple(Sender(d, bar.secrets[d], "") for d in FLOODERS),
            seconds=2.0,
            per_second=0.0,
            rows=1,
            property="lux",
            unit="lx",
        )
    )
