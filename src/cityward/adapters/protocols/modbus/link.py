"""Asks a cabinet for its registers, by Modbus TCP, and never writes one.

A cabinet has no way to prove itself, and Modbus none to seal what it says: whoever is on its wire can answer in its place. The
address is declared as an address, not as a name, so that nobody's name server leads the city elsewhere.

INVARIANTS
- Only the four functions that read are called.
- One connection a turn, closed at its end: a cabinet serves a handful at most, and its maker's tool wants one, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from cityward.adapters.protocols.modbus.codec import ID
from cityward.errors import LinkError
from cityward.place.registers import Register
from cityward.runtime.collecting import Gathered

MOST_REGISTERS, MOST_BITS = 120, 1900  # SPEC: 6.1, 6.3: 125 and 2000; some cabinets take a little less
GAP = 8  # registers not asked for that may lie between two that are: one answer instead of two
ANSWER_S = 3.0


@dataclass(frozen=True, slots=True)
class Span:
    """Registers that are asked for at once."""

    table: str
    first: int
    count: int


def spans_of(registers: Iterable[Register]) -> list[Span]:
    """As few questions as hold all of them."""
    out: list[Span] = []
    for register in sorted(registers, key=lambda one: (one.table, one.address)):
        end, last = register.address + register.words, out[-1] if out else None
        most = MOST_BITS if register.kind == "bit" else MOST_REGISTERS
        if last is not None and last.table == register.table:
            reach = last.first + last.count
            if register.address <= reach + GAP and end - last.first <= most:
                out[-1] = Span(last.table, last.first, max(last.count, end - last.first))
                continue
        out.append(Span(register.table, register.address, register.words))
    return out


@dataclass(slots=True)
class Cabinet:
    """A `runtime.collecting.Source`: one device, its address and what is asked of it."""

    device: str
    host: str
    port: int
    unit: int
    spans: Sequence[Span]
    every_s: float
    longest_s: float = 20.0

    @property
    def name(self) -> str:
        """As people know it."""
        return f"modbus:{self.device}"

    async def gather(self) -> Sequence[Gathered]:
        """Its registers now, as one message.

        Raises:
            LinkError: it does not answer, or says no.
        """
        client = AsyncModbusTcpClient(self.host, port=self.port, timeout=ANSWER_S, retries=0, reconnect_delay=0)
        try:
            if not await client.connect():
                raise LinkError(f"{self.device} does not answer at {self.host}:{self.port}")
            blocks = [await self._ask(client, span) for span in self.spans]
        except (ModbusException, OSError, TimeoutError) as error:
            raise LinkError(f"{self.device} does not answer: {type(error).__name__}") from error
        finally:
            client.close()
        return [Gathered(self.device, ID, msgspec.json.encode({"blocks": blocks}))]

    async def taken(self) -> None:
        """Nothing to say to it."""

    async def close(self) -> None:
        """Nothing is held."""

    async def _ask(self, client: AsyncModbusTcpClient, span: Span) -> dict[str, object]:
        ask = {
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
            "holding": client.read_holding_registers,
            "input": client.read_input_registers,
        }[span.table]
        answer: ModbusPDU = await ask(span.first, count=span.count, device_id=self.unit)
        if answer.isError():
            raise LinkError(
                f"{self.device} refuses {span.table} {span.first} to {span.first + span.count - 1}: {answer}"
            )
        words = (
            [int(bit) for bit in answer.bits[: span.count]] if span.table in ("coil", "discrete") else answer.registers
        )
        if len(words) != span.count:
            raise LinkError(f"{self.device} answers {len(words)} registers where {span.count} were asked for")
        return {"table": span.table, "first": span.first, "words": list(words)}
