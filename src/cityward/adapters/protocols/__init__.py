"""How devices say things: one folder per body format, each with a pure `codec.py` and its `samples/`.

Lives here: the codecs, found by scanning the folders, and what they share (`strict_json`, `times`, `values`,
`conversions`, `rows`). Does not live here: how bytes travel (MQTT, HTTP, the log), and whether a claim may be believed
(`guard.admit`).

INVARIANTS
- A codec raises nothing, for any input: what it cannot read becomes a row with a fault. Every message gives a row.
- A message never influences the rows of another one.
- Size, depth and number of records are bounded before they cost anything.

To add a format: a folder with a `codec.py` that has `ID` (how a DeviceModel names it) and `create() -> Codec`, and
samples. The conformance suite finds it by itself.
"""

from __future__ import annotations

import importlib
import pkgutil

from cityward.adapters.protocols.lorawan import codec as lorawan
from cityward.adapters.protocols.lorawan.codec import Decoder
from cityward.guard.batch import Codec


def codecs(decoder: Decoder | None = None) -> dict[str, Codec]:
    """Every codec by its id (`senml`, `json`, `ngsi-ld`), newly made. decoder: runs vendors' scripts for those that need one.

    A codec that does not import stops the start: a city must not run deaf to some of its devices.

    Raises:
        ImportError: a folder's `codec.py` does not import.
        ValueError: two folders claim the same id.
    """
    found: dict[str, Codec] = {}
    for folder in sorted(info.name for info in pkgutil.iter_modules(__path__) if info.ispkg):
        module = importlib.import_module(f"{__name__}.{folder}.codec")
        if module.ID in found:
            raise ValueError(f"two codecs call themselves `{module.ID}`; the second is {module.__name__}")
        found[module.ID] = module.create(decoder) if module is lorawan else module.create()
    return found
