"""Whose incidents are, and steps of incident files, in memory: for the web door."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from cityward.errors import PlaceError
from cityward.watch.hands import Hand, assigned, snoozed
from web.house import NOON
from web.watching import MemoryBook

Line = tuple[str, str, str]


@dataclass
class MemoryHands:
    """`Handing` over a book in memory, at noon; without evidence."""

    book: MemoryBook
    held: dict[str, Hand] = field(default_factory=dict)

    def hands(self, incidents: Collection[str]) -> Mapping[str, Hand]:
        return {id_: hand for id_, hand in self.held.items() if id_ in incidents}

    def people(self) -> Mapping[str, str]:
        return {"ada": "Ada Ford", "operator": "First person"}

    def assign(self, incident: str, to: str, person: str, note: str = "") -> Hand:
        if to and to not in self.people():
            raise PlaceError(f"`{to}` is nobody of this city", mend="name somebody")
        self.held[incident] = assigned(self._hand(incident), to=to, by=person, at=NOON)
        self.book.changes += 1
        return self.held[incident]

    def snooze(self, incident: str, for_us: int, person: str, why: str = "") -> Hand:
        found = self.book.held[incident]
        hand = snoozed(self._hand(incident), found, until=NOON + for_us, by=person, why=why, now=NOON)
        self.held[incident] = hand
        self.book.changes += 1
        return hand

    def _hand(self, incident: str) -> Hand:
        return self.held.get(incident, Hand(incident=incident))


@dataclass
class MemoryFiles:
    """`Filing`, as a list of what was said."""

    said: list[tuple[object, ...]] = field(default_factory=list)

    async def open(self, incident: str, title: str, subjects: Sequence[str], person: str) -> Line:
        self.said.append(("opened", incident, title, tuple(subjects), person))
        return incident or "f0", "open", title or "of an incident"

    async def decide(self, file: str, text: str, person: str) -> Line:
        return self._step("decided", file, text, person)

    async def note(self, file: str, text: str, people: str, person: str) -> Line:
        return self._step("noted", file, text, people, person)

    async def told(self, file: str, text: str, to: str, duties: Sequence[str], person: str) -> Line:
        return self._step("told", file, text, to, tuple(duties), person)

    async def close(self, file: str, text: str, person: str) -> Line:
        return self._step("closed", file, text, person)

    async def export(self, file: str) -> bytes:
        return b"PK" + msgspec.json.encode(file)

    def _step(self, step: str, file: str, *words: object) -> Line:
        if file != "f0":
            raise PlaceError(f"no incident file is called `{file}`", mend="see the list")
        self.said.append((step, file, *words))
        return file, "closed" if step == "closed" else "open", "t"
