"""The recipients that the demonstration plays where its street is simulated: added by itself, keys kept as devices' are.

Played is who is declared to ask or listen from this machine by a key. Nobody else: whose declared endpoint or address is
elsewhere stays not added, and nothing that is declared is changed for the demonstration.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import structlog

from cityward.adapters.keys.private import read_private, write_private
from cityward.adapters.street.recipients import PlayedRecipient
from cityward.compose.outgoing.recipients import Asked, begin_played
from cityward.compose.setting import Setting
from cityward.errors import CitywardError, LinkError
from cityward.place.model import Place
from cityward.place.release import Recipient
from cityward.policy.origins import NOWHERE, origins_of

BY = "simulated street"
HERE = "127.0.0.1"
AGAIN_S = 2.0

log = structlog.get_logger(__name__)


def playable(place: Place) -> Sequence[str]:
    """Who can be played honestly: asks or listens by a key, from an address that is this machine's."""
    return [name for name, one in place.recipients.items() if _is_playable(one)]


def _is_playable(one: Recipient) -> bool:
    return one.by in ("query", "live") and one.sign_in == "key" and origins_of(one).find(HERE) != NOWHERE


def add_played(setting: Setting) -> Sequence[PlayedRecipient]:
    """Add those that were never added, and give all that are ours to play. What a person added or revoked stays so.

    Raises:
        CitywardError: a store or the ledger did not answer.
    """
    rows, out = setting.state.recipients.recipients(), list[PlayedRecipient]()
    for name in playable(setting.loaded.place):
        row, path = rows.get(name), _file(setting, name)
        asked = Asked(setting.home.root, name, BY)
        if row is not None and (row.state != "active" or row.by != BY):
            continue
        if row is None or read_private(path) is None:  # an end between the two leaves one that nobody holds the key of
            write_private(path, begin_played(asked).encode())
        out.append(_played(setting, name))
    return out


async def added_in_time(setting: Setting, stop: asyncio.Event) -> Sequence[PlayedRecipient]:
    """The same, again and again until the stores answer."""
    while not stop.is_set():
        try:
            return await asyncio.to_thread(add_played, setting)
        except CitywardError as error:
            log.warning("the demonstration's recipients are not added yet", why=error.what)
            await asyncio.sleep(AGAIN_S)
    return ()


def _file(setting: Setting, name: str) -> Path:
    return setting.home.recipient_secrets / f"{name}.key"


def _key(path: Path) -> str:
    key = read_private(path)
    if key is None:
        raise LinkError("the key of a played recipient is not here", where=str(path))
    return key.decode("ascii", "replace")


def _played(setting: Setting, name: str) -> PlayedRecipient:
    place = setting.loaded.place
    flows = [place.flows[flow] for flow in place.recipients[name].flows]
    lanes = tuple((dataset, flow.purpose) for flow in flows for dataset in flow.datasets if _has_rows(place, dataset))
    held = {purpose for _, purpose in lanes}
    other = next((purpose for purpose in sorted(place.purposes) if purpose not in held), None)
    wrong = (lanes[0][0], other) if lanes and other else None
    return PlayedRecipient(name, place.recipients[name].by, lanes, wrong, partial(_key, _file(setting, name)))


def _has_rows(place: Place, dataset: str) -> bool:
    return bool(place.datasets[dataset].properties)
