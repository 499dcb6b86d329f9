"""Who co-signs the city's evidence: witnesses, run by other parties on other machines."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from cityward.ids import Id
from cityward.place.record import Record

WITNESSES_MOST = 16


class Witness(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another party that co-signs the city's checkpoints, over a declared flow (C2SP tlog-witness).

    It sees sizes and hashes of the ledgers, not what stands in them. endpoint: its `https://` address, to which `/add-checkpoint`
    is added. key: its public key, as it gave it: `name+hash+base64`. every_s: how often it is asked. A witness that does not
    answer is counted and told; it never stops a service.
    """

    flow: Id
    endpoint: Annotated[str, Meta(min_length=8, max_length=512)]
    key: Annotated[str, Meta(min_length=16, max_length=512)]
    every_s: Annotated[int, Meta(ge=1, le=86_400)] = 60
