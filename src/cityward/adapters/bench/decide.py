"""The decision half of `cityward bench release`: one request, decided by the compiled table, cedarpy and casbin, in one run.

Made-up places of several sizes: each recipient is of a party of its own, over two flows of two datasets. The same requests go to
all three, half of them in order, the others for something else, from elsewhere or after the end of the term. Cedar is given the
rules as `cityward export cedar` writes them, parsed beforehand; casbin the rows that say yes, and a matcher that compares request
and row. Neither is asked for reasons or forms, which the table gives. Seconds are processor seconds of one core; medians of the
rounds.
"""

from __future__ import annotations

import gc
import importlib
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from statistics import median
from typing import Any

from cityward.adapters.bench.tables import Cell, Table
from cityward.place.data import Dataset, Flow, Observability
from cityward.place.model import Place
from cityward.place.parties import Agreement, Jurisdiction, Party, PartyKind
from cityward.place.release import Form, Recipient
from cityward.place.services import Purpose
from cityward.place.things import Site, System
from cityward.policy import table as compiled
from cityward.policy.cedar import SCHEMA, entities_of, policies_of, request_of
from cityward.policy.compile import compile_table
from cityward.policy.contract import Request, Standing
from cityward.reach.effective import lands_of

TODAY = date(2026, 6, 1)
NOON = 1_780_315_200_000_000  # of TODAY, UTC
YEAR = 366 * 86_400_000_000
SLOW = 400  # requests put to the engines, of those put to the table: they take a hundred times as long

Tell = Callable[[str], None]
Decide = Callable[[Request], bool]


@dataclass(frozen=True, slots=True)
class Measured:
    """One engine, one size. us: processor microseconds a decision; None: not installed. agreed: its answers with the table's."""

    recipients: int
    rows: int
    engine: str
    us: float | None
    asked: int
    agreed: int


def decide_table(
    recipients: Sequence[int] = (10, 100), *, requests: int = 20_000, rounds: int = 5, seed: int = 1, tell: Tell = print
) -> Table:
    """Decision latency as a table to print."""
    found = [row for size in recipients for row in measure_decide(size, requests, rounds, seed, tell)]
    own = {row.recipients: row.us for row in found if row.engine == "cityward"}
    rows = [_cells(row, own[row.recipients] or 0.0) for row in found]
    peers = [row for row in found if row.us is not None and row.engine != "cityward"]
    slowest = max((us for us in own.values() if us is not None), default=0.0)
    ratio = min(((row.us or 0.0) / (own[row.recipients] or 1.0) for row in peers), default=None)
    beside = f"; the nearest engine takes {ratio:,.0f} times as long" if ratio is not None else "; no engine beside it"
    return Table(
        title="Decisions: may this leave?",
        head=("recipients", "rows", "engine", "us a decision", "times cityward's", "asked", "agreed"),
        rows=tuple(rows),
        verdict=f"at most {slowest:.2f} us a decision{beside}",
        notes=("cedarpy and casbin say yes or no; the table gives reasons, grounds and form too",),
    )


def _cells(row: Measured, own: float) -> tuple[Cell, ...]:
    times = None if row.us is None else row.us / own
    return row.recipients, row.rows, row.engine, row.us, times, row.asked, row.agreed


def measure_decide(recipients: int, requests: int, rounds: int, seed: int, tell: Tell) -> list[Measured]:
    """The engines on one made-up place of so many recipients."""
    place = _place(recipients)
    standing = Standing(frozenset({"way-0"}), frozenset(), frozenset(), lands_of(place))
    table = compile_table(place, standing, TODAY)
    asked = _requests(recipients, requests, seed)
    some = asked[:SLOW]
    tell(f"{recipients:,} recipients: {table.sizes.rows:,} rows, {len(asked):,} requests")

    def allowed(request: Request) -> bool:
        return compiled.decide(request, table).allowed

    right = [allowed(request) for request in asked]
    found = [Measured(recipients, table.sizes.rows, "cityward", _own_us(asked, table, rounds), len(asked), len(asked))]
    for name, engine in (("cedarpy", _cedar(place, standing)), ("casbin", _casbin(table))):
        if engine is None:
            tell(f"SKIPPED: {name} is not installed (pip install {name})")
            found.append(Measured(recipients, table.sizes.rows, name, None, 0, 0))
            continue
        agreed = sum(engine(request) == answer for request, answer in zip(some, right, strict=False))
        found.append(Measured(recipients, table.sizes.rows, name, _us(some, engine, rounds), len(some), agreed))
    return found


def _own_us(requests: Sequence[Request], table: compiled.Table, rounds: int) -> float:
    def run() -> None:
        decide = compiled.decide
        for request in requests:
            decide(request, table)

    return _median_us(run, len(requests), rounds)


def _us(requests: Sequence[Request], decide: Decide, rounds: int) -> float:
    def run() -> None:
        for request in requests:
            decide(request)

    return _median_us(run, len(requests), rounds)


def _median_us(run: Callable[[], None], count: int, rounds: int) -> float:
    run()  # warm
    took: list[float] = []
    gc.disable()
    try:
        for _ in range(rounds):
            begun = time.process_time()
            run()
            took.append(time.process_time() - begun)
    finally:
        gc.enable()
    return median(took) / count * 1e6


# --- the engines


def _cedar(place: Place, standing: Standing) -> Decide | None:
    cedar = _installed("cedarpy")
    if cedar is None:
        return None
    policies = cedar.PolicySet.from_str(policies_of(place, standing))
    entities = cedar.Entities.from_json_str(json.dumps(entities_of(place, standing, TODAY, UTC)), SCHEMA)
    return lambda request: bool(cedar.is_authorized(request_of(request), policies, entities).allowed)


_MODEL = """
[request_definition]
r = recipient, dataset, purpose, origin, at
[policy_definition]
p = recipient, dataset, purpose, addresses, starts, ends
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.recipient == p.recipient && r.dataset == p.dataset && r.purpose == p.purpose && declared(r.origin, p.addresses) \
&& within(r.at, p.starts, p.ends)
"""


def _casbin(table: compiled.Table) -> Decide | None:
    casbin = _installed("casbin")
    if casbin is None:
        return None
    enforcer = casbin.Enforcer(casbin.Enforcer.new_model(text=_MODEL))
    enforcer.add_function("declared", _declared)
    enforcer.add_function("within", _within)
    yes = [(key, row) for key, row in table.rows.items() if row[3][0].allowed]
    enforcer.add_policies([[*key, str(row[2]), str(row[0]), str(row[1])] for key, row in yes])
    return lambda one: bool(enforcer.enforce(one.recipient, one.dataset, one.purpose, one.origin, one.at))


def _declared(origin: int, addresses: str) -> bool:
    return 0 <= origin < int(addresses)


def _within(at: int, starts: str, ends: str) -> bool:
    return int(starts) <= at < int(ends)


def _installed(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


# --- the place and what is asked


def _place(recipients: int) -> Place:
    ways = range(recipients)
    aims, kinds = ("planning", "research"), [f"set-{n}" for n in range(4)]
    flows = {f"out-{n}-{k}": _flow(n, kinds[2 * k : 2 * k + 2], aims[k]) for n in ways for k in range(2)}
    parties = {f"firm-{n}": Party(kind=PartyKind.COMPANY, incorporated_in="xa") for n in ways}
    return Place(
        place="bench",
        name="Bench",
        position=(0.0, 0.0),
        responsible="city",
        platform="cityward",
        parties={"city": Party(kind=PartyKind.PUBLIC_BODY, incorporated_in="xa"), **parties},
        jurisdictions={"xa": Jurisdiction(code="XA"), "xb": Jurisdiction(code="XB")},
        agreements={f"deal-{n}": _deal(n, kinds, aims) for n in ways},
        purposes=dict.fromkeys(aims, Purpose()),
        sites={"hall": Site(jurisdiction="xa")},
        systems={"cityward": System(kind="platform", site="hall", operator="city")},
        datasets={name: _dataset() for name in kinds},
        flows=flows,
        forms={"late": Form(delay_s=60)},
        recipients={f"way-{n}": _recipient(n) for n in ways},
    )


def _flow(n: int, datasets: Sequence[str], aim: str) -> Flow:
    return Flow(
        from_="cityward",
        to=f"firm-{n}",
        datasets=tuple(datasets),
        purpose=aim,
        protocol="http",
        agreement=f"deal-{n}",
        observability=Observability.ENFORCED,
    )


def _deal(n: int, datasets: Sequence[str], aims: tuple[str, ...]) -> Agreement:
    parties = ("city", f"firm-{n}")
    return Agreement(kind="sharing", parties=parties, datasets=tuple(datasets), purposes=aims, ends=date(2026, 12, 31))


def _dataset() -> Dataset:
    return Dataset(personal=False, sensitivity="restricted", retention_days=30, allowed_jurisdictions=("xa",))


def _recipient(n: int) -> Recipient:
    land, addresses = "xb" if n % 10 == 9 else "xa", ("192.0.2.1", "192.0.2.2")
    return Recipient(
        party=f"firm-{n}",
        flows=(f"out-{n}-0", f"out-{n}-1"),
        by="query",
        addresses=addresses,
        jurisdiction=land,
        form="late",
    )


def _requests(recipients: int, count: int, seed: int) -> list[Request]:
    chance = random.Random(seed)  # noqa: S311 # a benchmark, and the same one each time
    found: list[Request] = []
    for _ in range(count):
        k, origin, at = chance.randrange(4), chance.randrange(2), NOON
        purpose = ("planning", "planning", "research", "research")[k]
        if chance.random() < 0.5:
            k, origin, at = chance.choice(((k, -1, at), (k, origin, at + YEAR), ((k + 2) % 4, origin, at)))
        found.append(Request(f"way-{chance.randrange(recipients)}", f"set-{k}", purpose, origin, at))
    return found
