"""Includes, conflicts, bounds, origins and digest; and that nothing but PlaceErrors comes out, with all errors in it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.errors import PlaceErrors
from cityward.place.loader import load
from cityward.place.reading import merging, source
from declarations import TOWN, ZONES, errors_of, loaded, reader, town

HEAD = "place: t\nname: T\nposition: [0, 0]\nresponsible: us\n"
US = "jurisdictions: {xa: {code: XA}}\nparties: {us: {kind: company, incorporated_in: xa}}\n"


def test_included_files_are_merged():
    place = loaded(HEAD + "include: [who.yaml]\npurposes: {a: {}}\n", who=US + "purposes: {b: {}}\n").place
    assert list(place.purposes) == ["a", "b"]
    assert list(place.parties) == ["us"]


def test_includes_are_named_from_the_file_that_includes():
    seen: list[str] = []
    files = {
        "place.yaml": HEAD + "include: [a/b.yaml]",
        "a/b.yaml": "include: [c/d.yaml, ../e.yaml]",
        "a/c/d.yaml": US,
        "e.yaml": "zones:",
    }

    def read(name: str) -> bytes:
        seen.append(name)
        return reader(files)(name)

    assert list(load("place.yaml", read, ZONES).place.parties) == ["us"]
    assert seen == ["place.yaml", "a/b.yaml", "a/c/d.yaml", "e.yaml"]


@pytest.mark.parametrize(
    "name",
    [
        "../x.yaml",
        "a/../../x.yaml",
        "/etc/passwd",
        "~/x",
        "C:/x",
        "a\\\\x",
        "",
        ".",
        "..",
        "a/..",
        "x\\0",
        "file://x",
        "1",
        "{a: b}",
    ],
)
def test_no_name_that_leaves_the_folder_is_read(name: str):
    seen: list[str] = []

    def read(asked: str) -> bytes:
        seen.append(asked)
        return (
            f'{HEAD}{US}include: ["{name}"]'.encode() if name != "{a: b}" else f"{HEAD}{US}include: [{name}]".encode()
        )

    with pytest.raises(PlaceErrors) as caught:
        load("place.yaml", read)
    if name != "1":  # a text of one digit is a file's name, and reading it again is a conflict
        assert seen == ["place.yaml"]
    assert "include" in str(caught.value)


@pytest.mark.parametrize(
    ("first", "second", "said"),
    {
        "the same id": (
            "purposes:\n  a: {}\n",
            "\npurposes: {a: {}}\n",
            "purposes.a: declared twice, at place.yaml:8 and at more.yaml:2",
        ),
        "the same field": (
            "timezone: UTC\n",
            "timezone: UTC\n",
            "timezone: declared twice, at place.yaml:7 and at more.yaml:1",
        ),
    }.values(),
)
def test_a_conflict_is_an_error_that_names_both_lines(first: str, second: str, said: str):
    [message] = errors_of(HEAD + US + first + "include: [more.yaml]\n", more=second)
    assert message.startswith(said)


def test_a_file_included_twice_is_an_error():
    [message] = errors_of(HEAD + US + "include: [a.yaml, b.yaml]\n", a="zones:", b="include: [a.yaml]")
    assert message.startswith("`a.yaml` is already included at place.yaml:7")


def test_a_circle_of_includes_is_an_error_that_shows_it():
    [message] = errors_of(HEAD + US + "include: [a.yaml]\n", a="include: [b.yaml]", b="include: [a.yaml]")
    assert message.startswith("`a.yaml` includes itself: a.yaml -> b.yaml -> a.yaml")
    assert "where: b.yaml:1" in message


def test_a_broken_file_does_not_make_errors_of_what_it_declares():
    errors = errors_of(HEAD + "include: [who.yaml]\npurposes: {Up: {}}\n", who="parties: {us: ")
    assert [error.split("\n")[0].split(" ")[0] for error in errors] == ["purposes.Up:", "not"]


def test_too_many_bytes_files_and_levels_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(merging, "MAX_BYTES", 200)
    monkeypatch.setattr(merging, "MAX_FILES", 3)
    assert "more than 0 MiB" in errors_of(HEAD + US + "#" * 200)[0]
    assert any(
        "more than 3 files" in e
        for e in errors_of(HEAD + "include: [a.yaml, b.yaml, c.yaml]", a="zones:", b="sites:", c="keys:")
    )
    chain = {f"f{i}": f"include: [f{i + 1}.yaml]" for i in range(40)}
    monkeypatch.setattr(merging, "MAX_FILES", 1000)
    monkeypatch.setattr(merging, "MAX_BYTES", 10_000)
    assert any("included 17 files deep" in e for e in errors_of(HEAD + US + "include: [f0.yaml]", **chain))


def test_all_errors_of_all_kinds_are_reported_at_once():
    wrong = town(
        ("kind: group", "kind: grup"),  # shape
        ("purpose: planning, protocol: mqtt", "purpose: planing, protocol: mqtt"),  # name
        ("fail_safe: 100", "fail_safe: 0"),  # model
        ("    purpose: planning\n", "    purpose: lighting\n"),  # agreement
        ("timezone: Europe/London", "timezone: Mars"),  # header
        ("  lighting: {}", "  lighting: {}\n  lighting: {}"),  # text
        ("share: 60", "share: 60, sahre: 1"),  # unknown field
    )
    lines = [error.split("where: place.yaml:")[1].split("\n")[0] for error in errors_of(wrong)]
    assert lines == [
        "4  timezone",
        "12  parties.acme.owners[0].sahre",
        "13  parties.acme-group.kind",
        "20  purposes.lighting",
        "44  device_models.lamp.commands.dim.fail_safe",
        "56  flows.counts-in.purpose",
        "63  flows.to-acme.purpose",
    ]


def test_a_wrong_record_keeps_its_name_for_those_who_name_it():
    errors = errors_of(town(("council: {kind: public-body", "council: {kind: public-bodi")))
    assert len(errors) == 1


def test_origins_have_the_line_of_every_path():
    origins = loaded().origins
    text = TOWN.splitlines()
    for path, (file, line) in origins.items():
        leaf = path.rsplit(".", 1)[-1].split("[")[0]
        assert file == "place.yaml"
        assert leaf in text[line - 1], path
    assert origins["flows.to-acme.purpose"] == ("place.yaml", text.index("    purpose: planning") + 1)


def test_a_path_that_was_left_out_is_told_at_its_record():
    assert (
        loaded()
        .where("flows.to-acme.limits.max_age_s")
        .startswith(f"place.yaml:{TOWN.splitlines().index('  to-acme:') + 1}  ")
    )
    assert loaded().where("nowhere.at-all") == "place.yaml:1  nowhere.at-all"


def test_the_digest_is_that_of_the_content_not_of_the_files():
    split = TOWN.replace("purposes:\n  planning: {}\n  lighting: {}\n", "include: [why.yaml]\n")
    assert loaded(split, why="purposes:\n  # new\n  lighting: {}\n  planning: {}\n").digest == loaded().digest
    assert loaded(town(("retention_days: 90", "retention_days: 91"))).digest != loaded().digest


def test_a_time_zone_is_unchecked_where_none_are_known():
    assert load("place.yaml", reader({"place.yaml": town(("Europe/London", "Mars"))})).place.timezone == "Mars"


def test_a_list_of_mistakes_is_cut_where_nobody_reads_on():
    errors = errors_of(town(("areas: [quay]}", f"areas: [{', '.join(f'Quay{n}' for n in range(5000))}]}}")))
    assert len(errors) == source.MAX_ERRORS + 1
    assert errors[-1].startswith("more than 1000 errors")


WORDS = st.sampled_from(
    ["place", "parties", "flows", "include", "a", "from", "unknown", ":", ": ", "- ", "{", "}", "[", "]", ", ", "\n", "\n  ", '"',
     "no", "1", "~", "&a", "*a", "!x", "#", "council", "positions", "needs", "|", "---", "devices", "model"]
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(WORDS, max_size=40).map("".join) | st.text(max_size=80))
def test_arbitrary_text_raises_place_errors_and_nothing_else(text: str):
    try:
        loaded(text.encode("utf-8", "replace"))
    except PlaceErrors as error:
        assert error.errors


@settings(max_examples=150)
@given(st.randoms(use_true_random=False))
def test_a_declaration_with_lines_lost_doubled_and_swapped_raises_place_errors_and_nothing_else(chance: random.Random):
    lines = TOWN.splitlines()
    for _ in range(chance.randint(1, 4)):
        i, j = chance.randrange(len(lines)), chance.randrange(len(lines))
        match chance.randrange(4):
            case 0:
                del lines[i]
            case 1:
                lines.insert(i, lines[j])
            case 2:
                lines[i], lines[j] = lines[j], lines[i]
            case _:
                k = chance.randrange(len(lines[i]) + 1)
                lines[i] = lines[i][:k] + chance.choice("{}[]:, -ax1\"'#") + lines[i][k + 1 :]
    try:
        loaded("\n".join(lines))
    except PlaceErrors as error:
        assert error.errors
        assert all("where: " in str(one) for one in error.errors)
