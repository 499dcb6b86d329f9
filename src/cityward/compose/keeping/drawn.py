"""Where the chain picture was drawn last: kept, so that people find everything where they saw it after the declaration changed.

It lies in `<state>/chain-picture.json`. It follows from the declarations that ran; without it the picture is laid out anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog

from cityward.compose.home import Home
from cityward.reach.picture import Picture

MOST_BYTES = 32 << 20
FILE = "chain-picture.json"
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DrawnFile:
    """`web.ports.Drawn`."""

    path: Path

    @classmethod
    def of(cls, home: Home) -> DrawnFile:
        """Of a city."""
        return cls(home.root / FILE)

    def before(self) -> Picture | None:
        """The picture that was kept; None: there is none, or it cannot be read."""
        try:
            with self.path.open("rb") as file:
                return msgspec.json.decode(file.read(MOST_BYTES), type=Picture)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def keep(self, picture: Picture) -> None:
        """From now on this one. That it cannot be written is told to the log only: people see the picture all the same."""
        beside = self.path.with_suffix(".new")
        try:
            beside.write_bytes(msgspec.json.encode(picture))
            beside.replace(self.path)
        except OSError as error:
            log.warning("the chain picture could not be kept", why=error.strerror)
