"""A running town releases to recipients that prove themselves by their own provider, or by a certificate, over TLS."""

from __future__ import annotations

import http.client
import json
import queue
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import paho.mqtt.client as mqtt
import pytest
from joserfc.jwk import ECKey

from cityward.adapters.ledgers.reading import tail_of
from cityward.compose.home import Home
from cityward.compose.setting import Setting, open_setting
from cityward.evidence.records import Release, ReleaseRefused
from issuers import Issuer, issuing
from peers import certificates_for
from releasing import cityward, opened, recipient, rows_in, wait, write_releasing
from towns import Town, running_town

METER = "meter-01"
AUDIENCE = "cityward:test-town"


@dataclass
class Scene:
    town: Town
    setting: Setting
    issuer: Issuer
    folder: Path
    given: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def trust(self, who: str = "") -> ssl.SSLContext:
        """A client that trusts the town's authority; with the certificate of a recipient or device."""
        context = ssl.create_default_context(cafile=self.setting.home.keys / "ca.pem")
        if who:
            context.load_cert_chain(self.given[who]["certificate"], self.given[who]["key"])
        return context

    def door(self, who: str = "") -> http.client.HTTPSConnection:
        port = int(self.town.web.rsplit(":", 1)[1])
        return http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=self.trust(who))

    def observe(self, lux: float) -> None:
        """One reading of the meter, by MQTT: its certificate is all that it has."""
        body = json.dumps([{"n": "lux", "u": "lx", "t": self.setting.now_us() / 1e6, "v": lux}])
        client = wait("the meter is let in", lambda: connected(self, METER, METER))
        client.publish(f"in/{METER}", body, qos=1).wait_for_publish(20)
        client.disconnect()
        client.loop_stop()

    def ask(self, token: str = "", certificate: str = "", purpose: str = "planning") -> tuple[int, bytes]:
        query = urlencode({"dataset": "light", "purpose": purpose})
        with closing(self.door(certificate)) as link:
            link.request(
                "GET", f"/api/release/rows?{query}", headers={"Authorization": f"Bearer {token}"} if token else {}
            )
            answer = link.getresponse()
            return answer.status, answer.read()

    def released_to(self, who: str) -> list[Any]:
        return [one for one in self._ledger() if isinstance(one, Release) and one.recipient == who]

    def refused(self, who: str, why: str) -> int:
        """How many such refusals are on record."""
        found = [r for r in self._ledger() if isinstance(r, ReleaseRefused) and r.recipient == who]
        return sum(one.count for one in found if why in one.reasons)

    def _ledger(self) -> list[Any]:
        return [record for _, record in tail_of(self.setting.home.ledger("web"), 10_000)]

    def is_refused(self, why: str, who: str = "", **asked: str) -> bool:
        """Ask in vain: refused, and put on record as of this recipient (or of nobody)."""
        before = self.refused(who, why)
        status, body = self.ask(**asked)
        assert status == (403 if who else 401), (status, body)
        wait("it is on record", lambda: self.refused(who, why) == before + 1)
        return True


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("proofs")
    with ExitStack() as open_:
        outside = certificates_for(folder / "outside", "localhost")
        clients = {"desk-client": "of-desk", "other-client": "of-other", "stray-client": "of-stray"}
        issuer = open_.enter_context(issuing(outside.server, outside.trust, clients))
        by_provider = {"sign_in": "oidc", "issuer": issuer.url}
        place = write_releasing(
            folder / "place",
            [
                recipient("desk", "query", flows="[asked, old]", client="desk-client", **by_provider),
                recipient("other", "query", flows="[old]", client="other-client", **by_provider),
                recipient("sealed", "query", flows="[asked]", sign_in="certificate"),
                recipient("far", "query", flows="[asked]", sign_in="certificate", addresses="[192.0.2.0/24]"),
                recipient("ear", "live", flows="[heard]", sign_in="certificate"),
            ],
            meters=1,
            credential="certificate",
        )
        patch = open_.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("SSL_CERT_FILE", str(outside.ca))  # the authorities of the machine that the town runs on
        town = open_.enter_context(running_town(place, folder / "state", "--host", "0.0.0.0"))
        setting = open_setting(Home(folder / "state"))
        open_.callback(setting.state.dispose)
        scene = Scene(town, setting, issuer, folder)
        for name in ("desk", "other", "sealed", "far", "ear"):
            scene.given[name] = cityward("recipient", "add", name, "--out", str(folder), "--state", str(town.state))
        scene.given[METER] = cityward("device", "add", METER, "--out", str(folder), "--state", str(town.state))
        opened(town)
        wait("the door knows them", lambda: scene.ask(certificate="sealed")[0] == 200)
        scene.observe(11.5)
        wait("rows are held", lambda: len(rows_in(scene.ask(certificate="sealed")[1])) == 1)
        yield scene


def test_a_client_of_the_recipients_provider_is_given_rows_with_a_receipt(scene: Scene) -> None:
    status, body = scene.ask(scene.issuer.token_of("desk-client", AUDIENCE))
    assert status == 200
    assert [row["device"] for row in rows_in(body)] == [METER]
    assert scene.released_to("desk")[-1].rows == 1


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param({"aud": "cityward:another-town"}, id="for another city"),
        pytest.param({"aud": []}, id="for nobody"),
        pytest.param({"iss": "https://localhost:1"}, id="of another issuer"),
        pytest.param({"exp": 1}, id="over"),
        pytest.param({"nbf": 4_102_444_800}, id="not yet"),
        pytest.param({"azp": "nobody", "sub": "nobody"}, id="of another client"),
    ],
)
def test_a_token_that_does_not_hold_is_refused_and_on_record(scene: Scene, lie: dict[str, Any]) -> None:
    assert scene.is_refused("unknown-key", token=scene.issuer.token_of("desk-client", AUDIENCE, **lie))


def test_a_token_that_another_key_signed_is_refused_and_on_record(scene: Scene) -> None:
    scene.issuer.sign_with = ECKey.generate_key("P-256", parameters={"kid": "one"})
    try:
        token = scene.issuer.token_of("desk-client", AUDIENCE)
    finally:
        scene.issuer.sign_with = scene.issuer.key
    assert scene.is_refused("unknown-key", token=token)


def test_a_client_that_no_recipient_names_is_nobody(scene: Scene) -> None:
    assert scene.is_refused("unknown-key", token=scene.issuer.token_of("stray-client", AUDIENCE))


def test_one_recipients_token_opens_nothing_of_anothers(scene: Scene) -> None:
    token = scene.issuer.token_of("other-client", AUDIENCE)
    assert scene.is_refused("undeclared", who="other", token=token)
    assert scene.is_refused("out-of-term", who="other", token=token, purpose="history")


def test_a_certificate_of_the_city_is_proof_over_tls_and_nothing_else_is(scene: Scene) -> None:
    status, body = scene.ask(certificate="sealed")
    assert (status, len(rows_in(body))) == (200, 1)
    assert scene.released_to("sealed")
    assert scene.ask()[0] == 401, "without one"
    assert scene.is_refused("unknown-key", certificate=METER), "a device's, of the same authority"
    assert scene.is_refused("unknown-key", certificate="ear"), "of a recipient that listens"
    assert scene.is_refused("from-elsewhere", who="far", certificate="far")


def test_a_certificate_of_a_stranger_does_not_come_through_the_tls(scene: Scene) -> None:
    scene.given["stranger"] = strange_certificate(scene.folder / "stranger")
    with pytest.raises((ssl.SSLError, OSError, http.client.HTTPException)):
        scene.ask(certificate="stranger")


def strange_certificate(folder: Path) -> dict[str, str]:
    """Of the same name, from another authority."""
    from datetime import UTC, datetime

    from cityward.adapters.keys.authority import open_authority, recipient_certificate

    now = datetime.now(UTC)
    made = recipient_certificate(open_authority(folder / "keys", "test-town", now), "sealed", now)
    files = {"certificate": folder / "it.pem", "key": folder / "it.key"}
    files["certificate"].write_bytes(made.certificate)
    files["key"].write_bytes(made.key)
    return {name: str(path) for name, path in files.items()}


def connected(scene: Scene, who: str, name: str) -> mqtt.Client | None:
    """A client that the broker let in by certificate, under this client id; None where it did not."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name)
    client.tls_set_context(scene.trust(who))
    answers: queue.Queue[bool] = queue.Queue()
    client.on_connect = lambda *a: answers.put(not a[3].is_failure)
    client.on_disconnect = lambda *_: answers.put(False)
    try:
        client.connect("127.0.0.1", scene.town.mqtt_port)
        client.loop_start()
        if answers.get(timeout=20):
            return client
    except (ssl.SSLError, OSError):
        pass
    client.loop_stop()
    return None


def hears(client: mqtt.Client, topic: str) -> queue.Queue[bytes] | None:
    """What comes on a topic from now on; None where it may not be heard."""
    answers, heard = queue.Queue[bool](), queue.Queue[bytes]()
    client.on_subscribe = lambda *a: answers.put(not a[3][0].is_failure)
    client.on_message = lambda _a, _b, message: heard.put(message.payload)
    client.subscribe(topic, qos=1)
    return heard if answers.get(timeout=20) else None


def test_a_recipient_hears_its_own_topic_over_tls_by_certificate(scene: Scene) -> None:
    client = wait("it is let in", lambda: connected(scene, "ear", "recipient:ear"))
    try:
        assert hears(client, "out/desk/#") is None
        heard = hears(client, "out/ear/#")
        assert heard is not None
        scene.observe(31.5)
        deadline = time.monotonic() + 30
        while {row["value"] for row in rows_in(heard.get(timeout=max(0.1, deadline - time.monotonic())))} != {31.5}:
            assert time.monotonic() < deadline
    finally:
        client.disconnect()
        client.loop_stop()
    assert connected(scene, "sealed", "recipient:sealed") is None, "it asks, and does not listen"


def test_a_certificate_that_was_replaced_or_revoked_is_nobodys(scene: Scene) -> None:
    older = scene.given["sealed"]
    newer = scene.folder / "newer"
    newer.mkdir()
    words = ("--out", str(newer), "--state", str(scene.town.state))
    scene.given["newer"] = cityward("recipient", "rotate", "sealed", *words)
    wait("the new one is known", lambda: scene.ask(certificate="newer")[0] == 200)
    scene.given["older"] = older
    assert scene.is_refused("unknown-key", certificate="older")
    scene.setting.state.recipients.revoke("sealed")
    wait("it is taken away", lambda: scene.ask(certificate="newer")[0] == 401)
    assert Path(scene.given["newer"]["key"]).stat().st_mode & 0o077 == 0
