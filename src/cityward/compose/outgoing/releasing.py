"""The role `release` of a city: what is held goes to whom it is declared to go to. And the rules of release as they stand now.

Lives here: the standing (who is revoked, what is pending, which posture is in force, under which law each party stands), read
from the store, and what the runtime is given. Does not live here: the following and sending (`runtime.releasing.following`).

Any process may keep the rules: they are made anew within `LOOK_S` of a change, and at midnight.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from threading import Lock
from zoneinfo import ZoneInfo

import msgspec
import structlog
from nats.aio.client import Client

from cityward.adapters.bus.events import NatsEvents
from cityward.adapters.bus.live import LiveWay
from cityward.adapters.bus.log import connect, disconnect
from cityward.adapters.keys.pseudonyms import RecipientKeyring
from cityward.adapters.outlets.encoding import ENCODINGS, Encoding
from cityward.adapters.outward.connect import Outward
from cityward.adapters.stores.held_rows import DeltaHeldRows
from cityward.compose.keeping.forgetting import forget_by_and_by
from cityward.compose.outward import counted, outward_of, way_out
from cityward.compose.proving.hearts import living_ledger
from cityward.compose.setting import Setting
from cityward.compose.watching.watch import Settled
from cityward.errors import LinkError
from cityward.evidence.records import Approval
from cityward.guard.layout import Layout, layout_of
from cityward.place.release import Recipient
from cityward.policy.approvals import (
    AS_DECLARED,
    Approved,
    control_digest,
    control_lines,
    pending,
    scope_digest,
    scope_lines,
)  # fmt: skip
from cityward.policy.compile import compile_table
from cityward.policy.contract import Standing
from cityward.reach.effective import Lands, lands_of
from cityward.reach.exposure.compile import place_on
from cityward.runtime.ports import Ledger
from cityward.runtime.releasing.following import SENT_TO, ReleasePorts
from cityward.runtime.releasing.ports import ApprovalRow, Receipt, WayOut, span_told
from cityward.runtime.releasing.refusals import Refusals
from cityward.runtime.releasing.rules import ReleaseRules, delivery_name, rules_of
from cityward.runtime.releasing.running import run_releasing
from cityward.time import DAY, from_us

log = structlog.get_logger(__name__)

ROLE = "release"
LOOK_S = 0.3
SETTLED_S = 1.0
PROGRESS = "release.progress.json"


class HeldUpto(msgspec.Struct, frozen=True, kw_only=True):
    """What the role last knew: everything that came in before this moment is held. City us; None: not known."""

    upto: int | None = None


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What a table is made of, beside the declaration."""

    version: int
    today: date
    postures: frozenset[str]


class RulesKeeper:
    """The rules that hold now. Of any number of threads."""

    def __init__(self, setting: Setting, clock: Callable[[], float] = time.monotonic) -> None:
        self._setting, self._clock = setting, clock
        self._layout: Layout = layout_of(setting.loaded.place, setting.registry)
        self._lock = Lock()
        self._looked_at = float("-inf")
        self._made: tuple[_Inputs, ReleaseRules] | None = None
        self._lands: tuple[date, Lands] | None = None

    def __call__(self) -> ReleaseRules:
        """The rules, looked at again where the last look is `LOOK_S` ago.

        Raises:
            LinkError: the store does not answer: then nothing is known to be allowed.
        """
        with self._lock:
            if self._made is None or self._clock() >= self._looked_at + LOOK_S:
                inputs = self._inputs()
                if self._made is None or self._made[0] != inputs:
                    self._made = (inputs, self._compiled(inputs))
                self._looked_at = self._clock()
            return self._made[1]

    def lands(self) -> Lands:
        """Under which law each party stands today."""
        today = self._today()
        if self._lands is None or self._lands[0] != today:
            self._lands = (today, lands_of(place_on(self._setting.loaded.place, today)))
        return self._lands[1]

    def standing(self) -> Standing:
        """As things stand now, read from the store."""
        return self._standing(self._inputs())

    def _inputs(self) -> _Inputs:
        state = self._setting.state
        postures = frozenset(state.postures_in_force(time.time_ns() // 1000))
        return _Inputs(state.recipients.version(), self._today(), postures)

    def _today(self) -> date:
        zone = ZoneInfo(self._setting.loaded.place.timezone)
        return from_us(self._setting.now_us()).astimezone(zone).date()

    def _standing(self, inputs: _Inputs) -> Standing:
        place, book, lands = self._setting.loaded.place, self._setting.state.recipients, self.lands()
        active = {name for name, row in book.recipients().items() if row.state == "active"}
        return Standing(
            revoked=frozenset(place.recipients.keys() - active),
            pending=pending_now(self._setting, lands),
            postures=inputs.postures,
            lands=lands,
        )

    def _compiled(self, inputs: _Inputs) -> ReleaseRules:
        place = self._setting.loaded.place
        table = compile_table(place, self._standing(inputs), inputs.today, ZoneInfo(place.timezone))
        return rules_of(place, self._setting.loaded.digest, table, self._layout)


# -- approvals ------------------------------------------------------------------------------------------------------------


def pending_now(setting: Setting, lands: Lands) -> frozenset[str]:
    """The agreements that somebody must approve: never approved, or no longer as they were."""
    place, rows = setting.loaded.place, setting.state.recipients.approvals()
    approved = {name: Approved(row.control, row.scope) for name, row in rows.items()}
    return pending(approved, place, lands) | frozenset(place.agreements.keys() - approved.keys())


def approve(setting: Setting, ledger: Ledger, agreement: str, person: str, lands: Lands, by: str) -> ApprovalRow:
    """Approve an agreement as it stands: on record, then in the book."""
    place = setting.loaded.place
    control, scope = control_lines(agreement, place, lands), scope_lines(agreement, place)
    digests = approved_as_it_is(agreement, setting, lands)
    at = setting.now_us()
    [entry] = ledger.append(
        [Approval(at=at, by=by, agreement=agreement, person=person, control=digests.control, scope=digests.scope)]
    )
    row = ApprovalRow(agreement, digests.control, digests.scope, control, scope, person, at, entry)
    setting.state.recipients.approve(row)
    return row


def approved_as_it_is(agreement: str, setting: Setting, lands: Lands) -> Approved:
    """The digests of an agreement as it stands now."""
    place = setting.loaded.place
    return Approved(control_digest(agreement, place, lands), scope_digest(agreement, place))


def approve_at_first(setting: Setting, ledger: Ledger, lands: Lands) -> int:
    """Whoever starts a city for the first time approves what it declares; on record as such. How many."""
    if not setting.state.recipients.begin():
        return 0
    names = sorted(setting.loaded.place.agreements)
    for name in names:
        approve(setting, ledger, name, AS_DECLARED, lands, ROLE)
    return len(names)


# -- the role -------------------------------------------------------------------------------------------------------------


async def run_release(setting: Setting, stop: asyncio.Event) -> None:
    """Keep releasing until told to stop."""
    keeper = RulesKeeper(setting)
    client = await connect(setting.city.bus_url, ROLE, setting.city.passwords.get(ROLE))
    try:
        async with (
            NatsEvents(client, ROLE, setting.now_us) as events,
            living_ledger(setting, ROLE, ROLE) as ledger,
        ):
            await asyncio.to_thread(lambda: approve_at_first(setting, ledger, keeper.lands()))
            outward = outward_of(setting, ROLE, events)
            settled = _SettledNow(setting, client)
            ports = _ports(setting, keeper, ledger, events, outward, client, settled)
            names = [name for name, one in setting.loaded.place.recipients.items() if one.by in SENT_TO]
            asking = asyncio.create_task(settled.run())
            forgetting = asyncio.create_task(forget_by_and_by(setting, ledger))
            try:
                async with counted(setting.home.root, ROLE, outward):
                    await run_releasing(names, ports, ROLE, stop)
                await stop.wait()
            finally:
                asking.cancel()
                forgetting.cancel()
                await asyncio.gather(asking, forgetting, return_exceptions=True)
    finally:
        await disconnect(client)


def _ports(
    setting: Setting, keeper: RulesKeeper, ledger: Ledger, events: NatsEvents, outward: Outward, client: Client,
    settled: _SettledNow,
) -> ReleasePorts:  # fmt: skip
    place, state = setting.loaded.place, setting.state
    ring = RecipientKeyring(setting.home.keys)
    sent_to = {name: one for name, one in place.recipients.items() if one.by in SENT_TO}
    return ReleasePorts(
        book=state.releases,
        ledger=ledger,
        rules=keeper,
        held=lambda: DeltaHeldRows(str(setting.home.history), setting.registry),
        held_upto=lambda: settled.upto,
        keys=ring.of,
        marks=state.marks,
        ways=_ways(setting, sent_to, outward, client),
        encoders={name: encoding_of(one).encode for name, one in sent_to.items()},
        refusals=Refusals(state.releases, ledger, setting.now_us, ROLE, events),
        now_us=setting.now_us,
        name=_named(sent_to),
    )


def _ways(setting: Setting, sent_to: Mapping[str, Recipient], outward: Outward, client: Client) -> Mapping[str, WayOut]:
    loop = asyncio.get_running_loop()
    return {
        name: LiveWay(client, loop, name) if one.by == "live" else way_out(outward, setting.home.keys, name, one)
        for name, one in sent_to.items()
    }


def encoding_of(recipient: Recipient) -> Encoding:
    """How its rows are written."""
    return ENCODINGS[recipient.format if recipient.by == "export" else "jsonl"]


def _named(sent_to: Mapping[str, Recipient]) -> Callable[[Receipt], str]:
    """A file stands under its dataset and day; everything else is called by its receipt."""

    def name(receipt: Receipt) -> str:
        called = delivery_name(receipt.record)
        one = sent_to[receipt.recipient]
        if one.by != "export":
            return called
        day = from_us((span_told(receipt)[0] or receipt.at) // DAY * DAY).date().isoformat()
        return f"{receipt.dataset}/{day}/{called}.{encoding_of(one).suffix}"

    return name


class _SettledNow:
    """Up to when everything that came in is held: asked now and then, and left where the web door finds it."""

    def __init__(self, setting: Setting, client: Client) -> None:
        self._settled, self._path = Settled(setting, client), setting.home.root / PROGRESS
        self.upto: int | None = None

    async def run(self) -> None:
        """Until cancelled."""
        with ThreadPoolExecutor(1) as thread:
            while True:
                try:
                    self.upto = await self._settled.upto()
                    await asyncio.get_running_loop().run_in_executor(thread, self._write)
                except (LinkError, OSError) as error:
                    log.warning("it is not known how far all is held", why=str(error))
                await asyncio.sleep(SETTLED_S)

    def _write(self) -> None:
        draft = self._path.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(HeldUpto(upto=self.upto)))
        draft.replace(self._path)


def held_upto(setting: Setting) -> int | None:
    """What the role `release` of a city last said; None where it does not run, or does not know."""
    try:
        return msgspec.json.decode((setting.home.root / PROGRESS).read_bytes(), type=HeldUpto).upto
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
