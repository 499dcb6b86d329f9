"""The admin port."""

from __future__ import annotations

import httpx

from cityward.errors import LinkError
from cityward.runtime.ports import RoleCounts
from web.house import House, house, opened

TOLD = (
    "cityward_class",
    "cityward_barred",
    "cityward_command",
    "cityward_readings",
    "cityward_outward",
    "cityward_forecasts",
)


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


def test_metrics_tell_what_the_other_processes_count() -> None:
    counts = RoleCounts(
        classes={"critical": {"admitted": 5}, "routine": {"admitted": 1, "rate-exceeded": 7, "inactive-device": 2}},
        barred={("routine", "penalty"): 3},
        commands={"proposed": 9, "sent": 4},
        commands_refused={"too-few-sources": 2},
        left_out={"quarantined": 6},
        made_safe=2,
        outward={("alert:desk", "opened"): 3, ("alert:desk", "refused"): 1},
        forecasts={"turns": 12, "scored": 40},
        forecasts_now={"said": 8, "silent": 1},
    )
    with opened(house(roles=lambda: counts)) as door:
        lines = httpx.get(f"{door.admin_url}/metrics").text.splitlines()
    rows = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    told = {name: float(value) for name, value in rows.items() if name.startswith(TOLD)}
    assert told == {
        'cityward_class_observations_total{class="critical",outcome="admitted"}': 5,
        'cityward_class_observations_total{class="routine",outcome="admitted"}': 1,
        'cityward_class_observations_total{class="routine",outcome="rate-exceeded"}': 7,
        'cityward_class_observations_total{class="routine",outcome="inactive-device"}': 2,
        'cityward_barred_devices{class="routine",why="penalty"}': 3,
        'cityward_commands_total{outcome="proposed"}': 9,
        'cityward_commands_total{outcome="sent"}': 4,
        'cityward_command_refusals_total{reason="too-few-sources"}': 2,
        'cityward_readings_left_out{reason="quarantined"}': 6,
        'cityward_outward_connections_total{exit="alert:desk",outcome="opened"}': 3,
        'cityward_outward_connections_total{exit="alert:desk",outcome="refused"}': 1,
        "cityward_commands_made_safe_total": 2,
        'cityward_forecasts_total{outcome="turns"}': 12,
        'cityward_forecasts_total{outcome="scored"}': 40,
        'cityward_forecasts_now{outcome="said"}': 8,
        'cityward_forecasts_now{outcome="silent"}': 1,
    }


def test_the_door_itself_has_no_admin_routes(door: House) -> None:
    with door.client() as person:
        assert [person.get(path).status_code for path in ("/metrics", "/livez", "/readyz")] == [404, 404, 404]
