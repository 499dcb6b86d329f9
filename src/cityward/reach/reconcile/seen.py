"""What was seen, whoever saw it: one struct for the gate's counts, a device's identity, a console session, a line of a firewall.

INVARIANT: neutral. An observer says what it saw in its own words (addresses, names, ports); what that means is decided elsewhere.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

Count = Annotated[int, Meta(ge=0)]


class SeenKind(StrEnum):
    """What was seen."""

    FLOW = "flow"  # something moved, or was tried, between two ends
    IDENTITY = "identity"  # somebody proved, or claimed, to be the source
    SESSION = "session"  # a person's way in: a console, a remote desktop


class Seen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same thing seen `count` times. Times are us since 1970 UTC; None where the observer has none.

    `source` opened it, `destination` answered; each is an address, a DNS name or a declared id, empty where the observer could
    not tell. `flow` is the declared flow where the observer knows it (the gate does), empty where it knows that there is none.
    """

    kind: SeenKind
    source: str
    destination: str
    protocol: str = ""  # what was spoken, where the observer looked: mqtt, http, ssl, ssh
    transport: str = ""  # tcp, udp, icmp
    port: Annotated[int, Meta(ge=0, le=65_535)] | None = None  # of the destination
    flow: str | None = None
    dataset: str | None = None
    first_us: int | None = None
    last_us: int | None = None
    count: Count = 1
    bytes: Count | None = None  # from source to destination
    bytes_back: Count | None = None
    refused: str = ""  # why it did not get through: a gate's reason, a firewall's word
    where_from: str  # `file:line`, `ledger entry`, `state database`


class Given(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who looked, from when on, and what they saw and had no room for. What nobody could have seen is not called silent."""

    city: str = ""  # the state directory of the running city; empty: none was asked
    logs: tuple[str, ...] = ()
    since_us: int | None = None
    beyond: Count = 0  # lines with a declared end, of which nothing but their number is known
