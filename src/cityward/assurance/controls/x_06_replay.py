"""X-06: nothing that moves the street goes in the clear, and nothing old is obeyed or believed again."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, Tries
from cityward.assurance.examples import NOW_US, admission, changed
from cityward.assurance.refusing import rows_refused
from cityward.assurance.results import Judged, Result, Severity
from cityward.assurance.saying import unknown, wrong
from cityward.assurance.trying import tried
from cityward.place.data import Observability, Protection

TRIES: Tries = {"S-01": ("frames-refused", "nobody-moved"), "S-17": ("repeated", "flood-shed")}
"""A control message said again to a whole fleet; radio frames said again."""
AGAIN = frozenset({"replay", "duplicate", "too-old"})


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each flow that commands, or that comes from a device through our gate."""
    place = dossier.place
    for name, flow in place.flows.items():
        commands = flow.to in place.devices
        comes_in = flow.from_ in place.devices and flow.observability is Observability.ENFORCED
        if not commands and not comes_in:
            continue
        subject, path = f"flows.{name}", (flow.from_, f"flows.{name}", flow.to)
        by_trial, grounds = tried(dossier, subject, TRIES), rows_refused(dossier, name, AGAIN)
        if commands and flow.protection is Protection.NONE:
            yield wrong(
                subject,
                f"`{name}` tells `{flow.to}` what to do or show, in the clear",
                "protect it, or let it pass the platform, which signs what it tells devices",
                *path,
            )
        elif commands and flow.protection is Protection.UNKNOWN:
            yield unknown(
                subject,
                f"whether `{name}` tells `{flow.to}` what to do in the clear is not known",
                "the protection of every flow to a device",
                *path,
            )
        elif by_trial.result is Result.UNKNOWN and grounds:
            said = f"what was said before was refused when it came again by `{name}`"
            yield Judged(subject, Result.PROVEN, said, grounds, path)
        else:
            yield by_trial


_COMMANDED = changed(
    (
        "services:",
        "  dim-out:\n    {from: cityward, to: lamp-1, datasets: [counts], purpose: planning, protocol: command, "
        "protection: none, observability: enforced}\nservices:",
    )
)

CONTROL = Control(
    id="X-06",
    title="No command goes in the clear, and nothing is believed or obeyed a second time",
    severity=Severity.CRITICAL,
    supports={"NCSC": ("N7", "N8"), "EN303645": ("5.5",), "IEC62443-3-3": ("SR 3.1",)},
    check=check,
    false_positives="A device that sends twice by mistake is refused in the same way as one that is played again.",
    avoid=Example(_COMMANDED, now_us=NOW_US),
    prefer=Example(changed(), (("worker-0:1", admission("counts-in", 5, 2, "replay")),), NOW_US),
    says="flows that command, and flows from devices",
    tries=TRIES,
)
