"""Incident files of a city, from its state directory: read as folds of its logs, written as entries, exported with proofs.

Does not live here: what a file is (`assurance.incidents`).

INVARIANT: evidence first and only: a step is an entry of the log `operator`, and nothing is written anywhere else.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import msgspec

from cityward.adapters.ledgers.bundling import excerpt_of_those, verifier_texts
from cityward.adapters.ledgers.reading import key_of
from cityward.assurance.control import Dossier
from cityward.assurance.incidents.account import Account, account_of, files_in
from cityward.assurance.incidents.file import (
    MOST_PERSON,
    MOST_SUBJECTS,
    MOST_TEXT,
    FileStep,
    IncidentFile,
    by_hand,
)
from cityward.assurance.incidents.telling import html, markdown
from cityward.assurance.trail import Trail
from cityward.compose.home import Home
from cityward.compose.proving.assessing import entries, hold_to_their_word, own_logs
from cityward.compose.setting import Setting, open_setting
from cityward.errors import PlaceError
from cityward.evidence.bundle import bundle_of
from cityward.evidence.records import FileNoted, Found
from cityward.place.checks.whole import Whole
from cityward.place.hints import did_you_mean
from cityward.place.model import Place
from cityward.text import harmless

ROLE = "operator"
OLDEST = (1980, 1, 1, 0, 0, 0)  # of a file in an archive: the same account gives the same bytes


@dataclass(frozen=True, slots=True)
class Said:
    """What a person says in a step. to: whom they told. duties: which that did. facts: see `FileNoted`."""

    person: str
    text: str
    to: str = ""
    duties: Sequence[str] = ()
    incidents: Sequence[str] = ()
    subjects: Sequence[str] = ()
    refs: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict[str, str])


def dossier_of_city(state: Path) -> Dossier:
    """The declaration and the log of a city, running or not.

    Raises:
        EvidenceError: a log does not read as it was signed.
        LinkError: no city ran there, or the disk did not answer.
    """
    setting = open_setting(Home(state))
    try:
        return _dossier(setting)
    finally:
        setting.state.dispose()


def _dossier(setting: Setting) -> Dossier:
    hold_to_their_word(setting)
    return Dossier(setting.loaded, Trail(entries(setting.home.root)), setting.now_us())


def account_in(state: Path, name: str) -> Account:
    """One file, by its id or the beginning of it.

    Raises:
        PlaceError: there is no such file, or more than one begins so.
        CitywardError: as `dossier_of_city`.
    """
    dossier = dossier_of_city(state)
    return account_of(dossier, chosen(files_in(dossier), name))


def open_file(state: Path, said: Said) -> Account:
    """Open a file: of the watch's incident that is named, or by hand.

    Raises:
        PlaceError: the incident or a subject is not known, or the incident has a file that somebody opened.
        CitywardError: as `dossier_of_city`.
    """
    setting = open_setting(Home(state))
    try:
        dossier = _dossier(setting)
        incidents = [_incident(dossier.trail, name) for name in said.incidents]
        name = incidents[0] if incidents else by_hand(dossier.now_us, said.person, said.text)
        before = files_in(dossier).get(name)
        if before is not None and any(step.record.step == FileStep.OPENED for step in before.steps):
            mend = f"see it: cityward incident show {name}"
            raise PlaceError(f"`{name}` has a file, which {before.opened_by} opened", mend=mend)
        if not incidents and not said.text:
            raise PlaceError("a file that is opened by hand needs a title", mend="say it by --title")
        title = said.text or _title(dossier.trail, incidents[0])
        _append(setting, dossier, name, FileStep.OPENED, _with(said, title, incidents))
        return _again(setting, name)
    finally:
        setting.state.dispose()


def _with(said: Said, text: str, incidents: Sequence[str]) -> Said:
    """The same, with another text and other incidents."""
    return Said(said.person, text, said.to, said.duties, incidents, said.subjects, said.refs, said.facts)


def add_step(state: Path, name: str, step: FileStep, said: Said) -> Account:
    """Put a step of a file on record; the file with it.

    Raises:
        PlaceError: there is no such file, incident, subject or duty; or the file is closed already.
        CitywardError: as `dossier_of_city`.
    """
    setting = open_setting(Home(state))
    try:
        dossier = _dossier(setting)
        file = chosen(files_in(dossier), name)
        if step is FileStep.CLOSED and file.closed_at is not None:
            raise PlaceError(f"the file `{file.id}` is closed already", mend="a decision or a join opens it again")
        incidents = [_incident(dossier.trail, one) for one in said.incidents]
        _append(setting, dossier, file.id, step, _with(said, said.text, incidents))
        return _again(setting, file.id)
    finally:
        setting.state.dispose()


def _again(setting: Setting, name: str) -> Account:
    dossier = Dossier(setting.loaded, Trail(entries(setting.home.root)), setting.now_us())
    return account_of(dossier, files_in(dossier)[name])


def _append(setting: Setting, dossier: Dossier, name: str, step: FileStep, said: Said) -> None:
    _known_subjects(dossier.place, said.subjects)
    facts = {key: harmless(value)[:MOST_TEXT] for key, value in said.facts.items()}
    if said.duties:
        _known_duties(dossier.place, said.duties)
        facts["duty"] = " ".join(said.duties)
    record = FileNoted(
        at=setting.now_us(),
        by=ROLE,
        file=name,
        step=step.value,
        person=harmless(said.person)[:MOST_PERSON],
        text=harmless(said.text)[:MOST_TEXT],
        incidents=tuple(said.incidents),
        subjects=tuple(said.subjects),
        refs=tuple(harmless(ref)[:MOST_PERSON] for ref in said.refs[:MOST_SUBJECTS]),
        to=harmless(said.to)[:MOST_PERSON],
        facts=facts,
    )
    with setting.ledger_when_free(ROLE) as ledger:
        ledger.append([record])


def chosen(files: Mapping[str, IncidentFile], name: str) -> IncidentFile:
    """A file by its id, or the beginning of it.

    Raises:
        PlaceError: there is none, or more than one.
    """
    if name in files:
        return files[name]
    alike = [one for id_, one in files.items() if name and id_.startswith(name)]
    if len(alike) != 1:
        what = f"no incident file is called `{name}`" if not alike else f"{len(alike)} files begin with `{name}`"
        raise PlaceError(what, mend="see `cityward incident list` for their names")
    return alike[0]


def _incident(trail: Trail, name: str) -> str:
    """An incident of the watch, by its id or the beginning of it; what is on record, not what is in the watch's book."""
    known = dict.fromkeys(entry.record.incident for entry in trail.of(Found) if entry.record.incident)
    alike = [name] if name in known else [one for one in known if name and one.startswith(name)]
    if len(alike) != 1:
        what = f"no incident is called `{name}`" if not alike else f"{len(alike)} incidents begin with `{name}`"
        raise PlaceError(what, mend="see `cityward watch` for their names")
    return alike[0]


def _title(trail: Trail, incident: str) -> str:
    first = next(entry.record for entry in trail.of(Found) if entry.record.incident == incident)
    return f"{first.detector}: {first.what} at {first.subject}"


def _known_subjects(place: Place, subjects: Sequence[str]) -> None:
    if len(subjects) > MOST_SUBJECTS:
        raise PlaceError(f"{len(subjects)} subjects; a step names {MOST_SUBJECTS} at most", mend="name their site")
    units = Whole(place).group_of
    for subject in subjects:
        if len(subject) > MOST_PERSON:
            raise PlaceError(f"a subject has more than {MOST_PERSON} characters", mend="name it by its id")
        if ":" not in subject and subject not in units:
            mend = "name a unit, or `kind:id`: system:, party:, flow:, dataset:, service:, recipient:, site:, address:"
            raise PlaceError(f"`{subject}` is not a declared device{did_you_mean(subject, units)}", mend=mend)


def _known_duties(place: Place, duties: Sequence[str]) -> None:
    known = [f"{land}.{name}" for land in place.jurisdictions for name in place.jurisdictions[land].reporting]
    for duty in duties:
        if duty not in known:
            listed = ", ".join(known) or "none: see `reporting` in docs/declaration.md"
            raise PlaceError(f"`{duty}` is no declared duty{did_you_mean(duty, known)}", mend=f"there are: {listed}")


# -- export --------------------------------------------------------------------------------------------------------------


FORMS = (".zip", ".json", ".md", ".html")


def in_form(form: str, state: Path, account: Account) -> bytes:
    """The file in one of `FORMS`.

    Raises:
        EvidenceError: see `as_zip`.
    """
    if form == ".zip":
        return as_zip(state, account)
    if form == ".json":
        return as_json(account)
    return (markdown if form == ".md" else html)(account).encode()


def as_json(account: Account) -> bytes:
    """The file as one JSON document: sorted keys, indented."""
    return msgspec.json.format(msgspec.json.encode(account, order="sorted"), indent=2) + b"\n"


def as_zip(state: Path, account: Account) -> bytes:
    """The file as an archive: JSON, Markdown, HTML, and the proofs of every entry that it names.

    The same logs and moment give the same bytes.

    Raises:
        EvidenceError: a log is not what was signed, or there is too much for one bundle.
    """
    members = {
        "README.txt": _README.encode(),
        "incident.html": html(account).encode(),
        "incident.json": as_json(account),
        "incident.md": markdown(account).encode(),
        "evidence.tar": _proofs(state, account),
        **verifier_texts(),
    }
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, OLDEST)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, members[name])
    return out.getvalue()


def _proofs(state: Path, account: Account) -> bytes:
    numbers: dict[str, list[int]] = {}
    for entry in account.entries:
        log, _, number = entry.rpartition(":")
        if number.isdecimal():
            numbers.setdefault(log, []).append(int(number))
    folders = {key_of(folder).origin.rpartition("/")[2]: folder for folder in own_logs(state)}
    excerpts = [excerpt_of_those(folders[log], mine) for log, mine in sorted(numbers.items()) if log in folders]
    return bundle_of(excerpts, {"incident": account.file.id}, account.declaration, verifier_texts())


_README = """An incident file of Cityward: what is on record of one incident, and who must be told by when.

incident.md, incident.html   to read        incident.json   the same, for machines
evidence.tar                 every log entry that the file names, byte for byte, with the proof of its place

Check the proofs with Python alone, without a network:

    python verify_bundle.py evidence.tar KEY [KEY ...]

KEY is a log's public key, as the city gave it to you by another way. Without one, the keys in the bundle are used.
What the file says follows from those entries and from the declaration whose digest it names; nothing in it was entered elsewhere.
"""
