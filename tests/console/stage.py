"""A small real server that plays the web door with canned answers, so that the console can be shown any moment of a city.

The declaration is the real demonstration city. Nothing here judges or stores: a test says what the door answers next.
"""

from __future__ import annotations

import asyncio
import json
import math
import mimetypes
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from cityward.catalogue import PROPERTIES
from cityward.compose.places import demo_place, load_place
from cityward.place.registry import Registry, Unit, number
from cityward.reach.chains import downstream, flow_graph
from cityward.reach.folding import folded, parties_of
from cityward.reach.picture import layout
from cityward.reach.questions import Reach
from cityward.web.api.pages import parse_range
from cityward.web.api.reach import ReachQuery, ReasonQuery, reason_of, report_on, subjects_of
from cityward.web.api.views import chain_view
from cityward.web.app import CSP

BUILT = Path(__file__).parents[2] / "src" / "cityward" / "web" / "console"
DUSK_MS = 1_794_851_000_000  # 2026-11-16 17:43:20 UTC
SPEED = 60.0


OPERATOR: dict[str, Any] = {
    "id": "operator",
    "name": "First person",
    "party": "doggerford-council",
    "roles": [],
    "rights": ["contain", "data", "look", "watch"],
    "two_person": [],
    "elsewhere": [],
    "devices": 0,
    "actuators": 0,
    "datasets": 0,
    "asked": [],
    "offers": [],
    "passkeys": [],
    "glass": [],
    "waiting": 0,
    "now": 0,
}


class Stage:
    """The server and what it answers. `send` speaks to every open live feed; `refuse_live` makes the feed fail."""

    def __init__(self, tiles: Path | None) -> None:
        loaded = load_place(demo_place())
        self.place = loaded.place
        self.reach = Reach(loaded.place, loaded.digest, loaded.where)
        self.registry: Registry = number(self.place)
        self.tiles = tiles
        self.totals = {"received": 0, "admitted": 0, "refused": 0, "shed": 0}
        self.greeting: list[tuple[str, Any]] = []
        self.refusals: dict[str, Any] = {"reasons": [], "recent": [], "door": []}
        self.commands: list[dict[str, Any]] = []
        self.overrides: dict[str, Any] = {}
        self.answers: dict[
            str, Any
        ] = {}  # of further paths behind /api/: JSON, or a function of the query that makes it
        self.status = 200
        self._listeners: set[asyncio.Queue[bytes | None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server = uvicorn.Server(uvicorn.Config(self._app(), log_level="error", lifespan="off", loop="asyncio"))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self.hang_up()
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)
        self._socket.close()

    def send(self, event: str, data: Any) -> None:
        """One event to every open feed, from any thread."""
        self._put(f"event: {event}\ndata: {json.dumps(data)}\n\n".encode())

    def hang_up(self) -> None:
        """End every open feed, as a dying door would."""
        self._put(None)

    def counts(self, totals: dict[str, int], rate: float = 12.5) -> dict[str, Any]:
        """A `counts` event with the totals spread over the flows, largest first."""
        flows, rest = [], dict(totals)
        names = self.registry.flows
        for i, flow in enumerate(names):
            row = {k: v if i == len(names) - 1 else v // 2 for k, v in rest.items()}
            row["received"] = row["admitted"] + row["refused"] + row["shed"]
            rest = {k: rest[k] - row[k] for k in rest}
            flows.append({"flow": flow, **row})
        return {"totals": totals, "flows": flows, "rate_per_s": rate}

    def reading(self, unit: Unit, prop: str, at_ms: int) -> float:
        """A plausible value: smooth over the day, a little different for each device. Recorded data it is not."""
        known = PROPERTIES[prop]
        own = (sum(unit.id.encode()) % 97) / 97
        day = (at_ms / 86_400_000 + own * 0.1) % 1.0
        wave = 0.5 - 0.5 * math.cos(2 * math.pi * day) + 0.06 * math.sin(2 * math.pi * (day * 23 + own))
        if prop == "lamp-level":
            return float(round((0.2 + 0.8 * own) * 10) * 10) if not 0.3 < day < 0.68 else 0.0
        low, high = _USUAL.get(prop, (known.low, known.low + (known.high - known.low) * 0.2))
        return round(low + (high - low) * min(1.0, max(0.0, wave * (0.7 + 0.5 * own))), 2)

    # -- what the door answers ----------------------------------------------------------------------------------------

    def place_answer(self) -> dict[str, Any]:
        """`GET /api/place`."""
        place = self.place
        answer: dict[str, Any] = {
            "id": place.place,
            "name": place.name,
            "position": place.position,
            "timezone": place.timezone,
            "tiles": self.tiles is not None,
            "clock": {"now_ms": DUSK_MS, "speed": SPEED},
            "areas": [
                {"id": k, "name": a.name or k, "centre": a.centre, "outline": a.outline} for k, a in place.areas.items()
            ],
            "devices": [self.device(unit) for unit in self.registry.units],
            "flows": [
                {"id": k, "name": f.name or k, "from": f.from_, "to": f.to, "to_name": f.to, "purpose": f.purpose}
                for k, f in place.flows.items()
            ],
            "services": [
                {
                    "id": k,
                    "name": s.name or k,
                    "kind": s.kind,
                    "operator": s.operator,
                    "operator_name": s.operator,
                    "actuators": s.actuators,
                    "sources": [],
                }
                for k, s in place.services.items()
            ],
        }
        return {**answer, **self.overrides.get("place", {})}

    def device(self, unit: Unit) -> dict[str, Any]:
        """One row of `devices`."""
        model = self.place.device_models[unit.model]
        group = self.place.devices[unit.group]
        name = group.name or unit.group
        return {
            "id": unit.id,
            "group": unit.group,
            "model": unit.model,
            "name": name if unit.id == unit.group else f"{name} {unit.id.rpartition('-')[2]}",
            "area": unit.area,
            "position": unit.position,
            "status": unit.status.value,
            "actuator": bool(model.commands),
            "properties": [
                {"id": p, "title": PROPERTIES[p].title, "unit": PROPERTIES[p].unit} for p in model.properties
            ],
        }

    def device_answer(self, unit: Unit) -> dict[str, Any]:
        """`GET /api/devices/{id}`."""
        graph = flow_graph(self.place)
        shown = self.device(unit)
        expected = []
        for p in shown["properties"]:
            for hour in range(24):
                middle = self.reading(unit, p["id"], DUSK_MS // 86_400_000 * 86_400_000 + hour * 3_600_000 + 1_800_000)
                width = max(1.0, abs(middle) * 0.18)
                low = max(middle - width, PROPERTIES[p["id"]].low)
                expected.append({"property": p["id"], "hour": hour, "low": low, "high": middle + width, "count": 42})
        return {
            "device": shown,
            "latest": self.latest(DUSK_MS, [unit]),
            "expected": expected,
            "last_seen_ms": DUSK_MS - 40_000,
            "flow": self.registry.flows[unit.flow] if unit.flow >= 0 else None,
            "chain": list(downstream(graph, unit.group)),
            "credential": {"state": "active", "issued_at_ms": DUSK_MS - 86_400_000, "revoked_at_ms": None},
            "refusals": [r for r in self.refusals["recent"] if r["device"] == unit.id],
        }

    def latest(self, at_ms: int, units: list[Unit] | None = None) -> list[dict[str, Any]]:
        """A `latest` event of every channel."""
        return [
            {"device": u.id, "property": p, "value": self.reading(u, p, at_ms), "observed_at_ms": at_ms - 60_000}
            for u in units or self.registry.units
            if u.flow >= 0 and u.status.value == "active"
            for p in self.place.device_models[u.model].properties
        ]

    def _app(self) -> ASGIApp:
        app = Starlette(
            routes=[
                Route("/", self._file),
                Route("/api/place", self._place),
                Route("/api/live", self._live),
                Route("/api/chain", self._chain),
                Route("/api/reach", self._reach),
                Route("/api/reach/reason", self._reason),
                Route("/api/reach/subjects", lambda _: Response(_json(subjects_of(self.place)), media_type=_JSON)),
                Route("/api/watch", lambda _: JSONResponse(self.answers.get("watch", QUIET_WATCH))),
                Route("/api/me", lambda _: JSONResponse(OPERATOR)),
                Route("/api/refusals", lambda _: JSONResponse(self.refusals)),
                Route("/api/commands", lambda _: JSONResponse({"commands": self.commands})),
                Route("/api/devices/{device}", self._device),
                Route("/api/devices/{device}/window", self._window),
                Route("/api/devices/{device}/forecast", lambda _: JSONResponse({"now_ms": 0, "series": []})),
                Route("/api/{path:path}", self._answer),
                Route("/tiles/city.pmtiles", self._tiles),
                Route("/{path:path}", self._file),
            ]
        )

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            async def with_policy(message: Any) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message["headers"], (b"content-security-policy", CSP.encode())]
                    message["headers"].append((b"x-content-type-options", b"nosniff"))
                await send(message)

            await app(scope, receive, with_policy)

        return guarded

    async def _place(self, request: Request) -> Response:
        if self.status != 200:
            return JSONResponse({"status": self.status}, self.status)
        return JSONResponse(self.place_answer())

    async def _answer(self, request: Request) -> Response:
        told = self.answers.get(request.path_params["path"])
        if told is None:
            return JSONResponse({"status": 404}, 404)
        return JSONResponse(told(dict(request.query_params)) if callable(told) else told)

    async def _live(self, request: Request) -> Response:
        if self.status != 200:
            return JSONResponse({"status": self.status}, self.status)
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(1000)
        for event, data in self.greeting:
            queue.put_nowait(f"event: {event}\ndata: {json.dumps(data)}\n\n".encode())
        self._listeners.add(queue)

        async def events() -> AsyncIterator[bytes]:
            try:
                yield b": hello\n\n"
                while (text := await queue.get()) is not None:
                    yield text
            finally:
                self._listeners.discard(queue)

        return StreamingResponse(events(), media_type="text/event-stream", headers={"cache-control": "no-store"})

    async def _chain(self, request: Request) -> Response:
        graph, fold = flow_graph(self.place), request.query_params.get("fold", "")
        of = parties_of(self.place, graph)
        parties = set(of.values()) if fold == "*" else set(fold.split(",")) - {""}
        told = chain_view(layout(folded(self.place, graph, parties)), of | {f"party:{one}": one for one in parties})
        return Response(_json(told), media_type=_JSON)

    async def _reach(self, request: Request) -> Response:
        query = msgspec.convert(dict(request.query_params), ReachQuery)
        return Response(_json(report_on(self.reach, query)), media_type=_JSON)

    async def _reason(self, request: Request) -> Response:
        query = msgspec.convert(dict(request.query_params), ReasonQuery)
        return Response(_json(reason_of(self.reach, query)), media_type=_JSON)

    async def _device(self, request: Request) -> Response:
        unit = self._unit(request)
        return JSONResponse(self.device_answer(unit)) if unit else JSONResponse({"status": 404}, 404)

    async def _window(self, request: Request) -> Response:
        unit = self._unit(request)
        if unit is None:
            return JSONResponse({"status": 404}, 404)
        since, until = int(request.query_params["since_ms"]), int(request.query_params["until_ms"])
        series = [
            {
                "property": p,
                "unit": PROPERTIES[p].unit,
                "points": [[at, self._wobble(unit, p, at)] for at in range(since, until, 600_000)],
            }
            for p in self.place.device_models[unit.model].properties
        ]
        return JSONResponse({"since_ms": since, "until_ms": until, "series": series})

    def _wobble(self, unit: Unit, prop: str, at_ms: int) -> float:
        value = self.reading(unit, prop, at_ms)
        if prop == "lamp-level":
            return value
        noise = (at_ms // 600_000 * 7919 + len(unit.id) * 31) % 101 / 101 - 0.5
        return round(value * (1 + 0.12 * noise), 2)

    async def _file(self, request: Request) -> Response:
        path = (BUILT / (request.path_params.get("path") or "index.html")).resolve()
        found = path.is_relative_to(BUILT) and path.is_file()
        return _part(path, request) if found else JSONResponse({"status": 404}, 404)

    async def _tiles(self, request: Request) -> Response:
        return _part(self.tiles, request) if self.tiles else JSONResponse({"status": 404}, 404)

    def _unit(self, request: Request) -> Unit | None:
        at = self.registry.unit_index.get(request.path_params["device"])
        return None if at is None else self.registry.units[at]

    def _serve(self) -> None:
        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            await self._server.serve(sockets=[self._socket])

        asyncio.run(main())

    def _put(self, text: bytes | None) -> None:
        def everywhere() -> None:
            for queue in self._listeners:
                queue.put_nowait(text)

        if self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(everywhere)


def _part(path: Path, request: Request) -> Response:
    """A file, or the one range asked for: read whole, since a page that goes away in the middle leaves an open file behind."""
    data = path.read_bytes()
    span = parse_range(request.headers.get("range"), len(data))
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if span is None:
        return Response(data, media_type=kind, headers={"accept-ranges": "bytes"})
    start, stop = span
    held = {"content-range": f"bytes {start}-{stop - 1}/{len(data)}"}
    return Response(data[start:stop], 206, media_type=kind, headers=held)


QUIET_WATCH = {"incidents": [], "counts": {}, "standings": [], "detectors": 28, "now": DUSK_MS * 1000}
_JSON = "application/json"
_json = msgspec.json.encode
_USUAL = {
    "air-temperature": (4, 14),
    "dew-point": (2, 8),
    "relative-humidity": (62, 96),
    "air-pressure": (1002, 1018),
    "rain": (0, 2.5),
    "wind-speed": (2, 11),
    "pm2-5": (6, 34),
    "pm10": (12, 58),
    "so2": (2, 14),
    "no2": (9, 61),
    "co": (180, 900),
    "o3": (20, 74),
    "illuminance": (0, 21_000),
    "sound-level": (41, 74),
    "vehicle-speed": (8, 27),
    "pedestrian-count": (40, 1900),
    "parking-occupied": (60, 480),
    "fill-level": (10, 88),
    "water-level": (-1.2, 1.6),
    "lamp-power": (0, 96),
    "battery-level": (71, 99),
}
