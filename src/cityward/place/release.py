"""How data leaves: in which form, to which recipients, and under which tighter rules in a crisis.

Does not live here: credentials of recipients (`cityward recipient add` issues them), the decision (`policy`), the gate
(`guard.release`).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from cityward.ids import Id
from cityward.place.addresses import AddressText
from cityward.place.record import Record, Unknown

ReleaseField = Literal["device", "property", "value", "unit", "observed_at", "area", "longitude", "latitude"]
"""What a released reading may tell, in this order."""


class Aggregate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cells instead of readings: one row for each property, area and period, told only when `least` devices or more are in it.

    Cells are the same for every recipient and question (they begin at multiples of the period), so that two questions never
    differ by one device. Periods, and steps of time and place, go to the next of a ladder, on which each divides the next
    (`guard.ladder`): two hours are three, a month is eight weeks.
    """

    least: Annotated[int, Meta(ge=2, le=10_000)] = 5
    period_s: Annotated[int, Meta(ge=60, le=31 * 86_400)] = 3600


class Form(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The least revealing form that serves a purpose. Of several that apply, the strictest of each field holds.

    coarsen_place_m: positions are told as the middle of a square this wide. pseudonymise: devices are told by a name that only
    this recipient sees, and that changes every `rotate_days`. delay_s: nothing younger leaves. watermark: which recipient a
    copy came from can be told from the copy.
    """

    aggregate: Aggregate | None = None
    coarsen_time_s: Annotated[int, Meta(ge=0, le=31 * 86_400)] = 0
    coarsen_place_m: Annotated[int, Meta(ge=0, le=100_000)] = 0
    pseudonymise: bool = False
    rotate_days: Annotated[int, Meta(ge=1, le=366)] = 30
    delay_s: Annotated[int, Meta(ge=0, le=366 * 86_400)] = 0
    drop: tuple[ReleaseField, ...] = ()
    watermark: bool = False


class Recipient(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody outside who receives data, by one way. What, for what and under which agreement is said by its `flows`.

    by: `query` (it asks over HTTP), `live` (it subscribes to its own subject), `webhook` (we call it), `export` (we put files
    where it says). endpoint: of webhook (`https://`) and export (`s3://bucket/prefix`, `sftp://user@host/path`). store: of an
    S3-compatible store, its `https://` address. addresses: from where it asks, or where its endpoint is: nothing else is
    answered or called. sign_in: how it proves itself when it asks. rows_per_day: more are refused until the next day.
    queue: rows that wait for it at most; older ones are shed, counted.
    """

    party: Id
    flows: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=64)]
    by: Literal["query", "live", "webhook", "export"]
    endpoint: Annotated[str, Meta(max_length=512)] = ""
    store: Annotated[str, Meta(max_length=512)] = ""
    addresses: Annotated[tuple[AddressText, ...], Meta(min_length=1, max_length=64)]
    jurisdiction: Id | Unknown  # where those addresses are
    sign_in: Literal["key", "certificate", "oidc"] = "key"
    issuer: Annotated[str, Meta(max_length=512)] = ""  # of `oidc`: its address
    client: Annotated[str, Meta(max_length=254)] = ""  # of `oidc`: the client's id there
    form: Id | None = None
    rows_per_day: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 1_000_000
    queue: Annotated[int, Meta(ge=1, le=10_000_000)] = 100_000
    every: Literal["hour", "day"] = "day"  # of an export
    format: Literal["parquet", "csv"] = "parquet"  # of an export


class Posture(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tighter set of rules, agreed on before it is needed ("crisis"). It takes; it never gives.

    areas: where it holds; empty: everywhere. stop_*: what does not leave while it holds. form: what everything that still leaves
    is held to at least. by: the roles that may switch it on and off. two_person: a second person of these roles must agree.
    """

    areas: tuple[Id, ...] = ()
    stop_datasets: tuple[Id, ...] = ()
    stop_parties: tuple[Id, ...] = ()
    stop_jurisdictions: tuple[Id, ...] = ()  # recipients that these have power over, certainly or possibly
    stop_purposes: tuple[Id, ...] = ()
    stop_sensitivity: tuple[Literal["public", "internal", "restricted", "secret"], ...] = ()
    form: Id | None = None
    by: Annotated[tuple[Id, ...], Meta(min_length=1)]
    two_person: bool = False
    longest_hours: Annotated[float, Meta(gt=0, le=24 * 92)] = 168.0
