"""J-02: no law reaches a dataset that its owner does not allow."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, changed
from cityward.assurance.results import Judged, Result, Severity
from cityward.reach.exposure.answers import LAW, Bound
from cityward.reach.exposure.declared import Declared
from cityward.reach.exposure.nodes import Mode, Node, Predicate

SETTLED_BY = "the facts that `cityward reach` names: owners, places, routes, keys"


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each dataset that says which jurisdictions may reach it."""
    inside = Declared(dossier.place).inside  # a federation allows its members
    for name, dataset in dossier.place.datasets.items():
        if not dataset.allowed_jurisdictions:
            continue
        subject = f"datasets.{name}"
        allowed = frozenset(one for land in dataset.allowed_jurisdictions for one in (land, *inside.get(land, ())))
        certain = _lands(dossier, name, Bound.CERTAIN) - allowed
        possible = _lands(dossier, name, Bound.POSSIBLE) - allowed - certain
        path = (subject, *(f"jurisdictions.{land}" for land in sorted(certain or possible)))
        if certain:
            said = f"{', '.join(sorted(certain))} can reach `{name}`, and may not"
            mend = f"see the path: cityward reach --dataset {name} --why"
            yield Judged(subject, Result.FAILED, said, path=path, mend=mend)
        elif possible:
            said = f"whether {', '.join(sorted(possible))} can reach `{name}` is not known"
            yield Judged(subject, Result.UNKNOWN, said, path=path, missing=SETTLED_BY)
        else:
            ground = dossier.declared(subject, f"allows {', '.join(sorted(allowed))}, and no other law reaches it")
            yield Judged(
                subject, Result.STATED, f"by what is declared, nobody else's law reaches `{name}`", (ground,), path
            )


def _lands(dossier: Dossier, dataset: str, bound: Bound) -> frozenset[str]:
    """The jurisdictions that can read a dataset, by power over parties or over places."""
    laws = set(LAW.values())
    holders = dossier.exposure.who(Node(Predicate.DATASET, dataset, Mode.READ), bound)
    return frozenset(node.subject for node in holders if node.predicate in laws)


_MAKER = changed(
    ("xa: {code: XA, home: true}", "xa: {code: XA, home: true}\n  xb: {code: XB}"),
    ("purposes:", "  maker: {kind: company, incorporated_in: xb}\npurposes:"),
    (
        "counts: {personal: false, sensitivity: public, retention_days: 30,",
        "counts: {personal: false, sensitivity: internal, retention_days: 30, allowed_jurisdictions: [xa],",
    ),
    (
        "services:",
        "instruments:\n  act: {jurisdiction: xb, powers: [disclose], addressees: [{nexus: incorporated-in}]}\nservices:",
    ),
)

CONTROL = Control(
    id="J-02",
    title="No law reaches a dataset but those that its owner allows",
    severity=Severity.HIGH,
    supports={"NCSC": ("N4", "N5"), "NPSA": ("GEO",), "EDPB": ("01/2020",)},
    check=check,
    false_positives="A law that is declared too broadly reaches what no court would grant.",
    avoid=Example(
        _MAKER.replace("operator: council}\ndevice_models", "operator: maker}\ndevice_models"), now_us=NOW_US
    ),
    prefer=Example(_MAKER, now_us=NOW_US),
    says="datasets that name allowed jurisdictions",
)
