"""Small towns for tests: a declaration on disk, and a `cityward run` of it as a real process."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cityward.compose.home import CityFile


def write_town(
    folder: Path,
    meters: int,
    *,
    messages_per_minute: int = 1_000_000,
    format_: str = "senml",
    credential: str = "password",
    gauges: int = 0,
) -> Path:
    """A town of so many meters, each with `illuminance` and `air-temperature`, all by MQTT and HTTP. Ids `meter-01`...

    `gauges`: as many more devices, alike but for their plain JSON, on a flow of their own. Ids `gauge-01`...
    """
    positions = _positions(meters)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "place.yaml").write_text(
        f"""place: test-town
name: Test Town
position: [2.3, 54.9]
responsible: council
platform: cityward
jurisdictions:
  gb: {{code: GB, home: true}}
parties:
  council: {{name: Council, kind: public-body, incorporated_in: gb}}
purposes:
  environment: {{name: Environment}}
sites:
  hall: {{jurisdiction: gb}}
systems:
  cityward: {{kind: platform, site: hall, operator: council}}
datasets:
  light: {{personal: false, sensitivity: public, retention_days: 30, properties: [illuminance, air-temperature]}}
device_models:
  light-meter:
    maker: council
    format: {format_}
    time_path: /at
    properties:
      illuminance: {{path: /lux, key: lux}}
      air-temperature: {{path: /temp, key: temp}}
devices:
  meter:
    model: light-meter
    site: hall
    owner: council
    credential: {credential}
    positions:
{positions}
flows:
  meter-light:
    from: meter
    to: cityward
    datasets: [light]
    purpose: environment
    protocol: mqtt
    observability: enforced
    limits: {{max_age_s: 86400, messages_per_minute: {messages_per_minute}}}
"""
    )
    if gauges:
        _add_gauges(folder / "place.yaml", gauges)
    return folder


def _positions(count: int) -> str:
    return "\n".join(f"      - [{2.3 + n / 10_000:.4f}, 54.9]" for n in range(count))


def _add_gauges(file: Path, gauges: int) -> None:
    """Every record of the meters again, for gauges."""
    text = file.read_text()
    for kind, after in (("device_models", "devices"), ("devices", "flows"), ("flows", None)):
        start = text.index(f"\n{kind}:\n") + len(f"\n{kind}:\n")
        end = text.index(f"\n{after}:\n", start) + 1 if after else len(text)
        record = text[start:end]
        twin = record.replace("meter", "gauge").replace("format: senml", "format: json")
        if kind == "devices":
            twin = twin[: twin.index("    positions:\n")] + f"    positions:\n{_positions(gauges)}\n"
        text = text[:end] + twin + text[end:]
    file.write_text(text)


class Town:
    """A running `cityward run --json`."""

    def __init__(self, place: Path, state: Path, *options: str) -> None:
        self.state = state
        argv = [sys.executable, "-m", "cityward", "run", str(place), "--state", str(state), "--json", *options]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.notes: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.started = self.wait_for("started")
        except BaseException:
            self.stop()
            raise

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._events.put(json.loads(line))
        self._events.put({"event": "ended"})

    def next(self, within_s: float = 60.0) -> dict[str, Any]:
        event = self._events.get(timeout=within_s)
        if event["event"] == "note":
            self.notes.append(event["text"])
        return event

    def wait_for(self, kind: str, within_s: float = 60.0) -> dict[str, Any]:
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            event = self.next(within_s)
            if event["event"] == kind:
                return event
            if event["event"] == "ended":
                raise AssertionError(f"the town ended with {self.process.wait()}")
        raise AssertionError(f"no {kind} within {within_s} s")

    def counts(self) -> dict[str, Any]:
        """The newest counts."""
        event = self.wait_for("counts")
        while not self._events.empty():
            later = self.next()
            event = later if later["event"] == "counts" else event
        return event

    @property
    def mqtt_port(self) -> int:
        return int(self.started["mqtt"].rsplit(":", 1)[1])

    @property
    def web(self) -> str:
        return self.started["sign_in"].split("/sign-in")[0]

    def secret(self, device: str) -> str:
        """Adds the device, as an operator does."""
        return self.add(device)["secret"]

    def add(self, device: str, *options: str) -> dict[str, str]:
        """What `cityward device add` gives the device."""
        argv = [
            sys.executable,
            "-m",
            "cityward",
            "device",
            "add",
            device,
            "--state",
            str(self.state),
            "--json",
            *options,
        ]
        return json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)

    def stop(self) -> int:
        self.process.terminate()
        code = self.process.wait(timeout=60)
        self._reader.join(timeout=10)
        return code


@contextmanager
def running_town(place: Path, state: Path, *options: str) -> Iterator[Town]:
    """Ports are free ones; ended at the end whatever happens."""
    free = ["--port", "0", "--mqtt-port", "0", "--nats-port", "0", "--admin-port", "0"]
    town = Town(place, state, *free, *options)
    try:
        yield town
    finally:
        if town.process.poll() is None:
            town.stop()


def stopped_city(place: Path, bus_url: str = "") -> CityFile:
    """What a city that was started once says of itself; nothing of it runs."""
    return CityFile(
        place=str(place), declaration="", bus_url=bus_url, passwords={}, mqtt_host="", mqtt_port=0, mqtt_ca=None, web_host="",
        web_port=0, admin_port=0, clock=(0, 0, 1.0),
    )  # fmt: skip


def totals(counts: dict[str, Any]) -> tuple[int, int, int, int]:
    """(received, admitted, refused, shed) over all flows."""
    return tuple(sum(f[k] for f in counts["flows"]) for k in ("received", "admitted", "refused", "shed"))  # type: ignore[return-value]
