"""A link to a TALQ-style gateway, over the one door outward: lists lamp controllers, hands on commands that were permitted.

What arrives here is a `Command` that the permit gate let through and that is on record; this changes its form, not its sense.
Does not live here: whether a command may be given (`guard.permit`), where connections lead (`adapters.outward`).

INVARIANTS
- Nothing is sent for a device that was not listed and bound, after its expiry, or that sets anything but `lamp-level`.
- A command that was handed on ends `HOLD` after it was given, unless it is reminded: a silent city leaves no street dimmed.
- Every list is bounded in pages and bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal
from urllib.parse import urlencode
from uuid import UUID, uuid5

from cityward.adapters.outward.connect import Outward
from cityward.adapters.outward.http import Answer, Request, exchange
from cityward.adapters.talq.objects import MOST_DEVICES, LampController, encode_override, read_devices
from cityward.errors import DecodeError, LinkError
from cityward.place.exits import Exit
from cityward.runtime.commands import Acknowledgement, Command
from cityward.time import from_us

VERSION = "2.7.1"
HOLD = timedelta(hours=2)  # PRECEDENT: as long as our own lamps wait in silence before they return to full light
MOST_PAGES = 100
PAGE = 200  # devices
MOST_ANSWER = 1 << 20
WHOLE_S = 20.0


class Gateway:
    """One gateway.

    Args:
        outward: the door.
        exit_: the declared endpoint; nothing else is called.
        client: the UUID under which the gateway knows the city.
        bound: our device -> its lamp controller.
        path: before every resource, without a `/` at its end.
    """

    def __init__(
        self, outward: Outward, exit_: Exit, client: UUID, bound: Mapping[str, LampController], path: str = ""
    ) -> None:
        self._outward, self._exit, self._client, self._path = outward, exit_, client, path
        self._bound = dict(bound)

    def lamps(self) -> list[LampController]:
        """Every lamp controller of the gateway. Blocks.

        Raises:
            LinkError: no answer, or another one than a list of devices.
            Refused: the name, or the answer, leads elsewhere.
        """
        found: list[LampController] = []
        for page in range(MOST_PAGES):
            more, is_last = self._page(page * PAGE, {lamp.address for lamp in found})
            found += more
            if is_last:
                break
        return found

    def _page(self, offset: int, seen: set[str]) -> tuple[list[LampController], bool]:
        query = {"clientAddress": str(self._client), "offset": str(offset), "limit": str(PAGE)}
        answer = self._ask("GET", "devices", query, b"")
        if answer.status != 200 or not answer.is_whole:
            raise LinkError(f"{self._exit.host} answered {answer.status}, or too much", mend="look at the gateway")
        try:
            lamps = read_devices(answer.body)
        except DecodeError as error:
            raise LinkError(f"{self._exit.host} lists no devices: {error}", mend="look at the gateway") from error
        new = [lamp for lamp in lamps if lamp.address not in seen]
        # a gateway that does not page answers with all of them, and with the same the next time
        return new, not new or len(lamps) < PAGE or len(lamps) >= MOST_DEVICES

    def send(self, command: Command, now_us: int) -> Acknowledgement | None:
        """Hand one command on. Blocks. None: the gateway took it, and has not yet said that it is done.

        Raises:
            LinkError: no answer.
            Refused: the name, or the answer, leads elsewhere.
        """
        lamp, objection = self._bound.get(command.device), self._objection(command, now_us)
        if lamp is None or objection:
            return self._answer(command, "rejected", now_us, objection or "unknown-device")
        level = command.set["lamp-level"]
        body = encode_override(lamp, level, command.id, from_us(now_us) + HOLD)
        # the same command has the same request id: a gateway that hears it twice can tell
        query = {"clientAddress": str(self._client), "talqRequestId": str(uuid5(self._client, command.id))}
        answer = self._ask("POST", "override-commands", query, body)
        if answer.status == 202:
            return None
        if answer.is_taken:
            return self._answer(command, "done", now_us)
        return self._answer(command, "rejected", now_us, f"gateway-{answer.status}")

    def _objection(self, command: Command, now_us: int) -> str:
        if set(command.set) != {"lamp-level"}:
            return "unknown-command"
        if command.expires_at <= from_us(now_us):
            return "expired"
        return "" if 0 <= command.set["lamp-level"] <= 100 else "out-of-bounds"

    def _ask(self, method: Literal["GET", "POST"], resource: str, query: Mapping[str, str], body: bytes) -> Answer:
        headers = {"talq-api-version": VERSION, "Accept": "application/json"}
        if body:
            headers["Content-Type"] = "application/json"
        path = f"{self._path}/{resource}?{urlencode(query)}"
        return exchange(self._outward, self._exit, Request(method, path, body, headers, MOST_ANSWER, WHOLE_S))

    def _answer(
        self, command: Command, outcome: Literal["done", "rejected"], now_us: int, reason: str = ""
    ) -> Acknowledgement:
        level = command.set.get("lamp-level") if outcome == "done" else None
        return Acknowledgement(id=command.id, outcome=outcome, level=level, at=from_us(now_us), reason=reason)
