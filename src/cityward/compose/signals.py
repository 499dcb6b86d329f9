"""Signals in a running city: which roles they need, and what the demonstration's street is made of."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from cityward.adapters.street.link import MqttDoor
from cityward.adapters.street.signals.setting import CorridorSetting
from cityward.compose.setting import Setting
from cityward.place.model import Place

FOLDER = "signals"
"""Beside a declaration: a scenario of SUMO with the heads of its junctions, run by `cityward run --simulate`."""


def has_signals(place: Place) -> bool:
    """Whether signals have a runner of their own: junctions are declared, and a service for them."""
    return bool(place.junctions) and any(service.kind == "signals" for service in place.services.values())


def scenario_beside(place_folder: Path) -> Path | None:
    """The scenario that lies beside a declaration; None: there is none."""
    folder = place_folder / FOLDER
    return folder if (folder / "heads.yaml").is_file() else None


def sumo_is_here() -> bool:
    """Whether libsumo is installed (the extra `street`)."""
    return find_spec("libsumo") is not None


def corridor_of(setting: Setting) -> CorridorSetting:
    """What the street's side of the signals needs."""
    city = setting.city
    assert city.street is not None
    folder = scenario_beside(setting.place_folder)
    assert folder is not None
    return CorridorSetting(
        scenario=folder,
        junctions=setting.loaded.place.junctions,
        registry=setting.registry,
        clock=city.city_clock,
        credentials=setting.home.device_secrets,
        mqtt=MqttDoor(city.mqtt_host, city.mqtt_port, Path(city.mqtt_ca) if city.mqtt_ca else None),
        recordings=Path(city.street.recordings),
        zone=setting.loaded.place.timezone,
    )
