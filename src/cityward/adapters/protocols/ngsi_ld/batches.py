"""`entityOperations/upsert`: an array of entities, taken apart into the bytes that go to the log, one message each.

Only what must be known to route a message is judged here: the array, the rule about contexts, and each entity's id. The
entities' own faults are for the codec and the gate, so that they are counted like everybody else's.

SECURITY: a context is never fetched. Terms are the model's keys as they stand; whoever maps them to other IRIs is misread by
nobody, since the id and the declaration decide what an attribute is.
SPEC: ETSI GS CIM 009 V1.8.1 6.3.5 (@context by content type), 6.15 (batch upsert), 5.5.2 (errors).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import msgspec

from cityward.adapters.protocols.ngsi_ld.identity import device_of
from cityward.adapters.protocols.strict_json import parse
from cityward.errors import DecodeError

MAX_BATCH_BYTES = 4 * 1_048_576
MAX_ENTITIES = 1000

JSON = "application/json"
JSON_LD = "application/ld+json"

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"

_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Problem:
    """An RFC 9457 problem. `type` is one of the ETSI error URIs."""

    status: int
    type: str
    title: str
    detail: str


@dataclass(frozen=True, slots=True)
class Part:
    """One entity of the batch: `body` is its own bytes, exactly as sent. `device` is who its id names, declared or not."""

    entity: str
    device: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Misfit:
    """One entity that names no device or is not JSON: it cannot be routed. `entity` is empty where there is no id."""

    entity: str
    problem: Problem


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch was made of, in order. For the answer 207: `misfits` are its `errors`."""

    parts: tuple[Part, ...]
    misfits: tuple[Misfit, ...]


def split_batch(body: bytes, content_type: str) -> Batch | Problem:
    """The entities of one upsert. `content_type` without parameters; anything but the two JSON types is refused (415)."""
    if content_type not in (JSON, JSON_LD):
        return _problem(415, "InvalidRequest", f"send {JSON} or {JSON_LD}")
    if len(body) > MAX_BATCH_BYTES:
        return _problem(413, "InvalidRequest", f"a batch has at most {MAX_BATCH_BYTES} bytes")
    try:
        raws = _ARRAY.decode(body)
    except msgspec.ValidationError:
        return _problem(400, "BadRequestData", "a batch is an array of entities")
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return _problem(400, "InvalidRequest", "the body is not JSON")
    if not 0 < len(raws) <= MAX_ENTITIES:
        return _problem(400, "BadRequestData", f"a batch has 1 to {MAX_ENTITIES} entities")
    found = [_part(bytes(raw), content_type) for raw in raws]
    return Batch(
        parts=tuple(one for one in found if isinstance(one, Part)),
        misfits=tuple(one for one in found if isinstance(one, Misfit)),
    )


def _part(body: bytes, content_type: str) -> Part | Misfit:
    try:
        value = parse(body)
    except DecodeError as error:
        return Misfit("", _problem(400, "InvalidRequest", error.what))
    if not isinstance(value, dict):
        return Misfit("", _problem(400, "BadRequestData", "an entity is an object"))
    members = cast("dict[str, object]", value)
    entity = members.get("id")
    if not isinstance(entity, str) or len(entity) > 256:
        return Misfit("", _problem(400, "BadRequestData", "an entity has an id, which is a URI"))
    if ("@context" in members) != (content_type == JSON_LD):
        return Misfit(
            entity, _problem(400, "BadRequestData", f"{JSON_LD} has an @context in the body, {JSON} has none")
        )
    device = device_of(entity)
    if device is None:
        return Misfit(entity, _problem(400, "BadRequestData", "an id is urn:ngsi-ld:<Type>:<device>"))
    return Part(entity, device, body)


def _problem(status: int, kind: str, detail: str) -> Problem:
    return Problem(status, ERRORS + kind, kind, detail)
