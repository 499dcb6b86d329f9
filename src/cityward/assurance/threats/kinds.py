"""The six kinds of threat (STRIDE), in our words, and the controls that speak of each."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Kind(StrEnum):
    """STRIDE."""

    SPOOFING = "spoofing"
    TAMPERING = "tampering"
    REPUDIATION = "repudiation"
    DISCLOSURE = "disclosure"
    DENIAL = "denial"
    ELEVATION = "elevation"


SAID: Mapping[Kind, str] = {
    Kind.SPOOFING: "somebody else speaks in the name of `{begin}` over `{flow}`",
    Kind.TAMPERING: "what `{flow}` carries is changed on its way, or was false from the start",
    Kind.REPUDIATION: "what went over `{flow}` is denied later, and nothing shows it",
    Kind.DISCLOSURE: "what `{flow}` carries is read by somebody it is not for",
    Kind.DENIAL: "`{flow}` is flooded, or stops",
    Kind.ELEVATION: "over `{flow}` somebody comes to do more than they may at `{end}`",
}
SPEAKING: Mapping[Kind, tuple[str, ...]] = {
    Kind.SPOOFING: ("K-01", "X-05", "X-04", "X-06", "J-04"),
    Kind.TAMPERING: ("X-02", "X-06", "I-01", "I-02", "I-03", "I-04", "X-01"),
    Kind.REPUDIATION: ("K-04", "P-06", "P-07", "M-04", "M-06"),
    Kind.DISCLOSURE: ("J-02", "J-03", "P-01", "P-02", "P-05", "P-08", "X-07", "J-12"),
    Kind.DENIAL: ("R-01", "K-02", "K-05", "I-06", "X-08"),
    Kind.ELEVATION: ("X-03", "X-01", "M-01", "M-02", "J-09", "J-10", "I-05", "X-09"),
}
"""Controls speak of a threat where they judge its flow, or what stands at one of its ends. A name that no control has speaks of
nothing, and is no error."""
