"""The same city over a NATS server that somebody else runs."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from pathlib import Path

from cityward.adapters.bus.server import _accepts, find_binary, free_port
from mqtt import Mqtt
from towns import running_town, totals, write_town


def outside_server(folder: Path, port: int, mqtt: int) -> subprocess.Popen[bytes]:
    folder.mkdir()
    config = {
        "server_name": "theirs",
        "listen": f"127.0.0.1:{port}",
        "jetstream": {"store_dir": str(folder / "js")},
        "mqtt": {"listen": f"127.0.0.1:{mqtt}"},
        "accounts": {
            "TOWN": {
                "jetstream": "enabled",
                "mappings": {"in.*": "in.{{partition(4,1)}}.{{wildcard(1)}}"},
                "users": [{"user": "town", "password": "p@ss/word"}],
            }
        },
    }
    path = folder / "theirs.conf"
    path.write_text(json.dumps(config))
    server = subprocess.Popen([str(find_binary()), "-c", str(path)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not _accepts(port):
        assert time.monotonic() < deadline
    return server


def test_runs_on_a_bus_it_did_not_start(tmp_path: Path) -> None:
    port, mqtt = free_port(), free_port()
    server = outside_server(tmp_path / "theirs", port, mqtt)
    try:
        place = write_town(tmp_path / "town", 2)
        bus = f"nats://town:p%40ss%2Fword@127.0.0.1:{port}"
        with running_town(place, tmp_path / "state", "--bus", bus) as town:
            body = json.dumps([{"n": "lux", "v": 7}]).encode()
            with Mqtt(mqtt, "town", "p@ss/word", client_id="meter-01") as meter:
                assert meter.publish("in/meter-01", body)
            secret = town.secret("meter-02")
            headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/senml+json"}
            deadline = time.monotonic() + 60
            while totals(counts := town.counts())[1] < 2:
                assert time.monotonic() < deadline, counts
                link = http.client.HTTPConnection(town.web.removeprefix("http://"), timeout=5)
                try:
                    link.request("POST", "/v1/observations", body, headers)
                    assert link.getresponse().status in (202, 401)  # 401 until the door has noticed the new device
                except OSError:
                    pass  # the door is still opening
                finally:
                    link.close()
            assert totals(counts)[2:] == (0, 0)
            assert "broker" not in counts["pids"]
    finally:
        server.terminate()
        server.wait(20)
