"""A street lamp's controller, simulated: bytes in, publications out. Pure; a client elsewhere only moves the bytes.

Theory of operation
-------------------
A lamp starts at its fail-safe level, as lamps do when power returns. `on_command` obeys a command that is the city's (by its
signature), its own, current, new and within bounds, and answers each readable command once, done or rejected. One that the city
did not sign has no name that could be believed: it is answered under one made of its bytes. `tick` reports level and power every
`report_every_s`, and watches over the silence: at night (by an astronomical clock of its own), without an accepted command for
`fail_safe_after_s`, the lamp returns to its fail-safe level, whoever cut it off. By day it stays as it is.

INVARIANTS
- The level lies within `low..high`, or is the fail-safe level.
- Nothing is obeyed that the city did not sign, or signed for another device. Without the city's key nothing is obeyed at all.
- Nothing is obeyed twice or out of its time: a recorded command cannot be played to the lamp again (`runtime.obeying`).
- Memory is bounded: what was obeyed, one level, three times.
- Report times only rise: two reports never carry the same time.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from cityward.adapters.street.variation import draw
from cityward.errors import DecodeError
from cityward.place.things import Position
from cityward.runtime.commands import (
    Acknowledgement,
    BadSignature,
    Command,
    Verify,
    decode_command,
    encode_acknowledgement,
)
from cityward.runtime.obeying import Obeyed
from cityward.services.lighting.sun import SUNSET_DEG, elevation_deg
from cityward.time import SECOND, from_us

METER_NOISE = 0.005  # PRECEDENT: IEC 62053-21, class 1: within 1 %, taken as two standard deviations


@dataclass(frozen=True, slots=True)
class Publish:
    """Bytes for a topic, QoS 1."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class LampSpec:
    """One lamp. Levels in percent, power in W, times in city seconds.

    `clock_tolerance_s`: how far ahead of the lamp's clock a command may be issued.
    """

    device: str
    position: Position
    command: str = "dim"
    low: float = 10.0
    high: float = 100.0
    fail_safe: float = 100.0
    fail_safe_after_s: int = 7200
    rated_w: float = 70.0  # PRECEDENT: LED replacing a 150 W sodium lamp on a main street
    standby_w: float = 0.5  # PRECEDENT: the limit of Commission Regulation (EU) 2019/2020 for luminaire control gear
    report_every_s: int = 300
    clock_tolerance_s: int = 60


def power_w(level: float, spec: LampSpec) -> float:
    """Power drawn at a level, in W: linear in the light between standby and rated.

    LED drivers dim by current, which light and power follow nearly in proportion; what the electronics draw remains.
    """
    return spec.standby_w + (spec.rated_w - spec.standby_w) * level / 100


class Lamp:
    """See the module."""

    def __init__(self, spec: LampSpec, now_us: int, verify: Verify) -> None:
        self.spec, self._verify = spec, verify
        self.level = spec.fail_safe
        self.unreadable = 0  # commands that could not be read, or that the city did not sign
        self._obeyed = Obeyed()
        self._heard_at = now_us
        self._next_report = now_us
        self._last_report = 0

    def on_command(self, payload: bytes, now_us: int) -> list[Publish]:
        """The answer to a command, and a report if the level changed."""
        try:
            command = decode_command(payload, self._verify)
        except BadSignature as error:
            self.unreadable += 1
            return [self._answer(error.id, "rejected", now_us, "bad-signature")]
        except DecodeError:
            self.unreadable += 1
            return []
        objection = self._objection(command, now_us)
        if objection:
            return [self._answer(command.id, "rejected", now_us, objection)]
        self._obeyed.keep(command)
        self._heard_at = now_us
        return [*self._set(command.set["lamp-level"], now_us), self._answer(command.id, "done", now_us)]

    def tick(self, now_us: int) -> list[Publish]:
        """What is due at this time. Call it at least every `report_every_s`."""
        changed = self._watch_over_silence(now_us)
        if changed or now_us < self._next_report:
            return changed
        return self._report(now_us)

    def _objection(self, command: Command, now_us: int) -> str:
        spec = self.spec
        if command.device != spec.device:
            return "wrong-device"
        if command.command != spec.command or set(command.set) != {"lamp-level"}:
            return "unknown-command"
        late = self._obeyed.objection(command, now_us, spec.clock_tolerance_s * SECOND)
        return late or ("" if spec.low <= command.set["lamp-level"] <= spec.high else "out-of-bounds")

    def _watch_over_silence(self, now_us: int) -> list[Publish]:
        self._heard_at = min(self._heard_at, now_us)  # the clock went back: the silence is counted anew
        if now_us - self._heard_at < self.spec.fail_safe_after_s * SECOND:
            return []
        is_night = elevation_deg(now_us, self.spec.position) < SUNSET_DEG
        return self._set(self.spec.fail_safe, now_us) if is_night else []

    def _set(self, level: float, now_us: int) -> list[Publish]:
        if level == self.level:
            return []
        self.level = level
        return self._report(now_us)

    def _report(self, now_us: int) -> list[Publish]:
        # the gate refuses a second reading of one property at one time, rightly
        moment = max(now_us, self._last_report + 1)
        self._last_report = moment
        self._next_report = now_us + self.spec.report_every_s * SECOND
        # SPEC: RFC 8428 4.2 and 4.5: records of one pack share the base time, in seconds
        pack = [
            {"bt": moment / SECOND, "n": "lamp-level", "u": "%", "v": self.level},
            {"n": "lamp-power", "u": "W", "v": self._metered_w(moment)},
        ]
        return [Publish(f"in/{self.spec.device}", msgspec.json.encode(pack))]

    def _metered_w(self, now_us: int) -> float:
        """What its meter says, in W: nothing that measures says the same digits all night."""
        return round(
            power_w(self.level, self.spec) * (1 + METER_NOISE * draw(f"{self.spec.device} lamp-power {now_us}")), 2
        )

    def _answer(self, command_id: str, outcome: str, now_us: int, reason: str = "") -> Publish:
        answer = Acknowledgement(
            id=command_id,
            outcome="done" if outcome == "done" else "rejected",
            level=self.level,
            at=from_us(now_us),
            reason=reason,
        )
        return Publish(f"ack/{self.spec.device}", encode_acknowledgement(answer))
