"""What each error says, word for word.

`RENEW_GOLDEN=1 pytest tests/place/test_messages.py` renews the golden file: read its diff.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from declarations import TOWN, errors_of, loaded, town

GOLDEN = Path(__file__).parent / "golden" / "messages.txt"

AGAIN = """\
  again:
    {from: lamps-01, to: cityward, datasets: [levels], purpose: lighting, protocol: http, observability: enforced}
"""

MISTAKES: dict[str, tuple[tuple[str, str], ...]] = {
    # the shape of a record
    "unknown field": (("kind: public-body", "knid: company, kind: public-body"),),
    "unknown kind of record": (("functions:", "funktions:"),),
    "missing field": (("{kind: group, incorporated_in: xb}", "{kind: group}"),),
    "missing field of the place": (("responsible: council\n", ""),),
    "word not among those allowed": (("kind: group", "kind: grup"),),
    "wrong type": (("retention_days: 90", "retention_days: ninety"),),
    "number out of range": (("share: 60", "share: 160"),),
    "not an id": (("  acme-group:", "  Acme_Group:"),),
    "not a date": (("{kind: group,", "{kind: group, valid_from: 2026-02-30,"),),
    "number where a text is wanted": (("name: Tinytown", "name: 12"),),
    "mapping where a list is wanted": (("areas: [quay]}", "areas: {quay: 1}}"),),
    "empty list": (("{service: lights, needs: [{of: [lamps-01, lamps-02], k: 1}]", "{service: lights, needs: [{of: []}]"),),
    "pair of another length": (("position: [2.3, 54.9]\ntimezone", "position: [2.3]\ntimezone"),),
    "latitude and longitude swapped": (("position: [2.3, 54.9]\ntimezone", "position: [54.9, 123.0]\ntimezone"),),
    "not a number": (("high: 40", "high: .nan"),),
    # names
    "dangling name": (("owner: council, position: [", "owner: counsil, position: ["),),
    "name of another kind": (("lamps, to: cityward, datasets: [levels]", "lamps, to: cityward, datasets: [lights]"),),
    "member that is not there": (("lamps-02], k", "lamps-03], k"),),
    "property not in the catalogue": (("vehicle-count: {key", "vehicle-cont: {key"),),
    "ambiguous id": (("  workbench: {", "  acme: {"),),
    "ambiguous member": (("  counter-1: {model", "  lamps-02: {model"), ("{from: counter-1", "{from: lamps-02")),
    "declared twice": (("  lighting: {}", "  planning: {}"),),
    # models and devices
    "limits wider than the catalogue": (("high: 40", "high: 400"),),
    "limits the wrong way round": (("low: 0, high: 40", "low: 40, high: 0"),),
    "unit that does not convert": (("unit: km/h", "unit: kg"),),
    "two properties under one name": (("key: count", "key: speed"),),
    "not a JSON Pointer": (("key: count", "path: count"),),
    "command that sets nothing": (("sets: lamp-level", "sets: lamp-power"),),
    "command beyond the limits": (("low: 10, high: 100,", "low: 10, high: 120,"),),
    "unsafe safe value": (("fail_safe: 100", "fail_safe: 0"),),
    "goes by itself unseen": (("fail_safe: 100", "fail_safe: 100, by_itself: lamp-levels"),),
    "areas do not match positions": (("[2.31, 54.9]]", "[2.31, 54.9]], areas: [quay]"),),
    "more needed than there are": (("k: 1", "k: 3"),),
    "needed twice": (("lamps-01, lamps-02", "lamps-01, lamps-01"),),
    # flows
    "dataset not granted": (("    datasets: [counts]\n", "    datasets: [counts, levels]\n"),),
    "purpose not agreed": (("    purpose: planning\n", "    purpose: lighting\n"),),
    "recipient not in the agreement": (("    to: acme\n", "    to: acme-group\n"),),
    "site not agreed": (("analytics, site: yard", "analytics, site: cloud"), ("    to: acme\n", "    to: workbench\n")),
    "party without an agreement": (("    agreement: acme-2026\n", ""),),
    "enforced elsewhere": (("    from: cityward\n", "    from: workbench\n"),),
    "enforced by nobody": (("platform: cityward\n", ""),),
    "no such door": (("lighting, protocol: mqtt", "lighting, protocol: sftp"),),
    "format does not fit the door": (("planning, protocol: mqtt", "planning, protocol: ngsi-ld"),),
    "reading enters twice": (("  levels-in: {", AGAIN + "  levels-in: {"),),
    "command to a thing that takes none": (("{from: cityward, to: lamps,", "{from: cityward, to: counter-1,"),),
    "actuator that takes no command": (("actuators: [lamps]", "actuators: [lamps, counter-1]"),),
    # the rest
    "more than the whole": (("share: 60}]", "share: 60}, {party: council, share: 50}]"),),
    "one code twice": (("xb: {code: XB}", "xb: {code: XA}"),),
    "zone within itself": (("{trust: 1}", "{trust: 1, parent: core}"), ("trust: 4}", "trust: 4, parent: street}")),
    "command to a system": (("{from: cityward, to: lamps,", "{from: cityward, to: workbench,"),),
    "conduit to itself": (("zones: [street, core]", "zones: [street, street]"),),
    "ends before it begins": (("{kind: group,", "{kind: group, valid_from: 2026-02-01, valid_to: 2026-01-01,"),),
    "no such time zone": (("Europe/London", "Europe/Lodnon"),),
    # the text itself
    "not YAML": (("  xb: {code: XB}", "  xb: {code: XB"),),
    "doubled key": (("maker: acme\n    properties: {", "maker: acme\n    maker: acme\n    properties: {"),),
    "alias": (("  lighting: {}", "  lighting: *planning"),),
    "anchor": (("  lighting: {}", "  lighting: &light {}"),),
    "tag": (("  lighting: {}", "  lighting: !!python/object:os.system {}"),),
    "merge key": (("  lighting: {}", "  lighting: {<<: {note: x}}"),),
    "second document": (("areas:\n", "---\nareas:\n"),),
    "include that leaves the folder": (("place: tinytown", "include: [../secrets.yaml]\nplace: tinytown"),),
    "include that is absolute": (("place: tinytown", "include: [/etc/passwd]\nplace: tinytown"),),
    "include that is not there": (("place: tinytown", "include: [partes.yaml]\nplace: tinytown"),),
    "include of itself": (("place: tinytown", "include: [place.yaml]\nplace: tinytown"),),
}  # fmt: skip


def golden() -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    for block in GOLDEN.read_text().split("\n## ")[1:]:
        name, _, body = block.partition("\n")
        sections[name] = [part.strip("\n") for part in body.split("\n\n") if part.strip()]
    return sections


if os.environ.get("RENEW_GOLDEN"):
    GOLDEN.parent.mkdir(exist_ok=True)
    said = {name: errors_of(town(*edits)) for name, edits in MISTAKES.items()}
    blocks = [f"\n## {name}\n" + "\n\n".join(messages) + "\n" for name, messages in said.items()]
    GOLDEN.write_text("# What each mistake in `tests/declarations.py` is answered with.\n" + "".join(blocks))


def test_the_town_itself_has_no_error_and_no_warning():
    assert errors_of(TOWN) == []
    assert loaded().warnings == ()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_says_what_is_wrong_where_and_how_to_mend_it(mistake: str):
    said = errors_of(town(*MISTAKES[mistake]))
    assert said == golden()[mistake]
    assert said, "the mistake went unnoticed"
    assert all("  where: " in message and "  mend:  " in message for message in said)


def test_the_golden_file_has_no_mistake_that_is_not_made():
    assert golden().keys() == MISTAKES.keys()
