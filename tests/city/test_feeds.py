"""A running town fetches its buses' feed: what is believed is held and becomes readings, a replay and a moved bus do not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cityward.adapters.stores.documents import FeedRow
from cityward.adapters.stores.state import SqlState
from cityward.compose.home import Home
from cityward.transit.decoding import decode
from hearing import until
from towns import running_town, write_town
from transits import body, vehicle, zipped

SYSTEM = """systems:
  operator: {kind: vendor-cloud, site: hall, operator: council, addresses: [127.0.0.1/32]}
"""
DATASETS = """datasets:
  fleet: {personal: false, sensitivity: public, retention_days: 30, properties: [position-longitude, position-latitude]}
"""
MODEL = """device_models:
  bus:
    maker: council
    format: gtfs-rt
    properties: {position-longitude: {}, position-latitude: {}}
"""
DEVICE = """devices:
  bus-one: {model: bus, site: hall, owner: council}
"""
FLOWS = """flows:
  bus-positions:
    {from: bus-one, to: cityward, datasets: [fleet], purpose: environment, protocol: gtfs-realtime, observability: enforced,
     protection: none}
  bus-plan:
    {from: operator, to: cityward, datasets: [fleet], purpose: environment, protocol: gtfs, observability: enforced,
     feed: {file: plan.zip, every_s: 1}}
  bus-feed:
    {from: operator, to: cityward, datasets: [fleet], purpose: environment, protocol: gtfs-realtime, observability: enforced,
     feed: {url: "http://127.0.0.1:PORT/feed.pb", every_s: 1, timetable: bus-plan, vehicles: {bus-one: b1}}}
"""


class Operator:
    """Serves one body, and counts who asked with what."""

    def __init__(self) -> None:
        self.body, self.tags = b"", list[str | None]()
        operator = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                tag = f'"{hash(operator.body)}"'
                operator.tags.append(self.headers.get("If-None-Match"))
                same = self.headers.get("If-None-Match") == tag
                self.send_response(304 if same else 200)
                self.send_header("ETag", tag)
                self.send_header("Content-Length", "0" if same else str(len(operator.body)))
                self.end_headers()
                self.wfile.write(b"" if same else operator.body)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def shows(self, lon: float, at: int) -> None:
        bus = vehicle(lon, name="b1", timestamp=at, trip={"routeId": "r1"})
        ghost = vehicle(lon, name="b2", timestamp=at, trip={"tripId": "ghost"}, entity="g")
        self.body = body(bus, ghost, timestamp=at)


@contextmanager
def serving() -> Iterator[Operator]:
    operator = Operator()
    thread = threading.Thread(target=operator.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield operator
    finally:
        operator.server.shutdown()
        operator.server.server_close()
        thread.join()


def fed_town(folder: Path, port: int) -> Path:
    town = write_town(folder, 1)
    (town / "plan.zip").write_bytes(zipped())
    file = town / "place.yaml"
    text = file.read_text()
    for more in (SYSTEM, DATASETS, MODEL, DEVICE, FLOWS.replace("PORT", str(port))):
        head, _, rest = more.partition("\n")
        text = text.replace(f"\n{head}\n", f"\n{head}\n{rest}", 1)
    file.write_text(text)
    return town


def test_a_town_fetches_its_feed_and_holds_what_is_believed(tmp_path: Path) -> None:
    with serving() as operator:
        place = fed_town(tmp_path / "town", operator.server.server_port)
        now = int(time.time())
        operator.shows(2.01, now)
        with running_town(place, tmp_path / "state") as town:
            state = SqlState(Home(tmp_path / "state").state_url)

            def row(flow: str = "bus-feed") -> FeedRow:
                return state.feeds.rows().get(flow) or FeedRow(flow)

            def held(word: str, times: int = 1) -> Any:
                return lambda: row().counts.get(word, 0) >= times

            until(held("admitted"), "such a document")
            until(lambda: row("bus-plan").last == "admitted", "such a document")
            assert next(e.id for e in decode(row().body).entities) == "v"
            until(lambda: any(f["flow"] == "bus-positions" for f in town.counts()["flows"]), "readings of the bus")
            until(lambda: None in operator.tags and any(operator.tags), "such a document")

            operator.shows(2.0102, now + 10)
            until(held("admitted", 2), "such a document")
            operator.shows(2.01, now)  # replayed
            until(held("document:ran-back"), "such a document")
            operator.shows(2.055, now + 20)  # 2.9 km in ten seconds
            until(held("moved-too-far"), "such a document")
            assert held("unknown-trip")()
            until(lambda: [e.id for e in decode(row().body).entities] == [], "such a document")
            state.dispose()
