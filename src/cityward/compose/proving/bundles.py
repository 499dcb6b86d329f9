"""Evidence for others: bundles of entries with their proofs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cityward.adapters.ledgers.bundling import Selection, excerpt_of, verifier_texts
from cityward.adapters.ledgers.reading import folder_reader, key_of, ledgers_under
from cityward.adapters.ledgers.timestamps import Stamp, asker, roots_in, stamp_newest, stamps_of
from cityward.compose.home import Home, read_city_file
from cityward.errors import CitywardError, EvidenceError, LinkError
from cityward.evidence.bundle import ENTRIES_MOST, Excerpt, bundle_of
from cityward.evidence.verifier import Verdict, verify


@dataclass(frozen=True, slots=True)
class Question:
    """Which evidence: of these ledgers (none named: all), a range of one, or what is about something."""

    ledgers: Sequence[str] = ()
    first: int = 0
    stop: int | None = None
    about: str = ""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle, and how many entries of each log it holds."""

    data: bytes
    entries: dict[str, int]


def export_bundle(state: Path, question: Question) -> Bundle:
    """Gather the evidence.

    Raises:
        EvidenceError: nothing answers the question, too much does, or a ledger is not what was signed.
        LinkError: there is no such ledger.
    """
    selection = Selection(question.first, question.stop, question.about)
    excerpts: list[Excerpt] = []
    left = ENTRIES_MOST
    for folder in _folders(state, question.ledgers):
        excerpt = excerpt_of(folder, selection, left)
        if excerpt.entries:
            excerpts.append(excerpt)
            left -= len(excerpt.entries)
    if not excerpts:
        raise EvidenceError(
            "no entry answers the question", mend="see `cityward verify` for the ledgers and their sizes"
        )
    asked = {"ledgers": list(question.ledgers), "first": question.first, "stop": question.stop, "about": question.about}
    data = bundle_of(excerpts, asked, _declaration(state), verifier_texts())
    return Bundle(data, {excerpt.key.origin: len(excerpt.entries) for excerpt in excerpts})


def stamp_ledgers(state: Path, names: Sequence[str], address: str, roots: bytes) -> dict[str, Stamp | CitywardError]:
    """Have the newest checkpoint of each ledger stamped by an authority; ledger -> its stamp, or why there is none."""
    trusted, done = roots_in(roots), dict[str, Stamp | CitywardError]()
    for folder in _folders(state, names):
        try:
            done[folder.name] = stamp_newest(folder, asker(address), trusted)
        except CitywardError as error:  # one without a stamp keeps no other from its own
            done[folder.name] = error
    return done


def read_stamps(state: Path, names: Sequence[str], roots: bytes) -> dict[str, tuple[list[Stamp], Verdict]]:
    """The stamps of each ledger, and whether it grew out of every checkpoint that was stamped.

    Raises:
        EvidenceError: a stamp does not verify.
    """
    trusted, found = roots_in(roots), dict[str, tuple[list[Stamp], Verdict]]()
    for folder in _folders(state, names):
        stamps = stamps_of(folder, trusted)
        notes = [stamp.note for stamp in stamps]
        found[folder.name] = stamps, verify(folder_reader(folder), key_of(folder).text(), notes)
    return found


def _folders(state: Path, names: Sequence[str]) -> list[Path]:
    folders = ledgers_under(state)
    known = {folder.name: folder for folder in folders}
    for name in names:
        if name not in known:
            raise LinkError(
                f"there is no ledger `{name}` in {state}", mend=f"there are: {', '.join(sorted(known)) or 'none'}"
            )
    return [known[name] for name in names] if names else folders


def _declaration(state: Path) -> str:
    """The digest that the city was started with last; "" for ledgers without their city."""
    try:
        return read_city_file(Home(state)).declaration
    except LinkError:
        return ""
