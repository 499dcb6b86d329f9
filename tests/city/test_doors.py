"""Who tries the doors of a running town: kept out, told with name and address, and nobody inside suffers.

One town runs for all of it; each case has a device of its own. The attacks are those of MQTTset (Vaccari et al. 2020: brute
force, malformed names), and what the MQTT 3.1.1 standard warns of in chapter 5 (client ids, wills, retained messages).
"""

from __future__ import annotations

import http.client
import os
import signal
import time
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from cityward.adapters.ledgers.reading import tail_of
from cityward.adapters.stores.state import SqlState
from cityward.cli.device import command
from cityward.compose.bars import ISOLATED, bar_units, lift_units
from cityward.compose.entering.credentials import issue_for
from cityward.compose.entering.devices import ROLE
from cityward.compose.home import Home
from cityward.errors import PlaceError
from cityward.evidence.records import DeviceLife
from cityward.watch.events import EventKind
from hearing import Events, until
from mqtt import Mqtt
from towns import Town, running_town, write_town

METERS = 24
HERE = "127.0.0.1"


class Doors:
    """A running town with its devices' secrets."""

    def __init__(self, town: Town, home: Home, state: SqlState, secrets: dict[str, str], events: Events) -> None:
        self.town, self.home, self.state, self.secrets, self.events = town, home, state, secrets, events
        self._free = iter(sorted(secrets, reverse=True))

    def device(self) -> str:
        """One that no other test uses."""
        return next(self._free)

    def enter(self, device: str, **how: object) -> Mqtt:
        return Mqtt(self.town.mqtt_port, device, self.secrets[device], wait_s=20, **how)  # type: ignore[arg-type]

    def code(self, user: str, secret: str, client_id: str | None = None) -> int:
        """What the broker says to one who comes."""
        with Mqtt(self.town.mqtt_port, user, secret, client_id=client_id, wait_s=20) as link:
            return link.code

    def post(self, device: str) -> int:
        """What the HTTP door says to a reading."""
        link = http.client.HTTPConnection(self.town.web.removeprefix("http://"), timeout=20)
        headers = {"Authorization": f"Bearer {self.secrets[device]}", "Content-Type": "application/senml+json"}
        try:
            link.request("POST", "/v1/observations", b'[{"n":"lux","v":1}]', headers)
            return link.getresponse().status
        finally:
            link.close()

    def command(self, *words: str) -> str:
        """`cityward device ...`, which must work; what it says."""
        done = CliRunner().invoke(command, [*words, "--state", str(self.home.root)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    folder = tmp_path_factory.mktemp("doors")
    place = write_town(folder / "town", METERS, messages_per_minute=600)
    with running_town(place, folder / "state", "--plain-mqtt") as town:
        home = Home(folder / "state")
        state = SqlState(home.state_url)
        secrets = {
            s.device: s.password or ""
            for s in issue_for(home, state, [f"meter-{n:02}" for n in range(1, METERS + 1)], 0)
        }
        events = Events(home)
        doors = Doors(town, home, state, secrets, events)
        try:
            until(lambda: doors.code("meter-01", secrets["meter-01"]) == 0, "a door that knows the devices")
            yield doors
        finally:
            events.close()
            state.dispose()


def test_a_device_cannot_take_over_the_session_of_another(doors: Doors) -> None:
    mine, other = doors.device(), doors.device()
    with doors.enter(other) as victim:
        assert doors.code(mine, doors.secrets[mine], client_id=other) == 5
        assert doors.code(mine, doors.secrets[mine], client_id=f"{other}:1") == 5
        assert doors.code(mine, doors.secrets[mine], client_id="x" * 200) == 5
        assert victim.publish(f"in/{other}", b'[{"n":"lux","v":1}]')
    told = doors.events.one(EventKind.TURNED_AWAY, mine, why="client-id", client_id=other)
    assert (told.source, told.detail["door"]) == (HERE, "mqtt")


@pytest.mark.parametrize("suffix", ["", ":a", ":left-hand_2"])
def test_a_device_comes_in_under_a_client_id_of_its_own(doors: Doors, suffix: str) -> None:
    assert doors.code("meter-01", doors.secrets["meter-01"], client_id=f"meter-01{suffix}") == 0


def test_a_device_may_leave_its_client_id_to_the_broker(doors: Doors) -> None:
    device = doors.device()
    with doors.enter(device, client_id="") as link:
        assert link.code == 0
        assert link.publish(f"in/{device}", b'[{"n":"lux","v":1}]')
    assert len(doors.events.one(EventKind.CONNECTED, device).detail["client_id"]) == 22


def test_the_same_device_twice_is_told_and_the_newer_one_stays(doors: Doors) -> None:
    device = doors.device()
    with doors.enter(device) as older, doors.enter(device) as newer:
        assert older.closed_by_peer()
        assert newer.publish(f"in/{device}", b'[{"n":"lux","v":1}]')
        gone = doors.events.one(EventKind.DISCONNECTED, device, why="Duplicate Client ID")
        until(lambda: len(doors.events.of(EventKind.CONNECTED, device)) == 2, "two connections")
    first, second = doors.events.of(EventKind.CONNECTED, device)
    assert gone.detail["connection"] == first.detail["connection"] != second.detail["connection"]
    assert second.detail | {"connection": ""} == {"client_id": device, "connection": "", "tls": "no"}


def test_at_most_four_connections_of_one_device_stand_side_by_side(doors: Doors) -> None:
    device = doors.device()
    inside = [doors.enter(device, client_id=f"{device}:{n}") for n in range(4)]
    try:
        assert [link.code for link in inside] == [0] * 4
        until(lambda: len(doors.events.of(EventKind.CONNECTED, device)) == 4, "four connections")
        assert doors.code(device, doors.secrets[device], client_id=f"{device}:5") == 5
        assert doors.code(device, doors.secrets[device], client_id=f"{device}:1") == 0  # in place of its own
    finally:
        for link in inside:
            link.socket.close()
    assert doors.events.one(EventKind.TURNED_AWAY, device, why="too-many-connections").source == HERE


@pytest.mark.parametrize("topic", ["#", "$SYS/#", "$share/all/#", "cmd/+", "event/#"])
def test_who_listens_in_is_refused_and_told(doors: Doors, topic: str) -> None:
    device = "meter-02"
    with doors.enter(device) as link:
        assert link.subscribe(topic) == 0x80
    told = doors.events.one(EventKind.REFUSED_SUBSCRIBE, device, topic=topic)
    assert told.source == HERE


def test_the_commands_of_another_are_not_heard(doors: Doors) -> None:
    device = doors.device()
    with doors.enter(device) as link:
        assert link.subscribe("cmd/meter-02") == 0x80
        assert link.subscribe(f"cmd/{device}") == 1
    doors.events.one(EventKind.REFUSED_SUBSCRIBE, device, topic="cmd/meter-02")


@pytest.mark.parametrize("retain", [False, True])
def test_who_guesses_topics_is_told_with_what_was_tried(doors: Doors, retain: bool) -> None:
    device = doors.device()
    with doors.enter(device) as link:
        for n, topic in enumerate(["in/meter-02", "event/connected", "cmd/meter-02", "$SYS/x"], 1):
            link.publish(topic, b"x", n, retain=retain)
    until(lambda: len(doors.events.of(EventKind.REFUSED_PUBLISH, device)) >= 4, "four refusals")
    topics = {event.detail["topic"].rpartition("/")[2] for event in doors.events.of(EventKind.REFUSED_PUBLISH, device)}
    assert topics == {"meter-02", "connected", "x"}


def test_a_last_will_is_held_to_what_its_device_may_say(doors: Doors) -> None:
    device, other = doors.device(), doors.device()
    with doors.enter(other) as listening:
        assert listening.subscribe(f"cmd/{other}") == 1
        doors.enter(device, will=(f"cmd/{other}", "forged")).socket.close()
        doors.enter(device, client_id=f"{device}:2", will=(f"in/{other}", "forged")).socket.close()
        doors.events.one(EventKind.REFUSED_PUBLISH, device, topic=f"cmd/{other}")
        assert listening.publish(f"in/{other}", b'[{"n":"lux","v":1}]')  # and nothing came before its acknowledgement


def test_guessed_passwords_are_counted_with_name_and_address(doors: Doors) -> None:
    device = doors.device()
    for n in range(12):
        assert doors.code(device, f"{n:032}") == 5
    for name in ("nobody", "worker", "meter-01' OR '1'='1"):
        assert doors.code(name, "x" * 32, client_id="stranger") == 5

    def counted() -> int:
        return sum(int(e.detail["count"]) for e in doors.events.of(EventKind.TURNED_AWAY, device))

    until(lambda: counted() == 12, "twelve refusals")
    assert {(e.source, e.detail["why"]) for e in doors.events.of(EventKind.TURNED_AWAY, device)} == {
        (HERE, "wrong-secret")
    }
    doors.events.one(EventKind.TURNED_AWAY, "nobody", why="unknown-device")
    doors.events.one(EventKind.TURNED_AWAY, "role:worker")
    doors.events.one(EventKind.TURNED_AWAY, "meter-01' OR '1'='1", why="unknown-device")


def test_a_revoked_device_is_cut_off_and_whoever_uses_its_secret_is_told(doors: Doors) -> None:
    device = doors.device()
    with doors.enter(device) as link:
        assert link.publish(f"in/{device}", b'[{"n":"lux","v":1}]')
        doors.command("revoke", device, "--by", "A. Clerk")
        revoked = time.monotonic()
        assert link.closed_by_peer()
        print(f"revocation to cut: {time.monotonic() - revoked:.3f} s")
    assert doors.code(device, doors.secrets[device]) == 5
    late = doors.events.one(EventKind.LATE_USE, device, door="mqtt")
    assert (late.source, late.detail["state"]) == (HERE, "revoked")
    until(lambda: doors.post(device) == 401, "an HTTP door that refuses the key")
    life = doors.events.one(EventKind.LIFE, device)
    assert life.detail == {"to": "revoked", "who": "A. Clerk"}
    lives = [r for _, r in tail_of(doors.home.ledger(ROLE), 100) if isinstance(r, DeviceLife) and r.device == device]
    assert [(r.to, r.person) for r in lives] == [("revoked", "A. Clerk")]
    row = next(line for line in doors.command("list").splitlines() if line.startswith(device))
    assert "revoked" in row
    assert f"last connected from {HERE}" in row


def test_a_stolen_device_comes_back_only_with_a_new_secret_and_when_it_is_found(doors: Doors) -> None:
    device = doors.device()
    doors.command("stolen", device)
    until(lambda: doors.code(device, doors.secrets[device]) == 5, "a door that knows")
    with pytest.raises(PlaceError, match="whoever had it may have read its secret"):
        doors.command("found", device)
    given = doors.command("rotate", device, "--json")
    new = given.split('"secret":"')[1].split('"')[0]
    assert doors.code(device, new) == 5  # it is still stolen
    doors.events.one(EventKind.LATE_USE, device, state="stolen")
    doors.command("found", device)
    until(lambda: doors.code(device, new) == 0, "a way back in")
    told = len(doors.events.of(EventKind.LATE_USE, device))
    assert doors.code(device, doors.secrets[device]) == 5  # the thief's
    until(lambda: len(doors.events.of(EventKind.LATE_USE, device)) > told, "the thief told")


def test_a_rotated_secret_is_worth_nothing_on_the_connection_that_used_it(doors: Doors) -> None:
    device = doors.device()
    with doors.enter(device) as link:
        assert link.publish(f"in/{device}", b'[{"n":"lux","v":1}]')
        doors.command("rotate", device)
        assert link.closed_by_peer()
    assert doors.code(device, doors.secrets[device]) == 5
    doors.events.one(EventKind.TURNED_AWAY, device, why="spent-secret")
    assert not doors.events.of(EventKind.LATE_USE, device)


def test_an_isolated_device_is_cut_off_at_every_door_and_comes_back_when_that_is_lifted(doors: Doors) -> None:
    device = doors.device()
    with doors.enter(device) as link:
        assert link.publish(f"in/{device}", b'[{"n":"lux","v":1}]')
        assert bar_units(doors.state, [device], ISOLATED, time.time_ns() // 1000, None, "test") == 1
        assert link.closed_by_peer()
    assert doors.code(device, doors.secrets[device]) == 5
    until(lambda: doors.post(device) == 401, "an HTTP door that refuses")
    assert "isolated" in next(line for line in doors.command("list").splitlines() if line.startswith(device))
    assert lift_units(doors.state, [device], ISOLATED, time.time_ns() // 1000) == 1
    until(lambda: doors.code(device, doors.secrets[device]) == 0, "a way back in")
    until(lambda: doors.post(device) == 202, "an HTTP door that lets in")


def test_who_floods_far_beyond_its_budget_is_kept_out_for_a_while(doors: Doors) -> None:
    device = doors.device()
    deadline, sent = time.monotonic() + 60, 0
    with doors.enter(device) as link:
        while link.publish(f"in/{device}", b'[{"n":"lux","v":1}]', sent % 60_000 + 1):
            sent += 1
            assert time.monotonic() < deadline, f"{sent} messages, and never cut off"
    told = doors.events.one(EventKind.SHED, device, budget="penalty")
    assert (told.detail["seconds"], told.detail["nth"], told.record.startswith("door:")) == ("60", "1", True)
    assert float(told.detail["times"]) > 4
    assert doors.code(device, doors.secrets[device]) == 5
    doors.events.one(EventKind.TURNED_AWAY, device, why="penalty")
    bar = next(row for row in doors.state.bars() if row.device == device)
    assert bar.until_us == bar.from_us + 60_000_000  # it ends by itself


def test_without_the_door_nobody_new_comes_in_and_those_inside_stay(doors: Doors) -> None:
    mine, other = doors.device(), doors.device()
    pid = int(doors.town.counts()["pids"]["door"])
    with doors.enter(mine) as inside:
        os.kill(pid, signal.SIGSTOP)
        try:
            assert doors.code(other, doors.secrets[other]) != 0
            assert inside.publish(f"in/{mine}", b'[{"n":"lux","v":1}]')
        finally:
            os.kill(pid, signal.SIGCONT)
        until(lambda: doors.code(other, doors.secrets[other]) == 0, "a door that answers again")
        os.kill(pid, signal.SIGKILL)
        until(lambda: _came_back(doors, other), "a door that was started again")
        assert inside.publish(f"in/{mine}", b'[{"n":"lux","v":1}]', 2)
        doors.command("revoke", mine)  # one who came in before the door was started again
        assert inside.closed_by_peer()


def _came_back(doors: Doors, device: str) -> bool:
    try:
        return doors.code(device, doors.secrets[device]) == 0
    except OSError:
        return False


def test_who_is_connected_and_who_was_is_known_also_after_the_end(doors: Doors) -> None:
    stays, leaves = doors.device(), doors.device()
    with doors.enter(stays):
        doors.enter(leaves).socket.close()
        until(lambda: _place(doors, stays) == "in" and _place(doors, leaves) == "out", "both places")
        line = next(row for row in doors.command("list").splitlines() if row.startswith(stays))
        assert f"connected from {HERE} since " in line
        assert doors.town.stop() == 0
    assert _place(doors, stays) == "out"


def _place(doors: Doors, device: str) -> str:
    row = doors.state.connections().get(device)
    return "" if row is None else "in" if row.until is None else "out"
