"""Has the city's checkpoints co-signed by the declared witnesses, and tells how that goes.

Theory of operation. Each witness has a loop of its own: every `every_s` it is asked about each ledger that has grown since it
last co-signed it. What it answers is kept beside the ledger. A witness that is away, and one that saw another history, are
told apart: the first is a matter of waiting, the second of investigating. Both are on record (ledger `witnessing`) when they
begin and when they end, and counted in `witnesses.progress.json`.

INVARIANTS
- No service waits for a witness, and none stops for want of one: what goes wrong here ends in a count and a record.
- Nothing leaves by a flow that is not declared for today.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import structlog

from cityward.adapters.ledgers.reading import folder_reader, key_of, ledgers_under, signed_state
from cityward.adapters.ledgers.witnessing import Post, ask, keep_witnessed, poster
from cityward.adapters.outward.connect import Outward
from cityward.compose.outward import counted, outward_of
from cityward.compose.setting import Setting
from cityward.errors import CitywardError, EvidenceError, LinkError
from cityward.evidence.cosignature import WitnessKey, parse_witness_key
from cityward.evidence.records import Lifecycle
from cityward.place.exits import witness_exit
from cityward.place.witnesses import Witness
from cityward.runtime.ports import EventSink, Ledger
from cityward.runtime.watching.alerting import flow_refusal
from cityward.time import from_us

ROLE = "witnessing"
PROGRESS = "witnesses.progress.json"

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class WitnessProgress:
    """How it goes with one witness since the start. state: waiting | vouches | away | contradicts. Times in seconds since 1970.

    sizes: ledger -> how many entries it vouches for.
    """

    state: str = "waiting"
    asked: int = 0
    cosigned: int = 0
    failed: int = 0
    last_at: int = 0
    last_error: str = ""
    sizes: dict[str, int] = field(default_factory=dict[str, int])


async def witnessing(setting: Setting, stop: asyncio.Event, events: EventSink | None = None) -> None:
    """Ask the declared witnesses, until stopped. Raises nothing of ours. `events` hears of a witness that leads elsewhere."""
    witnesses = setting.loaded.place.witnesses
    if not witnesses:
        await stop.wait()  # whoever runs this takes its end for a failure
        return
    outward = outward_of(setting, ROLE, events)
    try:
        with setting.ledger(ROLE) as ledger:
            told = {name: WitnessProgress() for name in witnesses}
            asked = [
                one
                for name, witness in witnesses.items()
                if (one := _asked(setting, ledger, name, witness, told, outward))
            ]
            async with counted(setting.home.root, ROLE, outward):
                await asyncio.gather(*(_rounds(setting, one, stop) for one in asked))
    except CitywardError as error:
        log.error("the witnesses are not asked", why=error.what, mend=error.mend)
    await stop.wait()


def _asked(
    setting: Setting, ledger: Ledger, name: str, witness: Witness, told: dict[str, WitnessProgress], outward: Outward
) -> Asked | None:
    """None for a witness whose key is none: it could never vouch, and the others still can."""
    try:
        post = poster(outward, witness_exit(setting.loaded.place, name), witness.endpoint)
        return Asked(setting, ledger, name, witness, told, post)
    except EvidenceError as error:
        told[name].state, told[name].last_error = "away", error.what
        log.error("a witness is not asked", witness=name, why=error.what, mend=error.mend)
        return None


async def _rounds(setting: Setting, asked: Asked, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await asyncio.to_thread(asked.round)
            await asyncio.to_thread(write_progress, setting.home.root, asked.told)
        except CitywardError as error:  # our own disk: the next round may find room
            log.warning("a witness could not be asked", witness=asked.name, why=error.what)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), asked.witness.every_s)


class Asked:
    """One witness, and what it vouches for. `told`: the progress of all witnesses; its own is changed here."""

    def __init__(
        self,
        setting: Setting,
        ledger: Ledger,
        name: str,
        witness: Witness,
        told: dict[str, WitnessProgress],
        post: Post,
    ) -> None:
        self.setting, self.ledger, self.name, self.witness, self.told = setting, ledger, name, witness, told
        self.key: WitnessKey = parse_witness_key(witness.key)
        self._post = post

    def round(self) -> None:
        """Ask about every ledger that has grown.

        Raises:
            LinkError: our own ledger or folder does not take what is to be put there.
        """
        progress = self.told[self.name]
        wrong: list[CitywardError] = []
        today = from_us(self.setting.now_us()).date()
        if why := flow_refusal(self.setting.loaded.place, self.witness.flow, today):
            wrong.append(LinkError(why))
        else:
            for folder in ledgers_under(self.setting.home.root / "ledger"):
                try:
                    self._ask_about(folder, progress)
                except CitywardError as error:  # keeps no other ledger from being asked about
                    wrong.append(error)
        self._tell(progress, wrong)

    def _ask_about(self, folder: Path, progress: WitnessProgress) -> None:
        held = progress.sizes.get(folder.name, 0)
        if _size_of(folder) == held:
            return
        progress.asked += 1
        note, state = ask(self._post, folder_reader(folder), key_of(folder), self.key, held)
        keep_witnessed(folder, self.key, note)
        progress.cosigned += 1
        progress.sizes[folder.name], progress.last_at = state.size, int(time.time())

    def _tell(self, progress: WitnessProgress, wrong: list[CitywardError]) -> None:
        progress.failed += len(wrong)
        contradicted = [error for error in wrong if isinstance(error, EvidenceError)]
        state = "contradicts" if contradicted else "away" if wrong else "vouches"
        progress.last_error = (contradicted or wrong)[0].what if wrong else ""
        if state == progress.state:
            return
        detail = {"witness": self.name, "key": self.key.fingerprint, "why": progress.last_error[:500]}
        event = Lifecycle(at=self.setting.now_us(), by=ROLE, event=f"witness-{state}", detail=detail)
        self.ledger.append([event])
        progress.state = state
        if state == "contradicts":
            log.error("a witness saw another history", witness=self.name, why=progress.last_error)


def _size_of(folder: Path) -> int:
    try:
        return signed_state(folder).size
    except EvidenceError as error:  # our own trouble: the witness contradicts nothing
        raise LinkError(
            f"{folder.name} cannot be shown to a witness: {error.what}", mend="run `cityward verify`"
        ) from error


def write_progress(root: Path, told: dict[str, WitnessProgress]) -> None:
    """Where people and the console see how it goes: small, written whole. A full disk is no reason to stop."""
    path = root / PROGRESS
    with contextlib.suppress(OSError):
        draft = path.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(told))
        draft.replace(path)


def read_progress(root: Path) -> dict[str, WitnessProgress]:
    """How it last went with each witness; empty where none was asked."""
    try:
        return msgspec.json.decode((root / PROGRESS).read_bytes(), type=dict[str, WitnessProgress])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
