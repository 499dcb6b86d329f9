"""Follows what is held, and gives each recipient that is sent to what it may have: by its own position, queue and threads.

Theory of operation
-------------------
Two steps for each recipient, each in a thread of its own, so that a dead endpoint delays neither the following nor anybody else.

*Following.* For each lane (a dataset for a purpose) the decision says the form. Readings without a delay follow the history's
commits; cells, delayed readings and exports follow time, a whole period at a time, once it is over, has settled, and everything
that came in meanwhile is held. What passes the gate is put on record, and then, in one transaction, into the book: receipt, body,
position, atoms. Where the answer is no, the lane goes on from where the history stands when it is yes again.

*Sending.* Oldest first. Each body is decided anew before it leaves: what may leave no more, or in another form only, is shed with
its reason. Then it is sent under its receipt's name, the end goes on record, and then into the book.

INVARIANTS
- `triggered == sent + queued + shed`, in rows, at every moment (the book's).
- Killed at any moment, nothing leaves without a receipt and nothing of the queue is lost; what may have been sent already is sent
  again under the same name.
- The queue of a recipient never holds more than its declared rows, but for one body that is larger by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from cityward.errors import LinkError, Refused
from cityward.guard.cells import Asked
from cityward.guard.layout import period_us
from cityward.guard.release import Passed, RecipientKeys, Released, Rows
from cityward.insight.marks import Mark
from cityward.place.release import Form
from cityward.policy.contract import Decision, ReleaseReason
from cityward.runtime.ports import Ledger
from cityward.runtime.releasing.gating import gated
from cityward.runtime.releasing.handing import Counter, delivery, withheld_of
from cityward.runtime.releasing.ports import (
    DELIVERED,
    SHED,
    Due,
    HeldRows,
    LaneAt,
    Receipt,
    ReleaseBook,
    ToldOtherwise,
    WayOut,
    span_told,
)  # fmt: skip
from cityward.runtime.releasing.refusals import Refusal, Refusals
from cityward.runtime.releasing.rules import Lane, ReleaseRules, delivery_name
from cityward.time import DAY, HOUR, MINUTE, SECOND

log = structlog.get_logger(__name__)

MOST_ROWS = 50_000  # read at once, about
BODY_ROWS = {"live": 500, "webhook": 5000, "export": MOST_ROWS}
"""Readings in one body. 500 rows of JSON lines with every field are some 100 kB: less than the least bound of the broker."""
MOST_PERIOD_ROWS = 5_000_000  # read for one period
AT_ONCE = 16  # bodies between two looks at the queue
BACKOFF_S = (1.0, 60.0)
REFUSED_S = 600.0  # an endpoint that leads elsewhere is looked at again so much later
LIFE_US = 7 * DAY  # city time: what could not be sent by then is shed
TRIES = 3  # of a release whose cells somebody else was told meanwhile

SENT_TO = frozenset({"live", "webhook", "export"})
SPANS = {"hour": HOUR, "day": DAY}


@dataclass(frozen=True, slots=True)
class ReleasePorts:
    """What releasing is given. `rules`: those that hold now. `held_upto`: everything that came in before is held; None: unknown.

    held: a reader of the history for one recipient. keys, encoders, ways: by recipient. now_us: city time.
    """

    book: ReleaseBook
    ledger: Ledger
    rules: Callable[[], ReleaseRules]
    held: Callable[[], HeldRows]
    held_upto: Callable[[], int | None]
    keys: Callable[[str], RecipientKeys]
    marks: Callable[[], Sequence[Mark]]
    ways: Mapping[str, WayOut]
    encoders: Mapping[str, Callable[[Released], bytes]]
    refusals: Refusals
    now_us: Callable[[], int]
    name: Callable[[Receipt], str] = lambda receipt: delivery_name(receipt.record)
    clock: Callable[[], float] = time.monotonic


@dataclass(slots=True)
class Way:
    """How one recipient is doing. `why`: it does not take anything now, and why."""

    tries: int = 0
    next_at: float = 0.0
    why: str = ""
    told: dict[Lane, tuple[str, ...]] = field(default_factory=dict[Lane, tuple[str, ...]])


class Releaser:
    """One recipient's two steps. `follow` in one thread, `send` in another."""

    def __init__(self, recipient: str, ports: ReleasePorts, by: str) -> None:
        self.recipient, self._ports, self._by = recipient, ports, by
        self._held = ports.held()
        self._counter = Counter(ports.book, ports.ledger, by)
        self.way = Way()

    # -- following ----------------------------------------------------------------------------------------------------

    def follow(self) -> bool:
        """One step of every lane; whether there is more at once.

        Raises:
            LinkError: the history, the ledger or the book did not answer.
        """
        rules = self._ports.rules()
        lanes = rules.lanes.get(self.recipient, ())
        more = [self._step(lane, rules) for lane in lanes]  # all of them, whatever the first says
        return any(more)

    def _step(self, lane: Lane, rules: ReleaseRules) -> bool:
        now = self._ports.now_us()
        decision = rules.decide(lane, now)
        at = self._ports.book.position(self.recipient, lane.name)
        span = span_of(rules.place.recipients[self.recipient].every, self._by_file(rules), decision.form)
        if at is None or not decision.allowed:
            self._say_no(lane, decision)
            self._skip(lane, at, now, span)
            return False
        self.way.told.pop(lane, None)
        return self._by_period(lane, rules, decision, at, span) if span else self._by_commit(lane, rules, decision, at)

    def _by_file(self, rules: ReleaseRules) -> bool:
        return rules.place.recipients[self.recipient].by == "export"

    def _say_no(self, lane: Lane, decision: Decision) -> None:
        """Once, until the answer is another."""
        if decision.reasons and self.way.told.get(lane) != decision.reasons:
            self.way.told[lane] = decision.reasons
            self._ports.refusals.add(
                Refusal(self.recipient, lane.dataset, lane.purpose, "", decision.reasons, decision.rules)
            )

    def _skip(self, lane: Lane, at: LaneAt | None, now: int, span: int) -> None:
        """From here on: what was held while nothing might leave does not leave later."""
        there = LaneAt(history=self._held.newest(), until=now // span * span if span else now)
        if there != at:
            self._ports.book.take(self.recipient, Due(lane.name, there))

    def _by_commit(self, lane: Lane, rules: ReleaseRules, decision: Decision, at: LaneAt) -> bool:
        there, rows = self._held.newer(at.history, MOST_ROWS)
        if there == at.history:
            return False
        self._hand(lane, rules, decision, rows, Asked(0, 0), LaneAt(history=there, until=self._ports.now_us()))
        return len(rows) >= MOST_ROWS

    def _by_period(self, lane: Lane, rules: ReleaseRules, decision: Decision, at: LaneAt, span: int) -> bool:
        form, layout = decision.form, rules.layout
        end = (at.until // span + 1) * span
        ready = end + max(layout.settle_us, form.delay_s * SECOND)
        upto = self._ports.held_upto()
        if self._ports.now_us() < ready or upto is None or upto < ready:
            return False
        channels = layout.holdings.of.get(lane.dataset)
        if channels is None:
            return False
        most = MOST_PERIOD_ROWS if form.aggregate else MOST_ROWS
        rows, until = self._held.span(channels, at.until, end, most, came=form.aggregate is not None)
        there = LaneAt(history=at.history, until=end if form.aggregate else until)
        self._hand(lane, rules, decision, rows, Asked(at.until, until, channels), there)
        return True

    def _hand(
        self, lane: Lane, rules: ReleaseRules, decision: Decision, rows: Rows, asked: Asked, there: LaneAt
    ) -> None:
        for last in (False,) * (TRIES - 1) + (True,):
            most = len(rows) if decision.form.aggregate else BODY_ROWS[rules.place.recipients[self.recipient].by]
            some = [rows.take(slice(n, n + most)) for n in range(0, max(len(rows), 1), max(most, 1))]
            try:
                self._queue(lane, rules, [gated(one, decision, rules, lane, asked, self._ports) for one in some], there)
            except ToldOtherwise:
                if last:
                    raise LinkError("cells were told otherwise meanwhile, again and again") from None
            else:
                return

    def _queue(self, lane: Lane, rules: ReleaseRules, some: Sequence[Passed], there: LaneAt) -> None:
        now, declared = self._ports.now_us(), rules.place.recipients[self.recipient]
        rows = sum(passed.rows for passed in some)
        if rows and self._ports.book.taken_on(self.recipient, now // DAY) + rows > declared.rows_per_day:
            reasons, digest = (ReleaseReason.OVER_BUDGET.value,), some[0].decision.rules
            self._ports.refusals.add(Refusal(self.recipient, lane.dataset, lane.purpose, "", reasons, digest))
            withheld = rows + sum(withheld_of(passed) for passed in some)
            self._ports.book.take(self.recipient, Due(lane.name, there, withheld=withheld))
            return
        to = declared.endpoint or ", ".join(declared.addresses)
        self._counter.hand(some, rules, lane, to, now, there, self._ports.encoders[self.recipient])
        if rows:
            self._shed(self._ports.book.over(self.recipient, declared.queue), "queue-full", 0)

    def _shed(self, receipts: Sequence[Receipt], reason: str, tries: int) -> None:
        """The evidence first."""
        now = self._ports.now_us()
        self._counter.never_left(receipts, now, reason, tries)
        for one in receipts:
            self._ports.book.settled(one.record, SHED, tries, now, reason)

    # -- sending ------------------------------------------------------------------------------------------------------

    def send(self) -> bool:
        """Send what waits, as far as it goes; whether there may be more at once.

        Raises:
            LinkError: the ledger or the book did not answer.
        """
        if self._ports.clock() < self.way.next_at:
            self._shed_what_may_not()
            return False
        waiting = self._ports.book.waiting(self.recipient, AT_ONCE)
        for receipt, body in waiting:
            if not self._send(receipt, body):
                return False
        return len(waiting) == AT_ONCE

    def _shed_what_may_not(self) -> None:
        """Also while the endpoint is dead: what was revoked waits for nothing."""
        waiting = self._ports.book.waiting(self.recipient, AT_ONCE)
        for receipt, _ in waiting:
            if why := self._against(receipt):
                self._shed([receipt], why, 0)

    def _against(self, receipt: Receipt) -> str:
        now = self._ports.now_us()
        lane = Lane(self.recipient, receipt.dataset, receipt.purpose)
        return self._ports.rules().still_fine(lane, receipt.form, now) or (
            "too-old" if now > receipt.at + LIFE_US else ""
        )

    def _send(self, receipt: Receipt, body: bytes) -> bool:
        if why := self._against(receipt):
            self._shed([receipt], why, self.way.tries)
            return True
        self.way.tries += 1
        try:
            self._ports.ways[self.recipient].send(body, self._ports.name(receipt), headers_of(receipt))
        except Refused as error:
            self._elsewhere(receipt, error)
            return False
        except LinkError as error:
            self._later(error)
            return False
        now, tries = self._ports.now_us(), self.way.tries
        self._ports.ledger.append([delivery(self._by, receipt, DELIVERED, now, tries)])
        self._ports.book.settled(receipt.record, DELIVERED, tries, now)
        self.way = Way(told=self.way.told)
        return True

    def _later(self, error: LinkError) -> None:
        if not self.way.why:
            log.warning("a recipient takes nothing now", recipient=self.recipient, why=error.what)
        self.way.why = error.what
        pause = min(BACKOFF_S[0] * 2 ** min(self.way.tries - 1, 10), BACKOFF_S[1])
        self.way.next_at = self._ports.clock() + pause

    def _elsewhere(self, receipt: Receipt, error: Refused) -> None:
        """It is not tried again soon: somebody moved the name, or the endpoint sends us on."""
        log.warning("a recipient's endpoint leads elsewhere", recipient=self.recipient, why=error.what)
        reasons = (ReleaseReason.FROM_ELSEWHERE.value,)
        self._ports.refusals.add(Refusal(self.recipient, receipt.dataset, receipt.purpose, "", reasons, receipt.rules))
        self.way.why, self.way.next_at = error.what, self._ports.clock() + REFUSED_S


def span_of(every: str, by_file: bool, form: Form) -> int:
    """How long a piece is that leaves at once, us; 0: as it comes."""
    period = max(period_us(form), MINUTE if form.delay_s else 0)
    return max(period, SPANS[every]) if by_file else period


def headers_of(receipt: Receipt) -> Mapping[str, str]:
    """What goes with a body: enough to know what it is, and to tell repeats."""
    since, until = span_told(receipt)
    return {
        "cityward-receipt": receipt.record,
        "cityward-dataset": receipt.dataset,
        "cityward-purpose": receipt.purpose,
        "cityward-agreement": receipt.agreement,
        "cityward-rows": str(receipt.rows),
        "cityward-digest": receipt.digest,
    } | ({} if since == until else {"cityward-since": str(since), "cityward-until": str(until)})
