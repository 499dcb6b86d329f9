"""A running town whose lamp a person holds at a level: through gate and broker, to a lamp that checks the signature."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from cityward.adapters.keys.commanding import verifier
from cityward.adapters.ledgers.reading import tail_of
from cityward.adapters.street.lamp import Lamp, LampSpec, Publish
from cityward.adapters.street.link import DeviceLink, MqttDoor
from cityward.compose.acting.overrides import OverrideDesk, operator
from cityward.compose.home import Home
from cityward.compose.setting import Setting, open_setting
from cityward.evidence.records import CommandIssued, OverrideBegun, OverrideEnded
from cityward.runtime.overriding import OverrideState
from cityward.runtime.people import BUILT_IN_OPERATOR, Grant, Person, Stance, Step
from cityward.runtime.serving.acting.preview import Wanted
from compose.acting.test_overrides import write_lit_town
from releasing import wait
from towns import running_town

LAMP = "lamps-01"


@contextmanager
def lit(setting: Setting, given: dict[str, str]) -> Generator[Lamp]:
    """The lamp, connected, with what `cityward device add` gave it, for as long as the block lasts."""
    city = setting.city
    lamp = Lamp(LampSpec(LAMP, (2.3, 54.9)), setting.now_us(), verifier(given["command_key"]))
    stop = threading.Event()

    async def shine() -> None:
        said: asyncio.Queue[Publish] = asyncio.Queue()

        def hear(payload: bytes) -> None:
            for publish in lamp.on_command(payload, setting.now_us()):
                said.put_nowait(publish)

        door = MqttDoor(city.mqtt_host, city.mqtt_port, Path(city.mqtt_ca) if city.mqtt_ca else None)
        link, ended = (
            DeviceLink(door, LAMP, lambda: given["secret"], subscriptions={f"cmd/{LAMP}": hear}),
            asyncio.Event(),
        )
        running = asyncio.create_task(link.run(ended))
        while not stop.is_set():
            try:
                publish = await asyncio.wait_for(said.get(), 0.1)
            except TimeoutError:
                continue
            await link.publish(publish.topic, publish.payload)
        ended.set()
        running.cancel()

    thread = threading.Thread(target=lambda: asyncio.run(shine()))
    thread.start()
    try:
        yield lamp
    finally:
        stop.set()
        thread.join(timeout=20)


def test_a_person_holds_a_lamp_and_gives_it_back(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running_town(write_lit_town(tmp_path / "town"), state, "--speed", "60") as town:
        setting = open_setting(Home(state))
        setting.state.put_person(Person("ada", "Ada", "council", Stance.ACTIVE, 1))
        setting.state.put_grant(Grant("g1", "ada", BUILT_IN_OPERATOR, Step.GIVEN, "duty", 1, since=1))
        with lit(setting, town.add(LAMP)) as lamp:
            desk, ada, wanted = OverrideDesk(setting), operator(setting, "ada"), Wanted("lights", LAMP, 55.0)
            assert desk.preview(wanted, ada).counts == {"allowed": 1}
            held = desk.begin(wanted, "show", 20 * 3600, ada)
            wait("the lamp to be held", lambda: lamp.level == 55)
            last = wait("the answer", lambda: [r for r in setting.state.commands(9, LAMP) if r.state == "acknowledged"])
            assert (last[0].value, last[0].cause["held_by"]) == (55, "ada")
            assert desk.undo(held.id, ada).state is OverrideState.UNDONE
            wait("the service to take over", lambda: lamp.level != 55)
        told = [record for _, record in tail_of(setting.home.ledger("override"), 9)]
        begun = [
            r.step if isinstance(r, OverrideBegun) else r.outcome
            for r in told
            if isinstance(r, OverrideBegun | OverrideEnded)
        ]
        assert begun == ["begun", "undone"]
        issued = [r for _, r in tail_of(setting.home.ledger("service"), 99) if isinstance(r, CommandIssued)]
        assert any(r.cause.get("override") == held.id for r in issued)
        setting.state.dispose()
