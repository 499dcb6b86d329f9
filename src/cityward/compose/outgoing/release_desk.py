"""What the web door is given of releasing: recipients that ask, and owners who look. Implements `web.ports.Releasing`.

A question goes: decide (from this address, now) -> read -> gate -> budget -> receipt on record -> answer. What is refused is
gathered, on record, and told to the watch. One question of a recipient at a time, so that its budget is never overrun.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from threading import BoundedSemaphore, Lock

import numpy as np
import structlog
from numpy.typing import NDArray

from cityward.adapters.keys.pseudonyms import RecipientKeyring
from cityward.adapters.outlets.encoding import ENCODINGS
from cityward.adapters.outward.connect import Outward
from cityward.adapters.stores.held_rows import DeltaHeldRows
from cityward.compose.outgoing.recipient_oidc import OidcRecipients
from cityward.compose.outgoing.releasing import RulesKeeper, held_upto
from cityward.compose.outward import outward_of
from cityward.compose.setting import Setting
from cityward.errors import CitywardError, LinkError
from cityward.guard.cells import Asked, whole
from cityward.guard.layout import moment_us
from cityward.guard.release import Rows
from cityward.policy.contract import Decision, ReleaseReason
from cityward.runtime.ports import EventSink, Ledger
from cityward.runtime.releasing.following import MOST_PERIOD_ROWS
from cityward.runtime.releasing.gating import gated
from cityward.runtime.releasing.handing import Counter
from cityward.runtime.releasing.ports import Question, Receipt, RecipientRow, ReleaseAnswer, ToldOtherwise
from cityward.runtime.releasing.refusals import PERSON, Refusal, Refusals
from cityward.runtime.releasing.rules import Lane, ReleaseRules
from cityward.time import DAY, SECOND
from cityward.watch.events import Event, EventKind, cut

log = structlog.get_logger(__name__)

BY = "web"
UNKNOWN_KEY, REVOKED, TOO_MANY = "unknown-key", "revoked", "too-many-questions"
MOST_HERE = 3  # questions of one recipient in the door: one that is answered, two that wait for it
PAGE = 5000
LONGEST_US = 31 * DAY
FLUSH_S = 1.0
LOOK_S = 0.3


class ReleaseDesk:
    """Of any number of threads."""

    def __init__(
        self, setting: Setting, ledger: Ledger, events: EventSink | None, outward: Outward | None = None
    ) -> None:
        self._setting, self._events = setting, events
        self.book, self.now_us, self.marks = setting.state.releases, setting.now_us, setting.state.marks
        self.keys = RecipientKeyring(setting.home.keys).of
        self._rules = RulesKeeper(setting)
        self._counter = Counter(self.book, ledger, BY)
        self.refusals = Refusals(self.book, ledger, setting.now_us, BY, events)
        self._held = DeltaHeldRows(str(setting.home.history), setting.registry)
        place = setting.loaded.place
        self._oidc = OidcRecipients(place, outward or outward_of(setting, BY, events))
        recipients = setting.loaded.place.recipients
        self._alone = {name: Lock() for name in recipients}
        self._here = {name: BoundedSemaphore(MOST_HERE) for name in recipients}
        self._known: tuple[int, dict[str, RecipientRow]] = (-1, {})
        self._looked_at = float("-inf")

    # -- who asks -----------------------------------------------------------------------------------------------------

    def recipient_of(self, token: str, certificate: bytes | None) -> str:
        """Who shows this token, or this certificate (SHA-256) on a connection whose TLS ends here; "" nobody."""
        rows = self._rows()
        if certificate is not None and not token:
            return next((n for n, row in rows.items() if row.certificate_sha256 == certificate), "")
        if token.startswith("cwr_"):
            shown = sha256(token.encode()).digest()
            return next((name for name, row in rows.items() if row.key_sha256 == shown), "")
        found = self._oidc.recipient_of(token)
        return found if found in rows else ""

    def turned_away(self, source: str, token: str = "", certificate: bytes | None = None) -> None:
        """See the port. # SECURITY: whom an unproven token names is not said: anybody could fill another's record. A key or
        certificate that was revoked is proof all the same.
        """
        late = self._late(token, certificate)
        self.refusals.add(Refusal(late, "", "", source, (REVOKED if late else UNKNOWN_KEY,), ""))

    def _late(self, token: str, certificate: bytes | None) -> str:
        """Whose key or certificate this was before it was revoked; "" nobody's."""
        key = sha256(token.encode()).digest() if token.startswith("cwr_") else None
        if key is None and certificate is None:
            return ""
        with contextlib.suppress(LinkError):
            for name, row in self._setting.state.recipients.recipients().items():
                shown = {row.key_sha256, row.certificate_sha256} - {None}
                if row.state != "active" and shown & {key, certificate}:
                    return name
        return ""

    def person_turned_away(self, person: str, source: str, why: str) -> None:
        """See the port."""
        self.refusals.add(Refusal(f"{PERSON}{person}", "", "", source, (why,), ""))

    def _rows(self) -> dict[str, RecipientRow]:
        """Those that ask, and whose credential is active."""
        if time.monotonic() >= self._looked_at + LOOK_S:
            book, place = self._setting.state.recipients, self._setting.loaded.place
            version = book.version()
            if version != self._known[0]:
                asking = {name for name, one in place.recipients.items() if one.by == "query"}
                rows = {n: row for n, row in book.recipients().items() if n in asking and row.state == "active"}
                self._known = (version, rows)
            self._looked_at = time.monotonic()
        return self._known[1]

    def is_from_declared(self, recipient: str, source: str) -> bool:
        """Whether an address is one that it may ask from."""
        return self._rules().origins[recipient].find(source) >= 0

    # -- what is asked ------------------------------------------------------------------------------------------------

    def ask(self, question: Question) -> ReleaseAnswer:
        """Decide, gate, put on record, answer.

        Raises:
            LinkError: a store did not answer, or it is not known whether all that came in is held.
        """
        here = self._here[question.recipient]
        if not here.acquire(blocking=False):  # SECURITY: no recipient holds more threads of the door than these
            return self._refused(question, (TOO_MANY,), "")
        try:
            return self._decided(question)
        finally:
            here.release()

    def _decided(self, question: Question) -> ReleaseAnswer:
        with self._alone[question.recipient]:
            rules, now = self._rules(), self.now_us()
            lane = Lane(question.recipient, question.dataset, question.purpose)
            origin = rules.origins[question.recipient].find(question.source)
            decision = rules.decide(lane, now, origin)
            if not decision.allowed:
                return self._refuse(question, decision.reasons, decision)
            return self._answer(question, rules, lane, decision, origin, now)

    def _refuse(self, question: Question, reasons: Sequence[str], decision: Decision) -> ReleaseAnswer:
        return self._refused(question, tuple(str(reason) for reason in reasons), decision.rules)

    def _refused(self, question: Question, said: tuple[str, ...], rules: str) -> ReleaseAnswer:
        one = Refusal(question.recipient, question.dataset, question.purpose, question.source, said, rules)
        self.refusals.add(one)
        return ReleaseAnswer(said)

    def _answer(
        self, question: Question, rules: ReleaseRules, lane: Lane, decision: Decision, origin: int, now: int
    ) -> ReleaseAnswer:
        declared, used = rules.place.recipients[lane.recipient], self.book.taken_on(lane.recipient, now // DAY)
        if used >= declared.rows_per_day:
            return self._refuse(question, (ReleaseReason.OVER_BUDGET,), decision)
        since, until = self._span(question, decision, now)
        channels = rules.layout.holdings.of[lane.dataset]
        most = MOST_PERIOD_ROWS if decision.form.aggregate else PAGE
        rows, reached = self._held.span(channels, since, until, most, came=decision.form.aggregate is not None)
        if (step := moment_us(decision.form)) and decision.form.aggregate is None and reached < until:
            rows, reached = self._whole_steps(channels, since, reached, step, rows)
        to = declared.addresses[origin]
        for _ in range(3):
            passed = gated(rows, decision, rules, lane, Asked(since, reached, channels), self)
            if used + passed.rows > declared.rows_per_day:
                return self._refuse(question, (ReleaseReason.OVER_BUDGET,), decision)
            with contextlib.suppress(ToldOtherwise):
                made = self._counter.hand([passed], rules, lane, to, now, None, None)
                break
        else:
            raise LinkError("cells were told otherwise meanwhile, again and again", mend="ask again")
        further = reached if reached < until else None
        jsonl = ENCODINGS["jsonl"]
        if not made:
            return ReleaseAnswer(media_type=jsonl.media_type, next=further)
        [(released, receipt)] = made
        self._tell_read(question, receipt)
        return ReleaseAnswer((), jsonl.encode(released), jsonl.media_type, receipt.record, receipt.rows, further)

    def _whole_steps(
        self, channels: NDArray[np.bool_], since: int, reached: int, step: int, rows: Rows
    ) -> tuple[Rows, int]:
        """A page that ends with a step of time: one that ended within it would tell when its last reading was."""
        end = max(since + step, reached // step * step)
        if end <= reached:
            return rows.take(rows.observed_at < end), end
        rows, reached = self._held.span(channels, since, end, MOST_PERIOD_ROWS, came=False)
        if reached < end:
            raise LinkError(
                "one step of time holds more than can be told at once", mend="ask for a form with a finer step"
            )
        return rows, end

    def _span(self, question: Question, decision: Decision, now: int) -> tuple[int, int]:
        until = now if question.until is None else min(question.until, now)
        since = until - DAY if question.since is None else question.since
        since, until = max(0, since), min(until, max(0, since) + LONGEST_US)
        if decision.form.aggregate is None:
            if step := moment_us(decision.form):  # whole steps, and only those that are over
                over = (now - decision.form.delay_s * SECOND) // step * step
                since, until = since // step * step, min(-(-until // step) * step, over)
            return since, max(since, until)
        since, until = whole(since, until, decision.form)
        held = held_upto(self._setting)
        if held is None:
            raise LinkError("it is not known whether all that came in is held", mend="ask again in a moment")
        return since, max(since, min(until, held))

    def _tell_read(self, question: Question, receipt: Receipt) -> None:
        if self._events is not None:
            detail = {
                "what": cut(f"release {receipt.dataset}"),
                "rows": str(receipt.rows),
                "devices": str(receipt.units),
            }
            self._events.tell(
                Event(
                    at=receipt.at, kind=EventKind.READ, by=BY, subject=cut(f"recipient:{receipt.recipient}"),
                    source=cut(question.source), detail=detail, record=receipt.record,
                )
            )  # fmt: skip

    def receipts_of(self, recipient: str, most: int, after: str) -> Sequence[Receipt]:
        """A recipient's own, newest first; those behind the receipt `after`."""
        return self.book.receipts(recipient=recipient, most=most, after=after)


@asynccontextmanager
async def flushing(desk: ReleaseDesk) -> AsyncGenerator[None]:
    """Put refusals on record while the door is open, and once more when it closes."""

    async def keep() -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            await asyncio.to_thread(_flush, desk)

    task = asyncio.create_task(keep())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(_flush, desk)


def _flush(desk: ReleaseDesk) -> None:
    try:
        desk.refusals.flush()
    except CitywardError as error:
        log.warning("refusals wait for the ledger", why=error.what)
