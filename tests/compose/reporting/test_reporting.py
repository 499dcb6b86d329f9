"""A report given out: the same bytes for the same city, one digest in every file, proofs that hold, no file changed unseen."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shlex
import tarfile
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typst
from click.testing import CliRunner
from msgspec import structs

from adapters.exchange.test_export_sarif import SARIF
from assured import ENTRIES, SMALLTOWN, assured_town
from cityward.adapters.ledgers.reading import key_of, tail_of
from cityward.assurance.examples import NOW_US, admission
from cityward.assurance.reporting.changes import changes
from cityward.compose.home import Exercise, Home, read_city_file, write_city_file
from cityward.compose.reporting.folder import Wanted, check_folder, files_of, give_out, read_report
from cityward.compose.reporting.gathering import Gathered, gather
from cityward.compose.reporting.html import html_of, policy
from cityward.compose.reporting.pdf import pdf_of
from cityward.compose.reporting.shown import shown
from cityward.errors import EvidenceError, LinkError
from cityward.evidence.records import AdmissionPart, Reported
from cityward.evidence.verify_bundle import verify_bundle
from cityward.guard.admit import UNDECLARED
from cityward.time import DAY
from hostile import TEXTS
from shapes import wrong

ALL = ("html", "pdf", "json", "oscal", "sarif")
FAILS = {"worker-0": (admission("counts-in", 5), admission(UNDECLARED, 3))}
"""Rows were admitted that no declared flow carries: K-04 fails."""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The town, to be read only."""
    return assured_town(tmp_path_factory.mktemp("read"))


@pytest.fixture(scope="module")
def gathered(state: Path) -> Gathered:
    return gather(state, NOW_US)


@pytest.fixture(scope="module")
def made(gathered: Gathered) -> dict[str, bytes]:
    """All files."""
    return files_of(gathered, Wanted(ALL, "var/town"))


def test_the_same_declaration_log_and_moment_give_the_same_bytes(state: Path, made: dict[str, bytes]) -> None:
    assert files_of(gather(state, NOW_US), Wanted(ALL, "var/town")) == made


def test_every_file_carries_the_digest_of_the_assessment(gathered: Gathered, made: dict[str, bytes]) -> None:
    digest = gathered.report.digest()
    assert hashlib.sha256(made["report.json"]).hexdigest() == digest
    for name in ("report.html", "report.pdf", "oscal.json", "findings.sarif", "evidence.tar"):
        assert digest.encode() in made[name], name


def test_the_proofs_hold_offline_and_hold_every_entry_that_is_named(
    state: Path, gathered: Gathered, made: dict[str, bytes]
) -> None:
    key = key_of(state / "ledger" / "worker-0").text()
    assert verify_bundle(io.BytesIO(made["evidence.tar"]), [key]).ok
    with tarfile.open(fileobj=io.BytesIO(made["evidence.tar"])) as tar:
        entries = {Path(name).stem for name in tar.getnames() if name.endswith(".json") and "/entries/" in name}
    assert {f"worker-0:{int(index)}" for index in entries} == set(gathered.report.entries())
    assert gathered.report.entries()


def test_the_parts_of_an_admission_that_is_named_are_with_it(tmp_path: Path) -> None:
    """The flow stands in the part; the admission names it as its own, and is what the report names."""
    whole = admission("counts-in", 5)
    part = AdmissionPart(at=whole.at, by=whole.by, stream=whole.stream, first_seq=1, last_seq=5, by_flow=whole.by_flow)
    held = {"worker-0": (part, structs.replace(whole, by_flow={}, parts=1))}
    found = gather(assured_town(tmp_path, held), NOW_US)
    assert found.report.entries() == ("worker-0:1",)
    made = files_of(found, Wanted(("json",), "x"))
    with tarfile.open(fileobj=io.BytesIO(made["evidence.tar"])) as tar:
        entries = [Path(name).stem for name in tar.getnames() if name.endswith(".json") and "/entries/" in name]
    assert [int(index) for index in entries] == [0, 1]


def test_a_command_in_the_report_shows_the_entry(state: Path, gathered: Gathered) -> None:
    view = shown(gathered.report, None, str(state))
    commands = [
        ground["command"]
        for control in view["controls"]
        for judged in control["subjects"]
        for ground in judged["grounds"]
        if ground["command"]
    ]
    assert commands
    for command in set(commands):
        program, *words = shlex.split(command)
        assert program == "cityward"
        result = CliRunner().invoke(import_module(f"cityward.cli.{words[0]}").command, words[1:])
        assert (result.exit_code, words[1] in result.output) == (0, True), command


# -- HTML --------------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a reader without eyes goes by, and whatever would load or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.levels: list[int] = []
        self.landmarks: list[str] = []
        self.bad: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.labelled: list[str] = []
        self.language = ""
        self.tables = self.captions = 0
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.language = given.get("lang") or self.language
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if tag in {"header", "main", "footer", "nav"}:
            self.landmarks.append(tag)
        if (
            tag in {"script", "link", "img", "iframe", "object", "base", "form", "svg"}
            or {"src", "style"} & given.keys()
        ):
            self.bad.append(tag)
        self.bad += [name for name in given if name.startswith("on")]
        if tag == "th" and given.get("scope") not in {"row", "col"}:
            self.bad.append("th without scope")
        self.tables += tag == "table"
        self.captions += tag == "caption"
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given["href"] or ""] if tag == "a" else []
        self.labelled += [given["aria-labelledby"] or ""] if "aria-labelledby" in given else []

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(data: bytes) -> Page:
    return Page(data.decode())


def test_the_page_stands_without_a_script_and_can_be_read_without_eyes(made: dict[str, bytes]) -> None:
    page = page_of(made["report.html"])
    assert page.bad == []
    assert page.language == "en"
    assert page.landmarks == ["header", "nav", "main", "footer"]
    assert page.levels[:2] == [1, 2] and page.levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(page.levels, page.levels[1:], strict=False))
    assert page.tables == page.captions > 3
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert set(page.labelled) <= set(page.ids)


def test_the_page_forbids_itself_to_run_or_load_anything(made: dict[str, bytes]) -> None:
    assert f'content="{policy()}"'.replace("'", "&#39;") in made["report.html"].decode()
    assert policy().startswith("default-src 'none'; style-src 'sha256-")


def test_page_one_has_the_shares_the_numbers_and_what_must_be_read_first(made: dict[str, bytes]) -> None:
    first = page_of(made["report.html"].partition(b'<section id="principles"')[0]).text
    for told in ("More is unknown than known", "66 % (2 of 3)", "100 %", "enforced", "not-observable", "settle most"):
        assert told in first
    assert not re.search(r"\bcomplian|\bcertif(?!icate: it says)", page_of(made["report.html"]).text)


def _contrast(one: str, other: str) -> float:
    """SPEC: WCAG 2.2, contrast ratio."""

    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lights = sorted((light(one), light(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def test_every_colour_of_text_stands_out_from_every_ground(made: dict[str, bytes]) -> None:
    style = made["report.html"].decode().partition("<style>")[2].partition("</style>")[0]
    inks = set(re.findall(r"(?<![-\w])color: (#[0-9a-f]{6})", style))
    assert len(inks) >= 5
    assert min(_contrast(ink, ground) for ink in inks for ground in ("#ffffff", "#fff4ee")) >= 4.5


def hostile(gathered: Gathered, text: str) -> dict[str, Any]:
    """The report of a city in which everything that is said is this."""
    control = gathered.report.controls[0]
    judged = structs.replace(control.subjects[0], said=text, subject=text, missing=text, mend=text)
    told = structs.replace(gathered.report, name=text, controls=(structs.replace(control, subjects=(judged,)),))
    return shown(told, None, text)


def test_a_hostile_text_is_shown_and_does_nothing(gathered: Gathered) -> None:
    for name, text in TEXTS.items():
        page = page_of(html_of(hostile(gathered, text[:2000])))
        assert page.bad == [], name
        assert page.landmarks == ["header", "nav", "main", "footer"], name


# -- PDF ---------------------------------------------------------------------------------------------------------------


def test_the_pdf_is_tagged_has_a_language_and_says_that_it_keeps_to_ua_1(made: dict[str, bytes]) -> None:
    data = made["report.pdf"]
    assert data.startswith(b"%PDF-")
    for mark in (b"/Marked true", b"/Lang(en)", b"/StructTreeRoot", b"<pdfuaid:part>1<", b"2027-01-15T08:00:00"):
        assert mark in data, mark


ODD = "#panic() $x$ `raw` @ref <label> \\ *b* _i_ = h //c /*d*/ [x] \u4e2d\u6587 \U0001f600 \u0627\u0644 \u0301 \ufffd \x7f"


@pytest.mark.parametrize("text", [ODD, "\u202eevil", "", " ", '"}'], ids=["markup", "turned", "empty", "space", "json"])
def test_no_text_is_markup_or_breaks_the_pdf(gathered: Gathered, text: str) -> None:
    assert pdf_of(hostile(gathered, text or "-"), NOW_US).startswith(b"%PDF-")


def test_without_typst_the_pdf_is_refused_with_the_command_that_brings_it(
    gathered: Gathered, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert typst.__name__ == "typst"
    monkeypatch.setitem(__import__("sys").modules, "typst", None)
    with pytest.raises(LinkError, match=r"cityward\[report\]"):
        pdf_of(hostile(gathered, "x"), NOW_US)


# -- SARIF -------------------------------------------------------------------------------------------------------------


def sarif(folder: Path, entries: Any, declaration: str = SMALLTOWN) -> dict[str, Any]:
    found = gather(assured_town(folder, entries, declaration), NOW_US)
    return json.loads(files_of(found, Wanted(("sarif",), "var/town"))["findings.sarif"])


def test_what_failed_is_in_sarif_and_nothing_else_is(tmp_path: Path) -> None:
    found = sarif(tmp_path, FAILS)
    assert list(wrong(found, SARIF)) == []
    results = {one["ruleId"]: one for one in found["runs"][0]["results"]}
    assert results["K-04"]["message"]["text"].startswith("3 rows were admitted that no declared flow carries")
    assert all(one["kind"] == "fail" for one in results.values())


def test_the_published_schema_takes_it(tmp_path: Path) -> None:
    """`SARIF_SCHEMA`: a file with it, as the npm package `@microsoft/sarif-multitool-linux` ships (`sarif-2.1.0.json`)."""
    if "SARIF_SCHEMA" not in os.environ:
        pytest.skip("SARIF_SCHEMA names no file")
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(Path(os.environ["SARIF_SCHEMA"]).read_text())
    judge = jsonschema.validators.validator_for(schema)(schema)
    assert [error.message for error in judge.iter_errors(sarif(tmp_path, FAILS))] == []


def test_a_finding_keeps_its_fingerprint_while_its_words_and_lines_change(tmp_path: Path) -> None:
    prints = []
    for count, text in ((3, SMALLTOWN), (4, f"# a line more\n{SMALLTOWN}")):
        entries = {"worker-0": (admission(UNDECLARED, count),)}
        run = sarif(tmp_path / str(count), entries, text)["runs"][0]
        prints += [one["partialFingerprints"]["cityward/v1"] for one in run["results"] if one["ruleId"] == "K-04"]
    assert len(prints) == 2 and prints[0] == prints[1]


# -- a folder, signed --------------------------------------------------------------------------------------------------


@pytest.fixture
def given(tmp_path: Path) -> tuple[Path, Path, str]:
    """A town, the folder of a report of it, and the report key."""
    state = assured_town(tmp_path)
    written = give_out(gather(state, NOW_US), Wanted(("html", "json"), "var/town"), tmp_path / "march", "ada")
    return state, tmp_path / "march", written.key


def test_what_was_given_out_is_on_record(given: tuple[Path, Path, str]) -> None:
    state, folder, _ = given
    ((entry, record),) = tail_of(state / "ledger" / "report", 10)
    assert isinstance(record, Reported)
    assert (entry, record.person, record.forms) == ("report:0", "ada", ("html", "json"))
    assert record.manifest == hashlib.sha256((folder / "manifest").read_bytes()).hexdigest()
    assert record.digest == read_report(folder).digest()


def test_a_report_that_was_given_out_before_changes_no_later_one_of_the_same_moment(
    given: tuple[Path, Path, str],
) -> None:
    state, folder, _ = given
    give_out(gather(state, NOW_US), Wanted(("html", "json"), "var/town"), folder.with_name("again"), "ben")
    for path in folder.iterdir():
        assert path.read_bytes() == (folder.with_name("again") / path.name).read_bytes(), path.name


def test_the_files_are_those_that_were_signed(given: tuple[Path, Path, str]) -> None:
    _, folder, key = given
    manifest = check_folder(folder, key)
    assert set(manifest.files) == {"report.html", "report.json", "evidence.tar"}
    assert check_folder(folder, None) == manifest


def test_a_changed_file_a_missing_one_and_one_too_much_are_found(given: tuple[Path, Path, str]) -> None:
    _, folder, key = given
    page = folder / "report.html"
    whole = page.read_bytes()
    page.write_bytes(whole.replace(b"unknown", b"proven!", 1))
    with pytest.raises(EvidenceError, match=r"`report\.html` is not what was signed"):
        check_folder(folder, key)
    page.unlink()
    with pytest.raises(EvidenceError, match=r"`report\.html` is missing"):
        check_folder(folder, key)
    page.write_bytes(whole)
    (folder / "annex.html").write_text("all is well")
    with pytest.raises(EvidenceError, match=r"`annex\.html` is not on the signed list"):
        check_folder(folder, key)


@pytest.mark.parametrize("name", ["report.html", "report.json", "evidence.tar", "manifest", "report.vkey"])
def test_no_changed_byte_of_any_file_passes(given: tuple[Path, Path, str], name: str) -> None:
    """The key beside them, too: who trusts it would trust another's."""
    _, folder, key = given
    path = folder / name
    data = path.read_bytes()
    for index in sorted({0, len(data) // 3, len(data) // 2, len(data) - 1}):
        path.write_bytes(data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :])
        for held in (key, None):
            with pytest.raises(EvidenceError):
                check_folder(folder, held)
    path.write_bytes(data)
    assert check_folder(folder, key) == check_folder(folder, None)


def test_another_citys_key_does_not_open_it(given: tuple[Path, Path, str], tmp_path: Path) -> None:
    _, folder, _ = given
    state = assured_town(tmp_path / "other")
    other = give_out(gather(state, NOW_US), Wanted(("json",), "x"), tmp_path / "theirs", "eve")
    with pytest.raises(EvidenceError, match="no valid signature"):
        check_folder(folder, other.key)


def test_a_folder_with_something_else_in_it_is_left_alone(given: tuple[Path, Path, str]) -> None:
    state, folder, _ = given
    (folder / "letter.txt").write_text("mine")
    with pytest.raises(LinkError, match=r"letter\.txt"):
        give_out(gather(state, NOW_US), Wanted(("json",), "x"), folder, "ada")
    assert (folder / "letter.txt").read_text() == "mine"


def test_entries_after_the_moment_are_left_out_and_a_moment_to_come_is_refused(tmp_path: Path) -> None:
    later = admission(UNDECLARED, 3, at=NOW_US + 1)
    with_more = assured_town(tmp_path / "a", {"worker-0": (*ENTRIES["worker-0"], later)})
    without = assured_town(tmp_path / "b")
    assert gather(with_more, NOW_US).report == gather(without, NOW_US).report
    with pytest.raises(EvidenceError, match="still to come"):
        gather(without, NOW_US + 40_000 * DAY)


def test_the_report_of_a_twin_says_that_it_is_none_of_a_city(tmp_path: Path) -> None:
    state = assured_town(tmp_path, {})
    city = read_city_file(Home(state))
    write_city_file(Home(state), structs.replace(city, exercise=Exercise(id="x1", secret="s")))
    found = gather(state, NOW_US).report
    assert found.name == "EXERCISE x1: Smalltown"
    assert found.warnings[0].startswith("This is a twin of the exercise x1, and no city")


def test_what_changed_stands_on_page_one(tmp_path: Path) -> None:
    before = gather(assured_town(tmp_path / "a", {}), NOW_US)
    after = gather(assured_town(tmp_path / "b"), NOW_US)
    compared = changes(before.report, after.report)
    made = files_of(after, Wanted(("html", "json"), "x", compared))
    first = page_of(made["report.html"].partition(b'<section id="principles"')[0]).text
    assert "Better than then: " in first
    assert "K-04 flows.counts-in: unknown, now proven" in first
    assert json.loads(made["changes.json"])["since"] == before.report.digest()
