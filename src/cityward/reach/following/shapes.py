"""What is told of one datum's way. No reasoning here (`way`, `ends`). Times `_ms` and `_us` are city time since 1970 UTC."""

from __future__ import annotations

from typing import Literal

import msgspec

Carries = Literal["itself", "possibly", "made of it"]
Known = Literal["proven", "declared", "not observable", "withheld"]


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """What stands at an end of a hop. `land`: the code of the jurisdiction its party is incorporated in; `stands_in`: of the
    site. Each may be `unknown`; "" where there is none (a party stands nowhere)."""

    id: str
    name: str
    kind: Literal["device", "system", "party"]
    party: str
    party_name: str
    land: str
    land_name: str
    stands_in: str
    ours: bool  # of the responsible party


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset on a hop, and how long it is to be kept; None where nobody has said."""

    dataset: str
    name: str
    days: int | None
    personal: bool


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the evidence. `command` shows it."""

    id: str
    at_ms: int
    words: str
    command: str


class Hop(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """One flow on the way. `at_ms`: when the datum took it, as far as that is on record."""

    step: int
    flow: str
    title: str
    from_: Stop
    to: Stop
    carries: Carries
    datasets: tuple[Kept, ...]
    purpose: str
    protocol: str
    protection: str
    observability: str
    agreement: str
    where: str
    known: Known
    why: str
    at_ms: int | None = None
    entries: tuple[Entry, ...] = ()
    entries_more: int = 0


class Last(msgspec.Struct, frozen=True, kw_only=True):
    """A last recipient, and what is not seen behind it."""

    stop: Stop
    flows: tuple[str, ...]
    known: Known
    behind: str


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """The way of one datum. Hops nearest first. `sentence` is the answer in one; `sight` says where the city's sight ends."""

    device: str
    property: str
    observed_at_ms: int | None
    received_at_ms: int | None
    value: float | None
    hops: tuple[Hop, ...]
    last: tuple[Last, ...]
    sentence: str
    sight: str
    digest: str
    command: str


class OnRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that is about the datum. Of a reading admitted and a receipt `flow`, of a command the device in `to`.

    done: False where the entry says that it did not leave, or not yet.
    """

    entry: str
    at_us: int
    words: str
    flow: str = ""
    to: str = ""
    done: bool = True


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one datum. observed_at_us None: nothing of the property is held at that moment."""

    observed_at_us: int | None = None
    received_at_us: int | None = None
    value: float | None = None
    entry_flow: str = ""  # by which it came in
    unfound: str = ""  # why the entry by which it was admitted is not told
    records: tuple[OnRecord, ...] = ()
