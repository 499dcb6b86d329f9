"""The whole of one incident file, as it is handed to people and machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cityward.assurance.control import Dossier
from cityward.assurance.incidents.affected import Affected, affected_of
from cityward.assurance.incidents.clocks import Clock, clocks_of
from cityward.assurance.incidents.file import IncidentFile, files_of
from cityward.assurance.incidents.timeline import Timeline, timeline_of

FORMAT = "cityward-incident/1"


@dataclass(frozen=True, slots=True)
class Account:
    """A file with all that follows from it. now_us: the moment it tells the state of, city us."""

    format: str
    place: str
    declaration: str
    now_us: int
    file: IncidentFile
    state: str
    affected: Affected
    clocks: tuple[Clock, ...]
    timeline: Timeline

    @property
    def entries(self) -> frozenset[str]:
        """Every entry that is named anywhere in it: what a bundle of proofs holds."""
        named = {moment.entry for moment in self.timeline.moments} | {self.file.entry}
        named |= {entry.id for entry in (*self.file.steps, *self.file.findings)}
        named |= {ref for step in self.file.steps for ref in step.record.refs}
        named |= {receipt for given in self.affected.recipients for receipt in given.receipts}
        for one in self.affected.lineage:
            named |= {*one.marks, *one.retractions, *one.commands}
        return frozenset(named)


def files_in(dossier: Dossier) -> Mapping[str, IncidentFile]:
    """The files of a city, by id, oldest first."""
    return files_of(dossier.trail, dossier.place.incidents.open_at)


def account_of(dossier: Dossier, file: IncidentFile) -> Account:
    """All that is to be said of one file."""
    affected = affected_of(dossier.place, file, dossier.trail)
    return Account(
        format=FORMAT,
        place=dossier.place.place,
        declaration=dossier.loaded.digest,
        now_us=dossier.now_us,
        file=file,
        state=file.state,
        affected=affected,
        clocks=clocks_of(dossier.place, file, affected, dossier.now_us),
        timeline=timeline_of(file, affected, dossier.trail),
    )
