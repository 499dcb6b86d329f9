"""A town whose devices prove themselves by certificate, over TLS from the city's own authority."""

from __future__ import annotations

import http.client
import json
import queue
import ssl
import time
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from towns import Town, running_town, totals, write_town


def connected(town: Town, given: dict[str, str] | None, ca: str, user: str | None = None) -> mqtt.Client | None:
    """A paho client that the broker let in; None when it did not."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="meter-01")
    context = ssl.create_default_context(cafile=ca)
    if given is not None:
        context.load_cert_chain(given["certificate"], given["key"])
    client.tls_set_context(context)
    if user is not None:
        client.username_pw_set(user, "")
    answers: queue.Queue[bool] = queue.Queue()
    client.on_connect = lambda *a: answers.put(not a[3].is_failure)
    client.on_disconnect = lambda *_: answers.put(False)
    try:
        client.connect("127.0.0.1", town.mqtt_port)
        client.loop_start()
        if answers.get(timeout=20):
            return client
    except (ssl.SSLError, OSError):
        pass
    client.loop_stop()
    return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


def test_a_device_with_its_certificate_is_let_in_and_nobody_else(folder: Path) -> None:
    place = write_town(folder / "town", 2, credential="certificate")
    with running_town(place, folder / "state") as town:
        given = town.add("meter-01", "--out", str(folder))
        assert Path(given["key"]).stat().st_mode & 0o077 == 0
        client, deadline = None, time.monotonic() + 60
        while client is None:  # the broker takes up the new device within a second
            assert time.monotonic() < deadline
            client = connected(town, given, given["ca"])
        body = json.dumps([{"n": "lux", "v": 7}])
        client.publish("in/meter-01", body, qos=1).wait_for_publish(10)
        client.publish("in/meter-02", body, qos=1).wait_for_publish(10)
        while totals(counts := town.counts())[0] < 2:
            assert time.monotonic() < deadline, counts
        assert totals(counts) == (2, 1, 1, 0)
        client.disconnect()
        client.loop_stop()
        assert connected(town, None, given["ca"]) is None
        assert connected(town, None, given["ca"], user="CN=meter-01") is None
        (folder / "new").mkdir()
        newer = town.add("meter-01", "--out", str(folder / "new"))
        while (client := connected(town, newer, given["ca"])) is None:
            assert time.monotonic() < deadline
        client.disconnect()
        client.loop_stop()
        assert connected(town, given, given["ca"]) is None  # valid for a year yet, and replaced


def test_beyond_loopback_the_console_speaks_tls_from_the_citys_authority(folder: Path) -> None:
    place = write_town(folder / "open-town", 1)
    with running_town(place, folder / "open-state", "--host", "0.0.0.0") as town:
        assert town.started["sign_in"].startswith("https://")
        port = int(town.web.rsplit(":", 1)[1])
        context = ssl.create_default_context(cafile=folder / "open-state" / "keys" / "ca.pem")
        deadline = time.monotonic() + 30
        while True:
            link = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context)
            try:
                link.request("GET", "/sign-in")
                answer = link.getresponse()
                break
            except ConnectionRefusedError:
                assert time.monotonic() < deadline
            finally:
                link.close()
        assert answer.status == 200
        assert "strict-transport-security" in answer.headers
