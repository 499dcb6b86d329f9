"""A report given out: its files in a folder, their list signed by the city's report key, and that on record; and read again.

    report.json     the report, canonical: what its digest is of        report.html, report.pdf    the same, for people
    changes.json    since another report, where one was named           oscal.json, findings.sarif for tools
    evidence.tar    every entry it rests on, with proofs                manifest                   the signed list of them all
    report.vkey     the key it is signed with; take the city's word for it by another way

INVARIANTS
- Every file carries the assessment's digest (`evidence.tar` in its manifest), and the signed list has the SHA-256 of each.
- The same declaration, log, moment and key give the same bytes.
- The list is on record in the city's log `report` as soon as it is signed: a report that was given out cannot be disowned.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cityward.adapters.keys.authority import signing_key
from cityward.adapters.ledgers.bundling import excerpt_of_those, verifier_texts
from cityward.adapters.ledgers.reading import entries_of, folder_reader
from cityward.assurance.reporting.changes import Changes
from cityward.assurance.reporting.model import MOST_BYTES, Report, decode, encode
from cityward.assurance.reporting.oscal import oscal_of
from cityward.compose.files import write, writing
from cityward.compose.proving.assessing import own_logs
from cityward.compose.reporting.findings import sarif_of
from cityward.compose.reporting.gathering import Gathered
from cityward.compose.reporting.html import html_of
from cityward.compose.reporting.pdf import pdf_of
from cityward.compose.reporting.shown import shown
from cityward.compose.setting import Setting
from cityward.errors import EvidenceError, LinkError
from cityward.evidence.bundle import bundle_of
from cityward.evidence.checkpoint import LogKey, parse_key
from cityward.evidence.manifest import MANIFEST_MOST, Manifest, opened, signed
from cityward.evidence.records import Admission, Reported
from cityward.evidence.records import decode as decode_record

ROLE = "report"
"""The log of reports; its own, so that it is written while the city runs."""
SIGNS = "reports"
"""In this name, and by this key, the lists of files are signed: another than the log's: neither passes for the other."""
MANIFEST, KEY, MODEL, CHANGES, PROOFS = "manifest", "report.vkey", "report.json", "changes.json", "evidence.tar"
FORMS = ("html", "pdf", "json", "oscal", "sarif")
MOST_FILE = 256 << 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be written: forms, for whom the commands in it are (the state directory as they name it), since which report."""

    forms: Sequence[str]
    state: str
    compared: Changes | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: SHA-256 of each file, the entry it is on record as, the key's text and fingerprint."""

    digest: str
    files: Mapping[str, str]
    entry: str
    key: str
    fingerprint: str


def files_of(gathered: Gathered, wanted: Wanted) -> dict[str, bytes]:
    """The report in its forms, by file name; the list that is signed is not among them.

    Raises:
        LinkError: a form cannot be made here.
        EvidenceError: an entry it rests on is not there.
    """
    report, loaded = gathered.report, gathered.setting.loaded
    view = shown(report, wanted.compared, wanted.state)
    makers: dict[str, tuple[str, Callable[[], bytes]]] = {
        "html": ("report.html", lambda: html_of(view)),
        "pdf": ("report.pdf", lambda: pdf_of(view, report.at_us)),
        "json": (MODEL, lambda: encode(report)),
        "oscal": ("oscal.json", lambda: oscal_of(report)),
        "sarif": ("findings.sarif", lambda: sarif_of(report, loaded)),
    }
    made = {makers[form][0]: makers[form][1]() for form in wanted.forms}
    if "json" in wanted.forms and report.entries():
        made[PROOFS] = _proofs(gathered)
    if "json" in wanted.forms and wanted.compared is not None:
        made[CHANGES] = msgspec.json.encode(wanted.compared, order="sorted")
    return made


def _proofs(gathered: Gathered) -> bytes:
    report, by_log = gathered.report, defaultdict[str, list[int]](list)
    for entry in report.entries():
        log, _, index = entry.rpartition(":")
        by_log[log].append(int(index))
    folders = {folder.name: folder for folder in own_logs(gathered.setting.home.root)}
    missing = sorted(by_log.keys() - folders.keys())
    if missing:
        raise EvidenceError(f"the report rests on the log `{missing[0]}`, which is not there")
    excerpts = [excerpt_of_those(folders[log], _whole(folders[log], by_log[log])) for log in sorted(by_log)]
    question = {"report": report.digest(), "at": report.at}
    return bundle_of(excerpts, question, report.declaration, verifier_texts())


def _whole(folder: Path, indexes: Sequence[int]) -> set[int]:
    """These entries, and of each admission the parts that stand right before it: they hold some of its flows."""
    read, found = folder_reader(folder), set(indexes)
    for index in indexes:
        ((_, entry),) = entries_of(read, index, index + 1)
        record = decode_record(entry)
        if isinstance(record, Admission):
            found.update(range(index - record.parts, index))
    return found


def give_out(gathered: Gathered, wanted: Wanted, folder: Path, person: str) -> Written:
    """Write the report into a folder, sign the list of its files, and put that on record.

    Raises:
        LinkError: a form cannot be made, the folder holds something else, or cannot be written.
        EvidenceError: an entry it rests on is not there.
    """
    files = files_of(gathered, wanted)
    key, note = _signed(gathered, wanted, files)
    _fresh(folder)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, data in (*files.items(), (KEY, f"{key.text()}\n".encode()), (MANIFEST, note)):
        write(folder / name, data)
    entry = _on_record(gathered, wanted, note, person)
    return Written(gathered.report.digest(), _digests(files), entry, key.text(), key.fingerprint)


def _fresh(folder: Path) -> None:
    """A report is written over one at most: a file that is not on its list would pass for a part of it."""
    ours = {MANIFEST, KEY, MODEL, CHANGES, PROOFS, "report.html", "report.pdf", "oscal.json", "findings.sarif"}
    if not folder.exists():
        return
    with writing(folder):
        strange = sorted(path.name for path in folder.iterdir() if path.name not in ours)
        if strange:
            raise LinkError(f"{folder} holds `{strange[0]}`, which is no part of a report", mend="name an empty folder")
        for path in folder.iterdir():
            path.unlink()


def _signed(gathered: Gathered, wanted: Wanted, files: Mapping[str, bytes]) -> tuple[LogKey, bytes]:
    report, setting = gathered.report, gathered.setting
    signer = signing_key(setting.home.keys, SIGNS)
    origin = origin_of(setting)
    facts = {"assessment": report.digest(), "declaration": report.declaration, "at": report.at}
    if wanted.compared is not None:
        facts["since"] = wanted.compared.since
    return LogKey(origin, signer.public), signed(Manifest(origin, facts, _digests(files)), signer)


def origin_of(setting: Setting) -> str:
    """In whose name reports are signed: `<place>/reports`; a twin's says that it is one."""
    return setting.city.ledger_origin(setting.loaded.place.place, SIGNS)


def _digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}


def _on_record(gathered: Gathered, wanted: Wanted, note: bytes, person: str) -> str:
    report, setting = gathered.report, gathered.setting
    record = Reported(
        at=setting.now_us(),
        by=ROLE,
        digest=report.digest(),
        manifest=hashlib.sha256(note).hexdigest(),
        moment=report.at_us,
        declaration=report.declaration,
        forms=tuple(wanted.forms),
        person=person,
        since="" if wanted.compared is None else wanted.compared.since,
    )
    with setting.ledger_when_free(ROLE) as ledger:
        return ledger.append([record])[0]


def read_report(path: Path) -> Report:
    """A report that was given out: its `report.json`, or the folder it lies in.

    Raises:
        LinkError: there is none.
    """
    file = path / MODEL if path.is_dir() else path
    try:
        return decode(_read(file, MOST_BYTES))
    except msgspec.DecodeError as error:
        raise LinkError(
            f"{file} is no report: {error}", mend="name a report.json that `cityward report` wrote"
        ) from None


def check_folder(folder: Path, key_text: str | None) -> Manifest:
    """Whether the files of a report are those that were signed. key_text: as the city gave it; None: the one beside them.

    Raises:
        EvidenceError: one is missing, changed or too much, or the list is not signed by the key.
        LinkError: there is no report there.
    """
    with writing(folder):
        there = {path.name for path in folder.iterdir()}
    beside = _read(folder / KEY, 4096) if key_text is None or KEY in there else None
    key = parse_key(key_text if key_text is not None else (beside or b"").decode(errors="replace"))
    manifest = opened(_read(folder / MANIFEST, MANIFEST_MOST), key)
    if beside is not None and beside != f"{key.text()}\n".encode():  # to the byte: whoever takes this one takes another
        raise EvidenceError("the key beside the report is not the one that it is signed by", where=str(folder / KEY))
    there -= {MANIFEST, KEY}
    for name in sorted(there ^ manifest.files.keys()):
        what = "is missing" if name in manifest.files else "is not on the signed list"
        raise EvidenceError(f"`{name}` {what}", where=str(folder))
    for name, digest in manifest.files.items():
        found = hashlib.sha256(_read(folder / name, MOST_FILE)).hexdigest()
        if found != digest:
            raise EvidenceError(
                f"`{name}` is not what was signed: {found}, signed is {digest}", where=str(folder / name)
            )
    if MODEL in manifest.files and read_report(folder).digest() != manifest.facts.get("assessment"):
        raise EvidenceError("the report is not the one that the list names", where=str(folder / MODEL))
    return manifest


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise LinkError(f"cannot read {path}: {error.strerror}", mend="name the folder of a report") from None
    if len(data) > most:
        raise LinkError(f"{path} has more than {most} bytes: no report has", mend="name the folder of a report")
    return data
