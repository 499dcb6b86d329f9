"""The processes of a city, built: what each keeps an eye on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cityward.compose import roles
from cityward.compose.home import Home, write_city_file
from cityward.compose.roles import mind_registry
from cityward.compose.setting import open_setting
from cityward.place.registry import NEVER_BARRED
from cityward.runtime.ports import CredentialRow
from towns import stopped_city, write_town


def test_a_revocation_while_a_worker_starts_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roles, "NOTICE_REGISTRY_S", 0.0)
    home = Home(tmp_path / "state")
    home.prepare()
    write_city_file(home, stopped_city(write_town(tmp_path / "town", 1)))
    setting = open_setting(home)
    meter = setting.registry.units[0]
    setting.state.issue([CredentialRow(meter.id, "hash", None, None, "active", 0)])
    setting.state.revoke(meter.id, 1)

    async def until_noticed() -> None:
        stop = asyncio.Event()
        minding = asyncio.create_task(mind_registry(setting, stop))
        async with asyncio.timeout(30):
            while setting.registry.unit_barred_from[0, 0] == NEVER_BARRED:
                await asyncio.sleep(0)
        stop.set()
        await minding

    asyncio.run(until_noticed())
    setting.state.dispose()
