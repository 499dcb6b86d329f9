"""A twin with its street, in which plans are carried out one after another, judged, and scored.

Theory of operation
-------------------
An exercise begins when the street has told its past and the watch has read it. While the hands carry the steps out, the eyes
look every `LOOK_S`, and the docket says when nothing can change any more. Then the twin's logs are verified, and the outcome is
told. A plan may have the twin declared anew: it ends, and starts again under the same eyes.

INVARIANT: a plan that could not be carried out to its end is told as such, never as met.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import msgspec
import structlog

from cityward.adapters.exercising.background import Background, Stage, now_us
from cityward.adapters.ledgers.reading import folder_reader, key_of, ledgers_under
from cityward.adapters.street.link import MqttDoor
from cityward.compose.exercising.deeds import DONE, Deeds
from cityward.compose.exercising.eyes import Eyes
from cityward.compose.exercising.hands import Hands
from cityward.compose.exercising.outcome import Exercising, Outcome, Say
from cityward.compose.exercising.people import People
from cityward.compose.exercising.progress import progress_of
from cityward.compose.exercising.saying import Keyring
from cityward.compose.exercising.twin import Twin, start_twin
from cityward.compose.progress import worker_progress
from cityward.errors import CitywardError
from cityward.evidence.records import Lifecycle
from cityward.evidence.verifier import verify
from cityward.exercises.judging import Docket, Judgement
from cityward.exercises.planning import over
from cityward.exercises.scenario import Plan, Scenario
from cityward.exercises.scoring import score, unverified
from cityward.exercises.seen import Answer, Seen
from cityward.exercises.steps import Deed, Do
from cityward.runtime.watching.runner import LATE_ROWS
from cityward.time import DAY, SECOND

log = structlog.get_logger(__name__)

LOOK_S = 0.5
LEAST_REAL_S = 10.0  # no limit is shorter: below it the machine would be measured, not the city
GRACE_REAL_S = 2.0  # an entry may be seen so long after its time
WARM_WITHIN_S = 60.0
BEHIND_ROWS = 200  # of what the workers hold, the watch may not have read yet
PAST_US = 3 * DAY
SAYS_WITHIN_S = 10.0
PATIENCE_S = 600.0  # city seconds
WATCH_PROGRESS = "watch.progress.json"


class House:
    """A twin with its street, for one exercise after another."""

    def __init__(self, wanted: Exercising, twin: Twin, say: Say) -> None:
        self.wanted, self.twin, self._say = wanted, twin, say
        self._before: list[str] = []  # detectors that earlier attacks may still set off
        self._settle()

    def _settle(self, past_us: int = PAST_US) -> None:
        """In a twin that has just started."""
        setting = self.twin.setting
        stage = Stage(
            place=setting.loaded.place,
            registry=setting.registry,
            clock=setting.city.city_clock,
            credentials=setting.home.device_secrets,
            mqtt=MqttDoor("127.0.0.1", self.twin.mqtt_port),
            web_port=self.twin.web_port,
            past_us=past_us,
            feeds=setting.home.root / "feeds" if "feeds" in self.twin.options.roles else None,
        )
        self.street, self.eyes, self.people = Background(stage), Eyes(self.twin), People(self.twin)
        self._stop = asyncio.Event()
        self._playing = asyncio.create_task(self.street.run(self._stop))

    async def warm(self) -> None:
        """Until the street has told its past and the watch has learned it, or for as long as that may take."""
        began = time.monotonic()
        while time.monotonic() - began < WARM_WITHIN_S:
            await asyncio.sleep(LOOK_S / 2)
            if self.street.is_warm() and await asyncio.to_thread(_has_learned, self.twin.state):
                break
        took = time.monotonic() - began
        self._say(f"a twin is ready: started in {self.twin.started_in_s:.1f} s, {took:.1f} s for its past")

    async def run(self, scenario: Scenario, plan: Plan) -> Outcome:
        """Carry one plan out, and judge it. Raises nothing of ours: what goes wrong is an outcome."""
        began = time.monotonic()
        self._say(f"{scenario.id} {scenario.title}")
        try:
            outcome = await self._run(scenario, plan)
        except CitywardError as error:
            outcome = Outcome(scenario=scenario, staged=True, why=error.what, plan=plan)
        except Exception as error:  # a scenario that errs is told as not carried out, and stops no other one
            log.exception("a scenario erred", scenario=scenario.id)
            outcome = Outcome(scenario=scenario, staged=True, why=f"{type(error).__name__}: {error}", plan=plan)
        finally:
            with contextlib.suppress(CitywardError):
                await asyncio.to_thread(self.people.leave)
        self._before.extend(plan.alarms)
        return replace(outcome, took_s=time.monotonic() - began)

    async def _run(self, scenario: Scenario, plan: Plan) -> Outcome:
        await asyncio.to_thread(self.people.enter, plan.personas)
        await asyncio.to_thread(self.eyes.look)
        began = now_us(self.twin.setting.city.city_clock)
        docket = Docket(plan, GRACE_REAL_S * self.wanted.speed, LEAST_REAL_S * self.wanted.speed)
        deeds = Deeds(self.twin, self.street)
        hands = Hands(self.twin, self.street, self.people, deeds, Keyring(self.twin), began, self._declare)
        acting = asyncio.create_task(hands.run(plan))
        try:
            while True:
                await asyncio.sleep(LOOK_S)
                if hands.is_declaring and not acting.done():
                    continue
                seen = await self._look(hands, began)
                docket.look(seen)
                self._tell(scenario, plan, docket, seen)
                if acting.done() and acting.exception() is not None:
                    await acting
                spent = seen.now - began - hands.paused_us
                if docket.over(seen, hands.paused_us) and (acting.done() or spent > _patience(plan)):
                    break
        finally:
            acting.cancel()
            await asyncio.gather(acting, return_exceptions=True)
            await asyncio.to_thread(self._undo, deeds)
        seen = await self._look(hands, began)
        judged = docket.close(seen)
        return await asyncio.to_thread(self._told, scenario, plan, judged, seen)

    async def _look(self, hands: Hands, began: int) -> Seen:
        await asyncio.to_thread(self.eyes.look)
        return self.eyes.seen(began, hands.now(), hands.done, hands.answers)

    def _tell(self, scenario: Scenario, plan: Plan, docket: Docket, seen: Seen) -> None:
        if self.wanted.watched is not None:
            self.wanted.watched(progress_of(scenario, plan, docket.judged(), seen, self.twin.web_port))

    def _undo(self, deeds: Deeds) -> None:
        """Whatever was held is let go; whoever was silent speaks."""
        for process in list(deeds.stopped):
            deeds.do(Do(key="undo", at_s=0, deed=Deed.LET_GO, said={"process": process}), 0)
        self.street.speak_all()

    def _told(self, scenario: Scenario, plan: Plan, judged: tuple[Judgement, ...], seen: Seen) -> Outcome:
        numbers = score(plan, judged, seen, self._before)
        whole, checkpoint = _verified(self.twin.state)
        return Outcome(
            scenario=scenario,
            staged=True,
            plan=plan,
            judged=judged,
            numbers=numbers if whole else unverified(numbers),
            checkpoint=checkpoint,
            twin=str(self.twin.state) if self.wanted.keep else "",
            answers=dict(seen.answers),
        )

    async def _declare(self, step: Do) -> Answer:
        """The twin ends, and starts again with other records laid over its declaration."""
        overlay = self.twin.state / "overlay.yaml"
        fragment, before = (step.said or {}).get("overlay", ""), self._now()
        await self._leave()
        overlay.write_text(fragment)
        try:
            self._become(await start_twin(self.twin.options, self.twin.exercise, str(overlay) if fragment else ""))
        except CitywardError as error:
            self._become(await start_twin(self.twin.options, self.twin.exercise))
            return Answer(409, self._now(), error.mend.encode() or error.what.encode())
        return Answer(DONE, await self._began_again(before))

    async def _began_again(self, before: int) -> int:
        """When the twin said that it had started, since `before`: city us."""
        for _ in range(round(SAYS_WITHIN_S / LOOK_S)):
            await asyncio.to_thread(self.eyes.look)
            seen = self.eyes.seen(before, self._now(), {}, {})
            if (at := seen.first(Lifecycle, lambda one: one.by == "steward" and one.event == "started")) is not None:
                return at
            await asyncio.sleep(LOOK_S)
        return self._now()

    def _become(self, twin: Twin) -> None:
        """Another start of the same twin: those who know it know this one from now on."""
        old = self.twin
        for name in ("exercise", "setting", "mqtt_port", "process", "pids", "notes", "following"):
            setattr(old, name, getattr(twin, name))
        eyes, people, street = self.eyes, self.people, self.street
        self._settle(past_us=0)
        self.street.silence(street.silent)
        self.eyes, self.people = eyes, people

    def _now(self) -> int:
        return now_us(self.twin.setting.city.city_clock)

    async def _leave(self) -> None:
        self._stop.set()
        self._playing.cancel()
        await asyncio.gather(self._playing, return_exceptions=True)
        await self.twin.stop()

    async def close(self) -> None:
        """End the twin; its folder goes, unless it is to be kept."""
        await self._leave()
        if not self.wanted.keep:
            await asyncio.to_thread(self.twin.clear)


def _patience(plan: Plan) -> int:
    """How long steps may take that are not answered, in city us."""
    return round((over(plan) + PATIENCE_S) * SECOND)


class _Rows(msgspec.Struct, frozen=True):
    """What is read of a role's progress."""

    rows: int = 0
    late_rows: int = 0
    late_learned: int = 0


def _has_learned(state: Path) -> bool:
    """The watch has (nearly) read what the workers hold, and learned from what came late. Blocks."""
    held, watch = (_rows(state / name) for name in (worker_progress("worker-0"), WATCH_PROGRESS))
    return 0 < held.rows <= watch.rows + BEHIND_ROWS and watch.late_rows < watch.late_learned + LATE_ROWS


def _rows(path: Path) -> _Rows:
    with contextlib.suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode(path.read_bytes(), type=_Rows)
    return _Rows()


def _verified(state: Path) -> tuple[bool, str]:
    """Whether every log of a twin is what it signed, and the digest over their last checkpoints. Blocks."""
    whole, notes = True, sha256()
    for folder in sorted(ledgers_under(state / "ledger")):
        read = folder_reader(folder)
        try:
            whole = whole and verify(read, key_of(folder).text(), []).ok
        except CitywardError:
            whole = False
        notes.update(read("checkpoint") or b"")
    return whole, notes.hexdigest()
