"""Deeds of people and of those who hold a machine, done in a twin by the functions behind the command line.

Does not live here: messages and requests (`hands.py`).
INVARIANT: a deed that the city refuses is an answer (409), never an error: to be refused may be what must happen.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cityward.adapters.exercising.background import Background
from cityward.compose.acting import containment
from cityward.compose.acting.postures import PostureDesk, switcher
from cityward.compose.entering.devices import Asked, Life, take_out
from cityward.compose.exercising.saying import put_in
from cityward.compose.exercising.twin import Twin
from cityward.compose.outgoing.recipients import Asked as AskedRecipient
from cityward.compose.outgoing.recipients import revoke_recipient
from cityward.compose.people.giving import PeopleDesk
from cityward.compose.watching.telling import FromOutside
from cityward.errors import CitywardError, PlaceError
from cityward.exercises.steps import Deed, Do
from cityward.runtime.containing import Stand
from cityward.runtime.people import Step, Wish

DONE, REFUSED, NOT_HERE = 200, 409, 501
SHORTEST_S = 60
BY = "exercise"
REASON = "an exercise"
Said = Mapping[str, str]


@dataclass(slots=True)
class Deeds:
    """In one twin. `held`: key of a step -> the containment that it began."""

    twin: Twin
    street: Background
    held: dict[str, str] = field(default_factory=dict[str, str])
    stopped: set[str] = field(default_factory=set[str])

    def do(self, step: Do, now_us: int) -> tuple[int, bytes]:
        """Do it: (status, what was said). Blocks. `declare` is not for here: it takes a new start."""
        acts: dict[Deed, Callable[[Do, Said, int], bytes]] = {
            Deed.CONTAIN: self._contain,
            Deed.LIFT: self._lift,
            Deed.DEVICE: self._device,
            Deed.POSTURE: self._posture,
            Deed.GRANT: self._grant,
            Deed.TAKE: self._take,
            Deed.RECIPIENT: self._recipient,
            Deed.END: self._end,
            Deed.HOLD: self._hold,
            Deed.LET_GO: self._let_go,
            Deed.SILENCE: self._silence,
            Deed.SPEAK: self._speak,
            Deed.FLOW_LOG: self._flow_log,
        }
        act = acts.get(step.deed)
        if act is None:
            return NOT_HERE, b"not to be had on a machine that others share"
        try:
            return DONE, act(step, step.said or {}, now_us)
        except KeyError as error:
            return REFUSED, f"the deed `{step.deed}` does not say {error}".encode()
        except CitywardError as error:
            return REFUSED, error.what.encode()

    # -- people -----------------------------------------------------------------------------------------------------------

    def _contain(self, step: Do, said: Said, _: int) -> bytes:
        setting = self.twin.setting
        wanted = containment.Wanted(said["target"], REASON, step.by or BY, self._seconds(said))
        row = containment.contain(setting, wanted)
        if row.state is Stand.ASKED and "second" in said:
            row = containment.approve(setting, row.id, said["second"])
        self.held[step.key] = row.id
        return row.id.encode()

    def _lift(self, step: Do, said: Said, _: int) -> bytes:
        if said["of"] not in self.held:
            raise PlaceError(f"the step `{said['of']}` contained nothing")
        return containment.lift(self.twin.setting, self.held[said["of"]], step.by or BY).id.encode()

    def _device(self, step: Do, said: Said, _: int) -> bytes:
        if not take_out(Asked(self.twin.state, said["unit"], step.by or BY), Life(said["to"])):
            raise PlaceError(f"`{said['unit']}` has no credential, or is {said['to']} already")
        return b""

    def _posture(self, step: Do, said: Said, _: int) -> bytes:
        desk, name = PostureDesk(self.twin.setting), said["posture"]
        who = switcher(self.twin.setting, step.by)
        waits = said["state"] == "on"
        row = desk.on(name, REASON, who, self._seconds(said)) if waits else desk.off(name, who)
        if row.state in ("asked", "ending") and "second" in said:
            row = desk.approve(name, switcher(self.twin.setting, said["second"]))
        return row.id.encode()

    def _grant(self, step: Do, said: Said, _: int) -> bytes:
        seconds = self._seconds(said) if "minutes" in said else 0
        wish = Wish(said["persona"], said["role"], REASON, seconds)
        return self._people().give(wish, step.by or BY).id.encode()

    def _take(self, step: Do, said: Said, _: int) -> bytes:
        desk = self._people()
        held = [g for g in desk.grants(said["persona"]) if g.role == said["role"] and g.state is Step.GIVEN]
        if not held:
            raise PlaceError(f"`{said['persona']}` does not hold `{said['role']}`")
        for grant in held:
            desk.take(grant.id, step.by or BY)
        return b""

    def _recipient(self, step: Do, said: Said, _: int) -> bytes:
        if not revoke_recipient(AskedRecipient(self.twin.state, said["recipient"], step.by or BY)):
            raise PlaceError(f"`{said['recipient']}` has no credential")
        return b""

    def _people(self) -> PeopleDesk:
        return PeopleDesk(self.twin.setting, FromOutside(self.twin.setting))

    def _seconds(self, said: Said) -> int:
        """Minutes of the city as seconds of the machine, by which containments and grants are timed."""
        minutes = float(said.get("minutes", "60"))
        return max(SHORTEST_S, round(minutes * 60 / self.twin.options.speed))

    # -- who holds a machine ----------------------------------------------------------------------------------------------

    def _end(self, _: Do, said: Said, __: int) -> bytes:
        self._signal(said["process"], signal.SIGKILL)
        return b""

    def _hold(self, _: Do, said: Said, __: int) -> bytes:
        self._signal(said["process"], signal.SIGSTOP)
        self.stopped.add(said["process"])
        return b""

    def _let_go(self, _: Do, said: Said, __: int) -> bytes:
        self._signal(said["process"], signal.SIGCONT)
        self.stopped.discard(said["process"])
        return b""

    def _signal(self, process: str, number: signal.Signals) -> None:
        """# SECURITY: only to processes that this twin says are its own."""
        pid = self.twin.pids.get(process) or self.twin.pids.get(f"{process}-0")
        if pid is None:
            raise PlaceError(f"the twin runs no process `{process}`")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    # -- the street and the network -----------------------------------------------------------------------------------------

    def _silence(self, _: Do, said: Said, __: int) -> bytes:
        self.street.silence(_names(said["of"]))
        return b""

    def _speak(self, _: Do, said: Said, __: int) -> bytes:
        self.street.speak(_names(said["of"]))
        return b""

    def _flow_log(self, _: Do, said: Said, now_us: int) -> bytes:
        line = put_in(said["line"].encode(), now_us, 0).rstrip(b"\n") + b"\n"
        with self.twin.flow_log.open("ab") as log:
            log.write(line)
        return b""


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]
