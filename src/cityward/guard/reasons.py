"""Why a gate refused: one word per reason, the same in counters, quarantine, evidence and the console."""

from __future__ import annotations

from enum import IntEnum


class Reason(IntEnum):
    """The verdict on one row. `ADMITTED` is 0; all others are refusals, except those in `SHED`.

    The numbers are stored: append, never renumber.
    """

    ADMITTED = 0
    NOT_UTF8 = 1
    NOT_JSON = 2
    WRONG_SHAPE = 3
    TOO_LARGE = 4
    TOO_DEEP = 5
    DUPLICATE_KEY = 6
    NOT_A_NUMBER = 7
    NOT_FINITE = 8
    UNKNOWN_PROPERTY = 9
    UNIT_MISMATCH = 10
    NAIVE_TIME = 11
    BAD_TIME = 12
    UNKNOWN_DEVICE = 13
    INACTIVE_DEVICE = 14
    NO_FLOW = 15
    WRONG_DEVICE = 16
    OUT_OF_RANGE = 17
    IN_THE_FUTURE = 18
    TOO_OLD = 19
    DUPLICATE = 20
    REPLAY = 21
    RATE_EXCEEDED = 22
    BROKER_REFUSED = 23
    BYTES_EXCEEDED = 24
    GROUP_BUDGET = 25
    FLOW_BUDGET = 26
    PARTY_BUDGET = 27
    PLACE_BUDGET = 28
    NOT_ACKNOWLEDGED = 29
    UNDECODABLE = 30

    @property
    def word(self) -> str:
        """As people read it: `out-of-range`."""
        return self.name.lower().replace("_", "-")


SHED = frozenset(
    {
        Reason.RATE_EXCEEDED,
        Reason.BYTES_EXCEEDED,
        Reason.GROUP_BUDGET,
        Reason.FLOW_BUDGET,
        Reason.PARTY_BUDGET,
        Reason.PLACE_BUDGET,
    }
)
"""Dropped unread for want of capacity, counted apart from refusals."""

MENDS: dict[Reason, str] = {
    Reason.NOT_UTF8: "send JSON encoded as UTF-8",
    Reason.NOT_JSON: "send one complete JSON value per message",
    Reason.WRONG_SHAPE: "send the shape the device model declares: a SenML pack, or an object with its paths",
    Reason.TOO_LARGE: "send smaller messages, or raise limits.max_message_bytes of the flow",
    Reason.TOO_DEEP: "nest no deeper than 32 levels",
    Reason.DUPLICATE_KEY: "send each key once",
    Reason.NOT_A_NUMBER: "send a number",
    Reason.NOT_FINITE: "send a finite number; leave the reading out when there is none",
    Reason.UNKNOWN_PROPERTY: "declare the property on the device model, or stop sending it",
    Reason.UNIT_MISMATCH: "send the declared unit, or one that converts into it",
    Reason.NAIVE_TIME: "send times with a zone: RFC 3339 with Z or an offset",
    Reason.BAD_TIME: "send RFC 3339 times, or SenML seconds",
    Reason.UNKNOWN_DEVICE: "declare the device",
    Reason.INACTIVE_DEVICE: "set the device's status to active, or find out who speaks in its name",
    Reason.NO_FLOW: "declare a flow that carries the property's dataset from this device",
    Reason.WRONG_DEVICE: "send under the device's own name only",
    Reason.OUT_OF_RANGE: "check the sensor, or mend the limits on the device model",
    Reason.IN_THE_FUTURE: "set the device's clock",
    Reason.TOO_OLD: "send sooner, or raise limits.max_age_s of the flow",
    Reason.DUPLICATE: "nothing: it is already held",
    Reason.REPLAY: "find out who repeats old messages",
    Reason.RATE_EXCEEDED: "send less often, or raise limits.messages_per_minute of the flow",
    Reason.BROKER_REFUSED: "publish to the device's own topic only",
    Reason.BYTES_EXCEEDED: "send less, or raise limits.bytes_per_minute of the flow",
    Reason.GROUP_BUDGET: "find the members that send too much, or raise the budget of their group",
    Reason.FLOW_BUDGET: "find the devices that send too much, or raise the budget of the flow",
    Reason.PARTY_BUDGET: "ask the party why its devices send so much, or raise its budget",
    Reason.PLACE_BUDGET: "find what floods the place, or raise its budget if the machine can take more",
    Reason.NOT_ACKNOWLEDGED: "publish with QoS 1: what asks for no acknowledgement (QoS 0) does not come in",
    Reason.UNDECODABLE: "see whether the model names the codec that its devices speak, and what the codec says",
}
"""What the sender can do about each refusal."""
