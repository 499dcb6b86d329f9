"""Recorded data into a running city, by the devices' own front doors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from cityward.adapters.recordings import read_topic
from cityward.adapters.street.door_http import HttpDoor
from cityward.adapters.street.link import MqttDoor
from cityward.adapters.street.replay import Progress, ReplayReport, ReplaySettings, replay
from cityward.compose.entering.credentials import issue_missing
from cityward.compose.home import Home
from cityward.compose.setting import open_setting

__all__ = ["Progress", "ReplayReport", "feed"]


NOTICED_S = 2.5
"""The city looks for new credentials once a second, and then has its broker read them."""


def feed(
    state: Path,
    data: Path,
    tell: Callable[[Progress], None],
    *,
    speed: float | None,
    ending_us: int | None,
    as_recorded: bool,
    limit: int | None,
    issue: bool = False,
) -> ReplayReport:
    """Feed the recorded data at `data` into the city that runs in `state`, and balance the counts. See `ReplaySettings`.

    `issue`: devices that have no credential yet get one, kept in the state directory; the city notices within a second.

    Raises:
        RecordingError: nothing that can be fed is at `data`.
        LinkError: no city runs there, it does not answer, or the devices' secrets are not there.
    """
    recordings = read_topic(data)
    setting = open_setting(Home(state))
    city = setting.city
    if issue and issue_missing(setting.home, setting.registry, setting.state, time.time_ns() // 1000):
        time.sleep(NOTICED_S)
    settings = ReplaySettings(
        registry=setting.registry,
        clock=city.city_clock,
        credentials=setting.home.device_secrets,
        mqtt=MqttDoor(city.mqtt_host, city.mqtt_port, Path(city.mqtt_ca) if city.mqtt_ca else None),
        http=HttpDoor(f"http://{city.web_host}:{city.web_port}"),
        speed=speed,
        ending_us=ending_us,
        as_recorded=as_recorded,
        limit=limit,
    )
    return asyncio.run(replay(recordings, settings, setting.state, tell))
