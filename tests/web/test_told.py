"""What the door tells the watch of people: how they came in, and how much they read; never what."""

from __future__ import annotations

from cityward.watch.events import Event, EventKind
from web.house import house, opened


class Heard:
    """An event sink that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(self, event: Event) -> None:
        self.events.append(event)


def test_a_sign_in_a_failed_one_and_a_read_are_told_with_who_from_where_and_how_much() -> None:
    heard = Heard()
    with opened(house(events=heard)) as door, door.stranger() as browser:
        token = door.link()
        headers = {"origin": door.url}
        assert browser.post("/sign-in", data={"token": token}, headers=headers).status_code == 303
        assert browser.post("/sign-in", data={"token": token}, headers=headers).status_code == 403
        window = browser.get("/api/devices/counter-1/window").json()
        rows = sum(len(one["points"]) for one in window["series"]) if "series" in window else 99
    came, failed, read = heard.events
    assert (came.kind, came.subject, came.source) == (EventKind.SIGN_IN, "person:operator", "127.0.0.1")
    assert (failed.kind, failed.subject, failed.detail) == (EventKind.SIGN_IN_FAILED, "", {"why": "unknown-link"})
    assert (read.kind, read.subject) == (EventKind.READ, "person:operator")
    assert read.detail == {"what": "window", "rows": str(rows), "devices": "1"}
    assert not any(token in str(event) for event in heard.events)  # SECURITY: no secret goes to the watch


def test_who_opens_devices_and_asks_who_reaches_what_is_told_and_put_on_record() -> None:
    heard = Heard()
    with opened(house(events=heard)) as door, door.client() as person:
        assert person.get("/api/devices/counter-1").status_code == 200
        report = person.get("/api/reach", params={"about": "party", "id": "council"}).json()
    opened_, asked = (event for event in heard.events if event.kind is EventKind.READ)
    assert (opened_.detail["what"], opened_.detail["devices"]) == ("device", "1")
    assert asked.detail == {"what": "reach", "rows": str(len(report["rows"])), "devices": "1"}
