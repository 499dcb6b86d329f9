"""The door for network servers: LoRaWAN uplinks and events as ChirpStack 4 and The Things Stack 3 post them.

A network server has a key of its own and `speaks_for` the devices it hears: each message goes into the log in the name of the
device whose EUI it carries, as if the device had sent it, and is judged there. What is no uplink (a join, a failed integrity
check, a counter that began anew) is told to the watch.

INVARIANTS
- A network server speaks for the devices declared under it, and for no other: the EUI is looked up among theirs alone.
- It answers fast and holds nothing: ChirpStack waits five seconds, and sends nothing twice.

SPEC: ChirpStack v4 HTTP integration (`?event=`); The Things Stack v3 webhooks. Both leave out what is empty or 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from cityward.place.registry import Unit
from cityward.watch.events import Event, EventKind, cut
from cityward.web.api.observations import Accepted, take_in
from cityward.web.identity import DEVICE
from cityward.web.problems import Problem
from cityward.web.routes import JSON, Call, route

MOST_BODY = 256 * 1024  # PRECEDENT: an uplink heard by a dozen gateways is 8 kB

T = TypeVar("T")

Eui = Annotated[str, Meta(pattern=r"^[0-9A-Fa-f]{16}$")]


class EventQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """ChirpStack says in the address what it sends; The Things Stack says it in the body."""

    event: Annotated[str, Meta(max_length=32)] = "up"


class _DeviceInfo(msgspec.Struct, frozen=True, rename="camel"):
    dev_eui: Eui


class ChirpStack(msgspec.Struct, frozen=True, rename="camel"):
    """What is looked at of ChirpStack's events; uplinks are read by their codec."""

    device_info: _DeviceInfo
    dev_addr: str = ""
    code: str = ""
    level: str = ""
    description: str = ""
    acknowledged: bool = False
    margin: int = 0


class _Ids(msgspec.Struct, frozen=True):
    dev_eui: Eui
    dev_addr: str = ""


class ThingsStack(msgspec.Struct, frozen=True):
    """What is looked at of The Things Stack's messages: which of its members is there says what it is."""

    end_device_ids: _Ids
    uplink_message: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    join_accept: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_CHIRPSTACK = msgspec.json.Decoder(ChirpStack)
_THINGS_STACK = msgspec.json.Decoder(ThingsStack)

_LOGGED = {
    "UPLINK_MIC": "bad-integrity",
    "UPLINK_F_CNT_RESET": "counter-reset",
    "UPLINK_F_CNT_RETRANSMISSION": "retransmission",
    "OTAA": "join-refused",
}
"""SPEC: ChirpStack `LogCode`; the others tell of the network server's own settings."""


@route(
    "POST",
    "/v1/lorawan",
    summary="Send what a LoRaWAN network server heard of a device",
    scopes={DEVICE},
    query=EventQuery,
    media=(JSON,),
    limit=MOST_BODY,
    answer=Accepted,
    status=202,
)
async def lorawan(call: Call[EventQuery]) -> object:
    if b'"end_device_ids"' in call.body:
        return await _things_stack(call)
    said = _read(_CHIRPSTACK, call.body)
    unit = _device(call, said.device_info.dev_eui)
    if call.query.event == "up":
        return await take_in(call.desk, unit, "lorawan", [call.body])
    what = _LOGGED.get(said.code, "") if call.query.event == "log" else call.query.event
    _tell(call, unit, what, {"session": said.dev_addr.lower(), "text": said.description})
    return Accepted(accepted=0, first_seq=0, last_seq=0)


async def _things_stack(call: Call[EventQuery]) -> object:
    said = _read(_THINGS_STACK, call.body)
    unit = _device(call, said.end_device_ids.dev_eui)
    if said.uplink_message is not msgspec.UNSET:
        return await take_in(call.desk, unit, "lorawan", [call.body])
    if said.join_accept is not msgspec.UNSET:
        _tell(call, unit, "join", {"session": said.end_device_ids.dev_addr.lower()})
    return Accepted(accepted=0, first_seq=0, last_seq=0)


def _read(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Problem(400, "bad-json", f"no message of a network server: {error}") from error


def _device(call: Call[EventQuery], eui: str) -> Unit:
    return call.desk.speakers.with_eui(call.caller.id if call.caller else "", eui.lower())


def _tell(call: Call[EventQuery], unit: Unit, what: str, detail: Mapping[str, str]) -> None:
    doors = call.desk.doors
    if doors.events is None or not what:
        return
    said = {name: cut(text) for name, text in detail.items() if text}
    by = cut(call.caller.id if call.caller else "")
    event = Event(
        at=doors.city_now_us(),
        kind=EventKind.RADIO,
        by="web",
        subject=unit.id,
        detail={"what": cut(what), "network": by} | said,
    )
    doors.events.tell(event)


ROUTES = (lorawan,)
