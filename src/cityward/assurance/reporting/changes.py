"""What is different between two reports of a city, by the ids of findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cityward.assurance.reporting.model import FORMAT_CHANGES, Headline, Part, Report


class Changed(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One finding. before, after: its results; "" where it was not, or is no longer, there."""

    finding: str
    control: str
    subject: str
    before: str
    after: str
    said: str


class NumberChanged(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A headline number, or the result of a control, before and after."""

    id: str
    title: str
    before: str
    after: str


class Changes(Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From `since` (the digest and moment of the other report) to a report (`digest`, `at`)."""

    format: str = FORMAT_CHANGES
    since: str
    since_at: str
    digest: str
    at: str
    declaration_changed: bool
    headlines: tuple[NumberChanged, ...]
    controls: tuple[NumberChanged, ...]
    worse: tuple[Changed, ...]
    better: tuple[Changed, ...]
    new: tuple[Changed, ...]
    gone: tuple[Changed, ...]

    @property
    def nothing(self) -> bool:
        """Whether the two say the same."""
        lists = (self.headlines, self.controls, self.worse, self.better, self.new, self.gone)
        return not self.declaration_changed and not any(lists)


_WORST_FIRST = {"failed": 0, "unknown": 1, "accepted": 2, "stated": 3, "not-applicable": 4, "proven": 5}


def changes(before: Report, after: Report) -> Changes:
    """What changed from one to the other; lists in the order of controls and subjects."""
    old, new = dict(_findings(before)), dict(_findings(after))
    moved = [_changed(old[key], new[key]) for key in new if key in old and old[key].after != new[key].after]
    worse = [one for one in moved if _rank(one.after) < _rank(one.before)]
    better = [one for one in moved if _rank(one.after) >= _rank(one.before)]
    return Changes(
        since=before.digest(),
        since_at=before.at,
        digest=after.digest(),
        at=after.at,
        declaration_changed=before.declaration != after.declaration,
        headlines=_numbers(_headlines(before), _headlines(after)),
        controls=_numbers(_controls(before), _controls(after)),
        worse=tuple(worse),
        better=tuple(better),
        new=tuple(new[key] for key in new if key not in old),
        gone=tuple(_gone(old[key]) for key in old if key not in new),
    )


def _rank(result: str) -> int:
    return _WORST_FIRST.get(result, 0)  # a word that is not known here is no pass


def _findings(report: Report) -> Iterator[tuple[str, Changed]]:
    for control in report.controls:
        for judged in control.subjects:
            yield (
                judged.finding,
                Changed(
                    finding=judged.finding,
                    control=control.id,
                    subject=judged.subject,
                    before="",
                    after=judged.result,
                    said=judged.said,
                ),
            )


def _changed(old: Changed, new: Changed) -> Changed:
    return Changed(finding=new.finding, control=new.control, subject=new.subject, before=old.after, after=new.after,
                   said=new.said)  # fmt: skip


def _gone(old: Changed) -> Changed:
    return Changed(finding=old.finding, control=old.control, subject=old.subject, before=old.after, after="",
                   said=old.said)  # fmt: skip


def _headlines(report: Report) -> Mapping[str, Headline]:
    return {one.id: one for one in report.headlines}


def _controls(report: Report) -> Mapping[str, Headline]:
    return {one.id: Headline(id=one.id, title=one.title, value=one.result, how="") for one in report.controls}


def _numbers(old: Mapping[str, Headline], new: Mapping[str, Headline]) -> tuple[NumberChanged, ...]:
    found: list[NumberChanged] = []
    for key in (*new, *(key for key in old if key not in new)):
        before, after = old.get(key), new.get(key)
        title = (after or old[key]).title
        was, now = before.value if before else "", after.value if after else ""
        if was != now:
            found.append(NumberChanged(id=key, title=title, before=was, after=now))
    return tuple(found)
