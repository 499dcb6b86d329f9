"""A junction's controller, simulated: bytes in, lights and publications out. Pure; a client elsewhere moves the bytes.

Theory of operation
-------------------
`on_command` obeys a `signal-stage` that is the city's (by its signature), its own, current, new and within its stages, and
answers each readable command once. What it obeys is a wish: the sequencer (`guard.signals.sequencer`) makes colours of it, keeps
every minimum and intergreen, and goes by itself when nothing more is heard for `lost_after_s`: by what it is shown of its own
detectors (`look`), else by its plan. `tick` lets a second pass. `judge` shows the monitor what the lamps really show; from a
conflict on the junction flashes, and obeys nothing, until a person resets it.

INVARIANTS
- Nothing is obeyed that the city did not sign, or signed for another device; nothing twice (`runtime.obeying`).
- Whatever is commanded, no two conflicting groups are green: that is the sequencer's word, not the command's.
- Report times only rise.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from cityward.adapters.street.lamp import Publish
from cityward.errors import DecodeError
from cityward.guard.signals.before import Before
from cityward.guard.signals.colours import Colour, Lights
from cityward.guard.signals.monitor import Monitor
from cityward.guard.signals.rules import PLAN, JunctionRules
from cityward.guard.signals.sequencer import Sequencer
from cityward.place.junctions import Junction
from cityward.runtime.commands import (
    Acknowledgement,
    BadSignature,
    Command,
    Verify,
    decode_command,
    encode_acknowledgement,
)
from cityward.runtime.obeying import Obeyed
from cityward.time import SECOND, from_us

COMMAND = "signal-stage"
REPORT_EVERY_S = 2.0
CLOCK_TOLERANCE_S = 5.0  # of the street, how far ahead of its clock a command may be issued
BY_PLAN, BY_DETECTORS = 1.0, 2.0  # `signal-own-plan` of a junction on its own
MOST_GROUPS = 16  # the catalogue's properties for groups


class Cabinet:
    """See the module. speed: city seconds in one of the street, by which the times of commands are told."""

    def __init__(self, junction: Junction, name: str, now_us: int, verify: Verify, speed: float = 1.0) -> None:
        self.junction, self.name, self._verify, self._speed = junction, name, verify, speed
        self.rules = JunctionRules.of(junction, name)
        self.sequencer = Sequencer(self.rules, self._street_s(now_us))
        self.monitor = Monitor(self.rules)
        self.refused = 0  # commands that were not obeyed, for whatever reason
        self._obeyed = Obeyed()
        self._last_report = 0
        self._reported: tuple[object, ...] = ()
        self._reported_s = float("-inf")

    @property
    def lights(self) -> Lights:
        """What is shown now: the safe lights once the monitor has latched."""
        return self.monitor.safe_lights if self.monitor.latched else self.sequencer.lights

    def on_command(self, payload: bytes, now_us: int) -> list[Publish]:
        """The answer to a command."""
        try:
            command = decode_command(payload, self._verify)
        except BadSignature as error:
            self.refused += 1
            return [self._answer(error.id, now_us, "bad-signature")]
        except DecodeError:
            self.refused += 1
            return []
        objection = self._objection(command, now_us)
        if objection:
            self.refused += 1
            return [self._answer(command.id, now_us, objection)]
        self._obeyed.keep(command)
        self.sequencer.wish(int(command.set[COMMAND]), self._street_s(now_us))
        return [self._answer(command.id, now_us)]

    def tick(self, now_us: int) -> Lights:
        """Let the time pass; what is shown from now on."""
        self.sequencer.tick(self._street_s(now_us))
        return self.lights

    def look(self, before: Before, now_us: int) -> None:
        """What its own detectors see, by its own wires: no word of the network comes this way."""
        self.sequencer.look(before, self._street_s(now_us))

    def judge(self, shown: Mapping[str, Colour], now_us: int) -> None:
        """What the lamps show, as read back from them."""
        self.monitor.see(shown, self._street_s(now_us))

    def report(self, now_us: int) -> list[Publish]:
        """What it says of itself, when something changed or `REPORT_EVERY_S` have passed."""
        sequencer, now = self.sequencer, self._street_s(now_us)
        state = (
            sequencer.stage,
            sequencer.settled,
            self._alone,
            self.monitor.latched,
            tuple(self.lights.values()),
        )
        if state == self._reported and 0 <= now - self._reported_s < REPORT_EVERY_S:
            return []
        self._reported, self._reported_s = state, now
        moment = self._last_report = max(now_us, self._last_report + 1)
        values = {
            "signal-stage": float(sequencer.stage),
            "signal-since": round(min(sequencer.since_s(now), 86_400.0), 1),
            "signal-settled": float(sequencer.settled),
            "signal-own-plan": self._alone,
            "signal-breaches": float(sum(self.monitor.totals.values())),
            **self._groups(),
        }
        return [Publish(f"in/{self.junction.device}", pack(moment, values))]

    @property
    def _alone(self) -> float:
        if self.monitor.latched or not self.sequencer.on_plan:
            return float(self.monitor.latched)
        return BY_DETECTORS if self.sequencer.local else BY_PLAN

    def _groups(self) -> dict[str, float]:
        green, red = self.sequencer.green_s, self.sequencer.red_s
        found: dict[str, float] = {}
        for nth, group in enumerate(self.rules.groups[:MOST_GROUPS], start=1):
            seconds = max(green[group], 0.1) if group in green else -min(red.get(group, 0.0), 86_400.0)
            found[f"signal-group-{nth}"] = round(seconds, 1)
        return found

    def _objection(self, command: Command, now_us: int) -> str:
        if command.device != self.junction.device:
            return "wrong-device"
        if command.command != COMMAND or set(command.set) != {COMMAND}:
            return "unknown-command"
        late = self._obeyed.objection(command, now_us, round(CLOCK_TOLERANCE_S * self._speed * SECOND))
        return late or self._unbearable(command.set[COMMAND])

    def _unbearable(self, value: float) -> str:
        if self.monitor.latched:
            return "conflict-latched"
        return "" if value == int(value) and PLAN <= value < len(self.rules.stages) else "out-of-bounds"

    def _answer(self, command_id: str, now_us: int, reason: str = "") -> Publish:
        answer = Acknowledgement(
            id=command_id,
            outcome="rejected" if reason else "done",
            level=float(self.sequencer.stage),
            at=from_us(now_us),
            reason=reason,
        )
        return Publish(f"ack/{self.junction.device}", encode_acknowledgement(answer))

    def _street_s(self, now_us: int) -> float:
        return now_us / SECOND / self._speed


def pack(moment_us: int, values: Mapping[str, float]) -> bytes:
    """Readings of one moment. SPEC: RFC 8428 4.2: records of one pack share the base time, in seconds."""
    rows: list[dict[str, float | str]] = [{"n": name, "v": value} for name, value in values.items()]
    rows[0] = {"bt": moment_us / SECOND, **rows[0]}
    return msgspec.json.encode(rows)
