"""Steps of incident files at the door: the acts of `cityward incident`, one at a time.

Each reads whole logs, for seconds: they are taken in a thread, and who waits for the others too long is told to come again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from cityward.assurance.incidents.account import Account
from cityward.assurance.incidents.file import FileStep
from cityward.compose.proving.incident_files import Said, account_in, add_step, as_zip, open_file
from cityward.errors import LinkError

WAIT_S = 30.0

Line = tuple[str, str, str]
"""Of a file: its id, its state, its title."""


@dataclass(frozen=True, slots=True)
class FileDesk:
    """`web.ports.Filing`. after: called when something was put on record, so that answers made before are old."""

    state: Path
    after: Callable[[], None]
    _one: Lock = field(default_factory=Lock)

    def open(self, incident: str, title: str, subjects: Sequence[str], person: str) -> Line:
        """Open a file, of an incident of the watch or by hand.

        Raises:
            PlaceError: see `open_file`.
            LinkError: others take too long.
        """
        said = Said(person, title, incidents=(incident,) if incident else (), subjects=tuple(subjects))
        with self._alone():
            return _line(open_file(self.state, said))

    def decide(self, file: str, text: str, person: str) -> Line:
        """Put a decision on record. Raises: as `open`."""
        return self._step(file, FileStep.DECIDED, Said(person, text))

    def note(self, file: str, text: str, people: str, person: str) -> Line:
        """Put on record what is known; `people`: how many it touches, "": nobody says. Raises: as `open`."""
        return self._step(file, FileStep.NOTED, Said(person, text, facts={"people": people} if people else {}))

    def told(self, file: str, text: str, to: str, duties: Sequence[str], person: str) -> Line:
        """Put a message on record; the duties that it did are done. Raises: as `open`."""
        return self._step(file, FileStep.TOLD, Said(person, text, to=to, duties=tuple(duties)))

    def close(self, file: str, text: str, person: str) -> Line:
        """Close it; clocks that run go on. Raises: as `open`."""
        return self._step(file, FileStep.CLOSED, Said(person, text))

    def export(self, file: str) -> bytes:
        """The archive. Raises: as `open`; EvidenceError: a log is not what was signed."""
        with self._one_at_a_time():
            return as_zip(self.state, account_in(self.state, file))

    def _step(self, file: str, step: FileStep, said: Said) -> Line:
        with self._alone():
            return _line(add_step(self.state, file, step, said))

    @contextmanager
    def _alone(self) -> Generator[None]:
        with self._one_at_a_time():
            try:
                yield
            finally:  # it may be on record although the answer failed
                self.after()

    @contextmanager
    def _one_at_a_time(self) -> Generator[None]:
        if not self._one.acquire(timeout=WAIT_S):
            raise LinkError("other steps of incident files take long", mend="ask again in a minute")
        try:
            yield
        finally:
            self._one.release()


def _line(account: Account) -> Line:
    return account.file.id, account.state, account.file.title
