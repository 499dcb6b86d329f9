"""What the street's side of the signals needs to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cityward.adapters.street.link import MqttDoor
from cityward.place.junctions import Junction
from cityward.place.registry import Registry
from cityward.time import CityClock


@dataclass(frozen=True, slots=True, kw_only=True)
class CorridorSetting:
    """scenario: a folder of SUMO with `heads.yaml`. credentials: folder of `<device>.json`. zone: IANA, of the hours of the day.

    recordings: what demand is drawn from; None: as at the busiest hour. seed: of SUMO's chances and of who departs.
    """

    scenario: Path
    junctions: Mapping[str, Junction]
    registry: Registry
    clock: CityClock
    credentials: Path
    mqtt: MqttDoor
    recordings: Path | None = None
    zone: str = "UTC"
    seed: int = 7
