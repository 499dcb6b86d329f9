"""A whole containment in a running town: shown, agreed to by two, in force at every door and in the street, and taken back."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from city.test_taint import PLACE, joined
from cityward.adapters.ledgers.reading import tail_of
from cityward.cli import main
from cityward.cli.contain import command
from cityward.compose.acting import containment
from cityward.compose.entering.credentials import issue_for
from cityward.compose.home import Home
from cityward.compose.setting import Setting, open_setting
from cityward.errors import PlaceError
from cityward.evidence.records import Contained
from cityward.runtime.people import BUILT_IN_OPERATOR, Grant, Person, Stance, Step
from cityward.runtime.ports import CommandRow
from hearing import until
from mqtt import Mqtt
from towns import Town, running_town

SPEED = "30"  # of the city's clock: a turn of the services every two seconds
MIDWINTER = "2026-12-21T00:00:00Z"  # near the pole it is night all day: only the traffic decides
INSIDE = ("loop-01", "loop-02", "lux", "lamp")  # of the zone that is contained
DIM, FAIL_SAFE = 40, 100  # percent
LAMP_OF_ANOTHER_ZONE = """
  pole: {model: lamp, site: hall, zone: square, area: quay, owner: council, position: [2.3, 54.9]}
zones:
  square: {trust: 1}
"""
FUNCTION = """
functions:
  light: {service: lights, needs: [{of: [loop]}], areas: [quay], fail_safe: the lamps stay at full light}
"""


def with_two_zones() -> str:
    """The dim town with a second lamp, which stands in a zone of its own."""
    text = PLACE.replace("\nzones:\n", LAMP_OF_ANOTHER_ZONE)
    flow = next(line for line in text.splitlines() if line.startswith("  levels-in:"))
    text = text.replace(flow, f"{flow}\n{flow.replace('levels-in', 'pole-in').replace('from: lamp', 'from: pole')}")
    return (
        text.replace("actuators: [lamp]", "actuators: [lamp, pole]").replace("lamps: [lamp]", "lamps: [lamp, pole]")
        + FUNCTION
    )


class Street:
    """The town's devices, each with its link and its HTTP key; and the person at the command line."""

    def __init__(self, town: Town, state: Path, setting: Setting, open_: ExitStack) -> None:
        self.town, self.state, self.setting, self.open = town, state, setting, open_
        issued = issue_for(setting.home, setting.state, list(INSIDE), 0)
        self.secrets = {secret.device: secret.password or "" for secret in issued}
        self.links = {name: open_.enter_context(joined(town, name, self.secrets[name])) for name in INSIDE}
        self.sent = 0

    def quiet(self) -> None:
        """Fast traffic, so hardly any: the street may be dim."""
        self.sent += 1
        for loop in ("loop-01", "loop-02"):
            body = [{"n": "speed", "u": "m/s", "t": self.setting.now_us() / 1e6, "v": 29.0 + self.sent % 7 / 10}]
            self.links[loop].publish(f"in/{loop}", json.dumps(body).encode(), self.sent % 60_000 + 1)

    def code(self, device: str) -> int:
        """What the broker says to it."""
        with Mqtt(self.town.mqtt_port, device, self.secrets[device], wait_s=20) as link:
            return link.code

    def post(self, device: str) -> int:
        """What the HTTP door says to a reading of it."""
        headers = {"Authorization": f"Bearer {self.secrets[device]}", "Content-Type": "application/senml+json"}
        with closing(http.client.HTTPConnection(self.town.web.removeprefix("http://"), timeout=20)) as link:
            link.request("POST", "/v1/observations", b'[{"n":"speed","u":"m/s","v":29}]', headers)
            return link.getresponse().status

    def contain(self, *words: str, code: int = 0) -> Any:
        """`cityward contain ...`."""
        argv = [*words, "--state", str(self.state), "--json"]
        done = CliRunner().invoke(command, argv, catch_exceptions=False)
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    def commands(self, lamp: str) -> list[CommandRow]:
        """Newest first."""
        return [row for row in self.setting.state.commands(1000) if row.device == lamp]

    def told(self, lamp: str, level: float, since: int) -> bool:
        """Whether the lamp was told that level, after a time of the city's."""
        return any(row.value == level and row.sent_at >= since for row in self.commands(lamp))


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    (tmp_path / "place.yaml").write_text(with_two_zones())
    state = tmp_path / "state"
    options = ["--speed", SPEED, "--city-time", MIDWINTER, "--plain-mqtt"]
    with running_town(tmp_path / "place.yaml", state, *options) as town, ExitStack() as open_:
        setting = open_setting(Home(state))
        open_.callback(setting.state.dispose)
        for name in ("ada", "bo"):
            setting.state.put_person(Person(name, name.title(), "council", Stance.ACTIVE, 1))
            setting.state.put_grant(Grant(f"g-{name}", name, BUILT_IN_OPERATOR, Step.GIVEN, "duty", 1, since=1))
        yield Street(town, state, setting, open_)


def test_a_zone_is_contained_by_two_persons_until_it_is_lifted_and_a_device_until_its_time_is_up(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_dim_again(since: int) -> bool:
        street.quiet()
        return street.told("pole", DIM, since)

    until(lambda: is_dim_again(0) and street.told("lamp", DIM, 0), "a dim street")

    # what it would take, and cost; it changes nothing
    seen = street.contain("preview", "zone:street")
    assert sorted(seen["units"]) == sorted(INSIDE)
    [hit] = seen["services"]
    assert (hit["service"], hit["actuators"], hit["of_actuators"], hit["sources"]) == ("lights", 1, 2, 3)
    assert hit["fail_safe"] == ["the lamps stay at full light"]
    assert [e["function"] for blast in seen["cost"] for e in blast["outcome"]["effects"]] == ["light"]

    # asked for by one, which cuts off nobody; agreed to by another
    asked = street.contain("begin", "zone:street", "--reason", "it lies", "--by", "ada", "--for", "1")
    assert asked["state"] == "asked"
    with pytest.raises(PlaceError, match="no active account `eve`"):
        street.contain("approve", asked["id"], "--by", "eve")
    with pytest.raises(PlaceError, match="cannot approve it"):
        street.contain("approve", asked["id"], "--by", "ada")
    street.quiet()
    assert street.post("loop-01") == 202
    before = street.setting.now_us()
    begun = street.contain("approve", asked["id"], "--by", "bo")
    assert (begun["state"], begun["approved_by"]) == ("begun", "bo")

    # connections are cut, nobody is let back in, by whichever door
    for link in street.links.values():
        assert link.closed_by_peer()
    assert {name: street.code(name) for name in INSIDE} == dict.fromkeys(INSIDE, 5)
    until(lambda: street.post("loop-01") == 401, "an HTTP door that refuses")

    # the service goes on without them: full light where it still may speak, no word to the lamp inside
    until(lambda: street.told("pole", FAIL_SAFE, before), "the declared fail-safe level")
    safe = next(row for row in street.commands("pole") if row.value == FAIL_SAFE and row.sent_at >= before)
    assert (safe.cause["traffic"], safe.cause["left_out"]) == ("uncertain", "2, barred")
    assert not street.told("lamp", FAIL_SAFE, before)

    # taken back
    lifted_at = street.setting.now_us()
    assert street.contain("list", code=1)[0]["id"] == asked["id"]
    assert street.contain("lift", asked["id"], "--by", "bo")["state"] == "lifted"
    for name in INSIDE:
        street.links[name] = street.open.enter_context(joined(street.town, name, street.secrets[name]))
    until(lambda: is_dim_again(lifted_at), "a street that is dim again")

    # one person suffices for a device; it ends by itself
    monkeypatch.setattr(containment, "SHORTEST_S", 1)  # a minute, but for this test
    held = containment.contain(street.setting, containment.Wanted("device:lux", "it lies", "ada", 3))
    assert street.links["lux"].closed_by_peer()
    assert street.code("lux") == 5
    until(lambda: street.code("lux") == 0, "a way back in")
    until(lambda: street.setting.state.containment(held.id).state.value == "expired", "an end on record")
    assert street.contain("list")[0]["state"] == "expired"
    assert street.town.stop() == 0

    records = [r for _, r in tail_of(street.state / "ledger" / "containment", 100) if isinstance(r, Contained)]
    assert [(r.step, r.target, r.person, r.units) for r in records] == [
        ("asked", "zone:street", "ada", 4),
        ("approved", "zone:street", "bo", 4),
        ("begun", "zone:street", "bo", 4),
        ("lifted", "zone:street", "bo", 4),
        ("begun", "device:lux", "ada", 1),
        ("expired", "device:lux", "", 1),
    ]
    assert records[0].cost["functions"] == "light"
    with pytest.raises(SystemExit) as end:
        main(["verify", "--state", str(street.state)])
    assert end.value.code in (0, None)
