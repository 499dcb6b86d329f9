"""K-07: who is given many kinds of data about the same people is known, and has a reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, SHARING
from cityward.assurance.results import Judged, Result, Severity
from cityward.assurance.saying import unknown, wrong
from cityward.place.model import Place

MOST_CATEGORIES = 3
"""PRECEDENT: two kinds of data about somebody can be told apart from a profile; from four on a day can be followed."""


@dataclass(slots=True)
class _Given:
    """What a party is given about one kind of people. by: flow -> None, in order."""

    categories: set[str] = field(default_factory=set[str])
    by: dict[str, None] = field(default_factory=dict[str, None])
    noted: bool = False
    unsaid: str = ""  # a dataset without categories


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each party other than the responsible one, and kind of people it is given data about."""
    for (party, people), given in sorted(_given(dossier.place).items()):
        subject, path = f"parties.{party}.{people}", (f"parties.{party}", *(f"flows.{flow}" for flow in given.by))
        if given.unsaid:
            said = f"what `{given.unsaid}` tells `{party}` about `{people}` is not said"
            yield unknown(subject, said, "the categories of every personal dataset", *path)
            continue
        said = f"`{party}` is given {len(given.categories)} kinds of data about `{people}`: {', '.join(sorted(given.categories))}"
        if len(given.categories) > MOST_CATEGORIES and not given.noted:
            yield wrong(subject, said, "give less, aggregate it, or note on the party why it is so", *path)
        else:
            ground = dossier.declared(f"flows.{next(iter(given.by))}", said)
            yield Judged(subject, Result.STATED, said, (ground,), path)


def _given(place: Place) -> Mapping[tuple[str, str], _Given]:
    found: dict[tuple[str, str], _Given] = {}
    for name, flow in place.flows.items():
        party = _receiver(place, flow.to)
        if party is None or party == place.responsible:
            continue
        for one in flow.datasets:
            dataset = place.datasets[one]
            for people in dataset.subjects if dataset.personal else ():
                given = found.setdefault((party, people), _Given(noted=bool(place.parties[party].note)))
                given.categories.update(dataset.categories)
                given.by[name] = None
                given.unsaid = given.unsaid or ("" if dataset.categories else one)
    return found


def _receiver(place: Place, end: str) -> str | None:
    party = place.systems[end].operator if end in place.systems else end
    return party if party in place.parties else None


def _shared(categories: str) -> str:
    return SHARING.replace(
        "counts: {personal: false,",
        f"counts: {{personal: true, categories: [{categories}], subjects: [driver], basis: public-task,",
    )


CONTROL = Control(
    id="K-07",
    title="Nobody is given many kinds of data about the same people without a reason",
    severity=Severity.MEDIUM,
    supports={"NCSC": ("N1", "N8"), "NPSA": ("SM",)},
    check=check,
    false_positives="The party that answers for the place sees most, and is not judged. Aggregates count like rows.",
    avoid=Example(_shared("location, payment, image, health"), now_us=NOW_US),
    prefer=Example(_shared("location, payment"), now_us=NOW_US),
    says="parties, by the people they are given data about",
)
