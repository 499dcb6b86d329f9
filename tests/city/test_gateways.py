"""A running town tells lamps behind a gateway what to do: answered in their names, their levels read, and nobody else reached."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from nats.errors import Error as NatsError

from adapters.talq.test_talq import Field, gateway
from cityward.adapters.bus.log import connect, disconnect
from cityward.adapters.stores.state import SqlState
from cityward.adapters.talq.objects import LampController
from cityward.compose.acting.gateways import PROGRESS, ROLE
from cityward.compose.home import Home, read_city_file
from gateways import ADDRESSES, CITY, gateway_town
from hearing import until
from towns import running_town

LAMPS = ("lamps-01", "lamps-02")


class Street(Field):
    """A field whose lamps do as they are told."""

    def obey(self, body: dict[str, Any]) -> None:
        level = float(body["targetCommand"]["state"]["value"])
        told = body["addresses"][0]["address"].split("/")[0]
        self.devices = [
            LampController(one.address, one.name, one.function, level if one.address == told else one.level)
            for one in self.devices
        ]


@pytest.mark.slow
def test_lamps_behind_a_gateway_are_told_and_answer(tmp_path: Path) -> None:
    field = Street([LampController(a, f"Quay {n}", f"actuator-{n}", 55.0) for n, a in enumerate(ADDRESSES, 1)])
    home = Home(tmp_path / "state")
    with gateway(field) as port:
        place = tmp_path / "town"
        place.mkdir()
        (place / "place.yaml").write_text(gateway_town(f"http://127.0.0.1:{port}/talq", "[127.0.0.1]", every_s=5))
        with running_town(place, home.root) as town:
            state = SqlState(home.state_url)
            try:
                until(lambda: _answered(state) == set(LAMPS), "an answer of both lamps")
                level = next(row.value for row in state.commands(9, LAMPS[0]))
                assert {one.level for one in field.devices} == {level}
                until(lambda: _levels(state) == dict.fromkeys(LAMPS, level), "what the lamps stand at")
                [_, path, query, _, body] = next(one for one in field.heard if one[0] == "POST")
                assert (path, query["clientAddress"], body["targetCommand"]["reason"]) == (
                    "/talq/override-commands", [CITY], "override",
                )  # fmt: skip
                assert ROLE in town.counts()["pids"]
                told = json.loads((home.root / PROGRESS).read_text())["field"]
                assert (told["counts"]["done"], told["trouble"]) == (2, "")
                asyncio.run(_reaches_nobody_else(home))
            finally:
                state.dispose()


def _answered(state: SqlState) -> set[str]:
    return {lamp for lamp in LAMPS if any(row.state == "acknowledged" for row in state.commands(9, lamp))}


def _levels(state: SqlState) -> dict[str, float]:
    return {row.device: row.value for row in state.latest_of(LAMPS) if row.property == "lamp-level"}


async def _reaches_nobody_else(home: Home) -> None:
    """The role's own account: the broker lets it hear and answer for its lamps alone."""
    city, refused = read_city_file(home), list[str]()
    client = await connect(city.bus_url, ROLE, city.passwords[ROLE])

    async def hear(error: Exception) -> None:
        refused.append(str(error).lower())

    client._error_cb = hear  # pyright: ignore[reportPrivateUsage]
    try:
        for subject in ("cmd.lamps-01", "cmd.counter-1", "cmd.>", "intake.>"):
            await client.subscribe(subject)
        for subject in ("cmd.lamps-01", "$MQTT.msgs.ack.counter-1", "$MQTT.msgs.in.0.lamps-01"):
            await client.publish(subject, b"{}")
        await client.flush()
        async with asyncio.timeout(20):
            while len(refused) < 6:
                await asyncio.sleep(0.05)
    except NatsError as error:
        pytest.fail(str(error))
    finally:
        await disconnect(client)
    assert not any('"cmd.lamps-01"' in one and "subscription" in one for one in refused)
    assert sum("subscription" in one for one in refused) == 3
    assert sum("publish" in one for one in refused) == 3
