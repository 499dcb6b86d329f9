"""What an exercise does to its twin, as data; `compose/exercising` carries it out through the front doors.

Times are city seconds after the exercise began. A step has a key, by which musts speak of it and its answer. Whoever acts is
named by who they are in the declaration, or by what they pretend to be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Credential(StrEnum):
    """With what a sender proves who it is."""

    OWN = "own"
    NONE = "none"
    GUESSED = "guessed"  # a wrong one, made up
    DEFAULT = "default"  # what makers ship: admin/admin, 1234
    REVOKED = "revoked"  # was its own, until somebody took it


class Door(StrEnum):
    """By which front door a message comes."""

    MQTT = "mqtt"
    HTTP = "http"


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """One message, or `copies` of it, `spread_s` city seconds from first to last.

    unit: who it says it is (or a system that speaks for devices). topic: None: where the unit's readings belong; by HTTP the path
    (`/v1/observations`). body: as it goes over the wire; `{at}` in it is put for the sending's city time (POSIX seconds), `{iso}`
    for the same as text, `{at-3600}` and `{iso+60}` for so many seconds from then, `{n}` for the number of the copy from 0: a
    plan needs no clock.
    """

    key: str
    at_s: float
    unit: str
    body: bytes
    topic: str | None = None
    door: Door = Door.MQTT
    credential: Credential = Credential.OWN
    copies: int = 1
    spread_s: float = 0.0
    client: str = ""  # another connection than the unit's own, by name; "" the unit's own
    address: str = (
        ""  # another loopback address of this machine, such as 127.0.0.66, from which it comes (Linux); "" the usual
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request at the web door. who: a persona of the plan, a recipient (`recipient:planner`), or "" for nobody.

    copies: the same again and again, `spread_s` from first to last; the answer that is kept is the last one, and how many there
    were of each status. address: from where it seems to come (the twin's door trusts the exercise as its proxy).
    """

    key: str
    at_s: float
    who: str
    method: str
    path: str
    query: Mapping[str, str] | None = None
    body: bytes = b""
    address: str = ""
    copies: int = 1
    spread_s: float = 0.0


class Deed(StrEnum):
    """What the people of the city do, by the same functions as the command line."""

    CONTAIN = "contain"  # target, minutes
    LIFT = "lift"  # the key of a contain step, as `of`
    DEVICE = "device"  # unit, to: revoked | lost | stolen | retired
    POSTURE = "posture"  # posture, state: on | off
    GRANT = "grant"  # persona, role, minutes
    TAKE = "take"  # persona, role
    RECIPIENT = "recipient"  # recipient, to: revoked
    DECLARE = "declare"  # overlay: a fragment of a declaration laid over the twin's; begun when it runs again
    END = "end"  # process: one of the twin's, ended without warning; it is started again by its supervisor
    HOLD = "hold"  # process: stopped (not ended) until a `let-go`
    LET_GO = "let-go"  # process
    FILL = "fill"  # cannot be carried out on a machine that others share: answered 501
    SILENCE = (
        "silence"  # of: units or device groups, comma-separated: the exercise's street says nothing of them any more
    )
    SPEAK = "speak"  # of: the same, until now silent
    FLOW_LOG = "flow-log"  # line: one line of a firewall's log (CSV, as `cityward run --network-log` reads it)


@dataclass(frozen=True, slots=True, kw_only=True)
class Do:
    """One deed. By whom: a persona, where the deed is a person's. Where it needs a second person: `said["second"]`, a persona.

    Its answer's status: 200 done, 409 refused (the body says why), 501 not to be had. `minutes` are the city's.
    """

    key: str
    at_s: float
    deed: Deed
    by: str = ""
    said: Mapping[str, str] | None = None  # the deed's arguments, as listed with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """Somebody with an account in the twin. roles: declared roles that are held from the beginning."""

    name: str
    party: str
    roles: tuple[str, ...] = ()
    address: str = ""  # from where; "" where the city's own people sit


Step = Send | Ask | Do
