"""The admin port."""

from __future__ import annotations

import httpx

from cityward.errors import LinkError
from web.house import House, house, opened


def test_alive_and_ready(door: House) -> None:
    assert httpx.get(f"{door.admin_url}/livez").text == "ok\n"
    ready = httpx.get(f"{door.admin_url}/readyz")
    assert (ready.status_code, ready.json()) == (200, {"silent": []})


def test_not_ready_while_the_store_is_silent_but_alive(door: House) -> None:
    door.state.silent = True
    ready = httpx.get(f"{door.admin_url}/readyz")
    assert (ready.status_code, ready.json()) == (503, {"silent": ["state"]})
    assert httpx.get(f"{door.admin_url}/livez").status_code == 200
    assert httpx.get(f"{door.admin_url}/metrics").status_code == 503


def test_not_ready_while_the_log_is_silent() -> None:
    async def silent() -> int:
        raise LinkError("the log does not answer")

    with opened(house(backlog=silent)) as door:
        assert httpx.get(f"{door.admin_url}/readyz").json() == {"silent": ["log"]}


def test_metrics_balance_per_flow() -> None:
    async def backlog() -> int:
        return 17

    with opened(house(backlog=backlog)) as door:
        with door.client() as person:
            person.get("/api/place")
            person.get("/api/nowhere-declared")
        with door.device("old-counter") as device:
            device.post("/v1/observations", content=b"[]", headers={"content-type": "application/senml+json"})
        lines = httpx.get(f"{door.admin_url}/metrics").text.splitlines()
    rows = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    outcome = {
        word: float(rows[f'cityward_observations_total{{flow="counts",outcome="{word}"}}'])
        for word in ("received", "admitted", "refused", "shed")
    }
    assert outcome == {"received": 10, "admitted": 7, "refused": 2, "shed": 1}
    assert outcome["received"] == outcome["admitted"] + outcome["refused"] + outcome["shed"]
    assert rows['cityward_refusals_total{flow="counts",reason="out-of-range"}'] == "2.0"
    assert rows['cityward_http_requests_total{method="GET",route="/api/place",status="200"}'] == "1.0"
    assert rows['cityward_door_refusals_total{reason="inactive-device"}'] == "1.0"
    assert rows["cityward_log_backlog"] == "17.0"
    assert rows["cityward_live_clients"] == "0.0"
    assert not [line for line in rows if "nowhere" in line]


def test_the_door_itself_has_no_admin_routes(door: House) -> None:
    with door.client() as person:
        assert [person.get(path).status_code for path in ("/metrics", "/livez", "/readyz")] == [404, 404, 404]
