"""What the bench must know of the city it measures. `compose` starts one and offers it as this."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cityward.runtime.ports import FlowCount

PROPERTY, SENML_UNIT = "vehicle-speed", "m/s"
"""What the bench's devices observe: each one property, in the catalogue's unit, as SenML (name: the property's id)."""


@dataclass(frozen=True, slots=True)
class BenchDevice:
    """One device of the city under measurement, and what it proves itself with."""

    id: str
    password: str
    http_key: str

    def __repr__(self) -> str:
        return f"BenchDevice(id={self.id!r}, ...)"


class BenchCity(Protocol):
    """A running city in a temporary folder: devices `devices`, each with one SenML property `vehicle-speed` in m/s, whose flow
    allows a day of age, 10,000,000 messages a minute and bodies of 1 MiB."""

    @property
    def mqtt_port(self) -> int:
        """Plain MQTT on loopback."""
        ...

    @property
    def http_port(self) -> int:
        """Plain HTTP on loopback."""
        ...

    @property
    def devices(self) -> Sequence[BenchDevice]: ...

    @property
    def processes(self) -> Mapping[str, int]:
        """Role (`broker`, `worker-0`, ..., `web`) -> process id."""
        ...

    def counts(self) -> Sequence[FlowCount]:
        """What is durably held, from the state store: rows whose evidence, history and state are all committed."""
        ...

    def room_seconds(self) -> Mapping[str, float]:
        """Room -> processor seconds of the workers so far, as told about once a second (`runtime.intake.worker.Progress.cpu`)."""
        ...


StartCity = Callable[[Path, int, bool], AbstractContextManager[BenchCity]]
"""(folder, number of devices, gate on) -> the city, stopped at the end."""
