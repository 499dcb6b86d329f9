"""What the declaration gives to whom, and what of it changed since the city was started last.

Each right is one line of three words: who, what they may do, to what. The steward keeps those of a start beside the city's file,
and tells the watch at the next one which were given and which were taken, and so which party may do more than yesterday: a
declaration is a file that somebody edits.

INVARIANT: at most `MOST_TOLD` changes are told one by one, the others by their number.

Fails when: the file of the last start is lost or was changed; then nothing is known of before, and nothing is told but that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import structlog

from cityward.compose.files import writing
from cityward.place.model import Place
from cityward.watch.events import Event, EventKind, cut

log = structlog.get_logger(__name__)

FILE = "rights.json"
MOST_TOLD = 256
CREDENTIAL = "credential"

Right = tuple[str, str, str]
"""Who (`party:<id>`), what (a mode, `receive`, a right of a role, `key`), to what."""


def rights_of(place: Place) -> frozenset[Right]:
    """All that parties may do by the declaration: accesses, roles, keys they hold, and what they receive."""
    return frozenset(_rights(place))


def _rights(place: Place) -> Iterator[Right]:
    for access in place.accesses.values():
        for mode in access.modes:
            yield f"party:{access.party}", mode, access.target
    for name, role in place.roles.items():
        for right in role.rights:
            yield f"party:{role.party}", f"role {right.value}", name
    for name, recipient in place.recipients.items():
        yield f"party:{recipient.party}", f"recipient by {recipient.by}", name
    for key in place.keys.values():
        for thing in key.protects:
            yield f"party:{key.holder}", f"key {key.kind}", thing
    for flow in place.flows.values():
        if flow.to in place.parties:
            for dataset in flow.datasets:
                yield f"party:{flow.to}", "receive", dataset


def right_events(root: Path, now: frozenset[Right], at: int, record: str = "") -> Sequence[Event]:
    """What was given and taken since the last start; then this start's rights are the ones on file.

    Raises:
        LinkError: the file cannot be written.
    """
    path = root / FILE
    before = _kept(path)
    _keep(path, now)
    if before is None:
        return ()
    changed = [*((right, "yes") for right in sorted(now - before)), *((right, "no") for right in sorted(before - now))]
    told = [_event(right, given, at, record) for right, given in changed[:MOST_TOLD]]
    if len(changed) > MOST_TOLD:
        detail = {"what": "(others)", "given": "yes", "count": str(len(changed) - MOST_TOLD)}
        told.append(Event(at=at, kind=EventKind.PRIVILEGE, by="steward", subject="party:(others)", detail=detail))
    return told


def _event(right: Right, given: str, at: int, record: str) -> Event:
    who, what, to = right
    detail = {"what": cut(what), "to": cut(to), "given": given, "who": "declaration"}
    return Event(at=at, kind=EventKind.PRIVILEGE, by="steward", subject=cut(who), detail=detail, record=record)


def credential_event(device: str, who: str, at: int, by: str, record: str) -> Event:
    """Somebody was given what a device proves itself with: whoever has it may speak as the device."""
    detail = {"what": CREDENTIAL, "to": device, "given": "yes", "who": cut(who)}
    return Event(at=at, kind=EventKind.PRIVILEGE, by=by, subject=device, detail=detail, record=record)


def _kept(path: Path) -> frozenset[Right] | None:
    try:
        return frozenset(msgspec.json.decode(path.read_bytes(), type=list[Right]))
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        log.warning("what the last start gave to whom cannot be read", why=type(error).__name__)
        return None


def _keep(path: Path, rights: frozenset[Right]) -> None:
    draft = path.with_suffix(".new")
    with writing(draft):
        draft.touch(mode=0o600)
        draft.write_bytes(msgspec.json.encode(sorted(rights)))
        draft.replace(path)
