"""R-02: when the system is gone, somebody knows what to do by hand, and did it lately."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example
from cityward.assurance.examples import NOW_US, attested, changed
from cityward.assurance.results import Judged, Result, Severity


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each essential function: what it falls back to, and whether people tried that."""
    for name, function in dossier.place.functions.items():
        if not function.essential:
            continue
        subject = f"functions.{name}"
        path = (f"services.{function.service}", subject)
        if not function.fail_safe:
            said = f"nobody said what happens to `{name}` when `{function.service}` is gone"
            yield Judged(subject, Result.FAILED, said, path=path, mend="declare its fail_safe")
        else:
            ground = dossier.declared(subject, function.fail_safe)
            said = f"`{name}` falls back to: {function.fail_safe} Who rehearsed it is not on record"
            missing = "a statement of its owner that it was rehearsed: `cityward attest`"
            yield Judged(subject, Result.UNKNOWN, said, (ground,), path, missing)


def _essential(fail_safe: str) -> str:
    lit = f"functions:\n  lit: {{service: street-light, essential: true{fail_safe}}}\nservices:"
    return changed(("services:", lit))


CONTROL = Control(
    id="R-02",
    title="Every essential function can be run by hand, and that was rehearsed",
    severity=Severity.HIGH,
    supports={"NCSC": ("N9", "N14"), "5E": ("resilience",)},
    check=check,
    false_positives="A rehearsal of one shift says little of the others.",
    avoid=Example(_essential(""), now_us=NOW_US),
    prefer=Example(
        _essential(", fail_safe: Lamps burn at full level."),
        (("web:1", attested("R-02", "functions.lit", "rehearsed on 3 May with the night shift")),),
        NOW_US,
    ),
    says="essential functions",
    attestable=True,
)
