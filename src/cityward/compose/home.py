"""Where a running city keeps its things, and the one file that tells its processes how to find each other.

<state>/city.json   addresses, this start's role passwords (owner only)      <state>/nats/     the broker's log
<state>/history/    observations (Delta Lake)                                 <state>/ledger/   evidence, one log per role
<state>/state.db    latest values, counts, registry, commands (SQLite)        <state>/keys/     the city's keys (owner only)
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cityward.compose.files import writing
from cityward.errors import LinkError
from cityward.time import CityClock


@dataclass(frozen=True, slots=True)
class Home:
    """The state directory of one city."""

    root: Path

    @property
    def broker(self) -> Path:
        """The broker's configuration and log."""
        return self.root / "nats"

    @property
    def history(self) -> Path:
        """The observations."""
        return self.root / "history"

    @property
    def state_url(self) -> str:
        """The state store, as SQLAlchemy writes it."""
        return f"sqlite:///{self.root / 'state.db'}"

    @property
    def keys(self) -> Path:
        """Private keys; the folder is the owner's only."""
        return self.root / "keys"

    @property
    def device_secrets(self) -> Path:
        """The secrets of simulated devices; of real ones none is kept."""
        return self.keys / "devices"

    @property
    def recipient_secrets(self) -> Path:
        """The keys of recipients that the demonstration plays; of real ones none is kept."""
        return self.keys / "played-recipients"

    def ledger(self, role: str) -> Path:
        """The evidence log of one role."""
        return self.root / "ledger" / role

    def dropped(self, system: str) -> Path:
        """Where a system drops its files."""
        return self.root / "drop" / system

    @property
    def city_file(self) -> Path:
        """How the processes find each other."""
        return self.root / "city.json"

    def prepare(self) -> None:
        """Make the folders, the owner's only: observations may be personal.

        Raises:
            LinkError: they cannot be made.
        """
        with writing(self.root):
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.keys.mkdir(mode=0o700, exist_ok=True)

    @contextmanager
    def held(self, what: str = "city") -> Generator[None]:
        """Held by one process at a time, for as long as it lives: the whole city, or one partition of its log.

        Raises:
            LinkError: another one holds it.
        """
        handle = os.open(self.root / f"{what}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                mend = "end it first, or name another folder with --state"
                raise LinkError(f"another cityward already runs the {what} of {self.root}", mend=mend) from error
            yield
        finally:
            os.close(handle)


class Street(msgspec.Struct, frozen=True, kw_only=True):
    """What the simulated devices need: their front doors are the real ones."""

    recordings: str
    backfill_days: float


class Exercise(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes a city a twin on which attacks are tried (ADR 19): it is *closed*, and says everywhere what it is.

    secret: by which the exercise is known at the web door as the proxy in front of it. stand_ins: `127.0.0.1:port` of servers
    of the exercise: the only places outside that it may call. roles: processes beside those that every city has. overlay: a file
    whose records are laid over the declaration, as those of a proposal are; "": none.
    """

    id: str
    secret: str
    stand_ins: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    overlay: str = ""

    def __repr__(self) -> str:  # SECURITY: a secret printed by accident is a secret lost
        return f"Exercise(id={self.id!r}, ...)"


class CityFile(msgspec.Struct, frozen=True, kw_only=True):
    """One start of a city. Secrets inside: owner-only on disk, never printed."""

    place: str
    declaration: str
    bus_url: str
    passwords: dict[str, str]
    mqtt_host: str
    mqtt_port: int
    mqtt_ca: str | None
    web_host: str
    web_port: int
    admin_port: int
    web_tls: tuple[str, str] | None = None  # certificate and key; None: plain HTTP, on loopback or behind a proxy
    behind_proxy: bool = False  # a proxy in front of the web door ends the TLS
    clock: tuple[int, int, float]
    workers: int = 1
    gated: bool = True
    door_seed: str = ""  # hex: the key by which the door's answers are known to the broker; "": nobody is asked
    street: Street | None = None
    network_logs: tuple[str, ...] = ()  # flow logs that the role `network` follows
    exercise: Exercise | None = None  # it is no city, but a twin of one

    @property
    def city_clock(self) -> CityClock:
        """The city's clock, the same in every process."""
        return CityClock(*self.clock)

    @property
    def console(self) -> str:
        """Where people open the console: on this machine by name, since a passkey needs one."""
        host = "localhost" if self.web_host in {"127.0.0.1", "::1"} else self.web_host
        return f"{'http' if self.web_tls is None and not self.behind_proxy else 'https'}://{host}:{self.web_port}"

    @property
    def mqtt(self) -> str:
        """Where devices reach the broker."""
        return f"{'mqtt' if self.mqtt_ca is None else 'mqtts'}://{self.mqtt_host}:{self.mqtt_port}"

    def ledger_origin(self, place: str, role: str) -> str:
        """Under which name a ledger is signed. A twin's says that it is one: no entry of it can be taken for the city's."""
        return f"{place}/{role}" if self.exercise is None else f"exercise/{self.exercise.id}/{place}/{role}"


def read_exercise(path: Path) -> Exercise:
    """What `cityward exercise` wrote for the twin that it starts.

    Raises:
        LinkError: it cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Exercise)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LinkError(f"{path} says nothing of an exercise", mend="run `cityward exercise run`") from error


def write_city_file(home: Home, city: CityFile) -> None:
    """# SECURITY: made owner-only before anything is written into it."""
    draft = home.city_file.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_bytes(msgspec.json.encode(city))
    draft.replace(home.city_file)


def read_city_file(home: Home) -> CityFile:
    """What the running city wrote.

    Raises:
        LinkError: no city runs, or ran, in this folder.
    """
    try:
        return msgspec.json.decode(home.city_file.read_bytes(), type=CityFile)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LinkError(f"no city has run in {home.root}", mend="start it: cityward run") from error
