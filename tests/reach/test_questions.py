"""What people ask of reach, and what a report must say."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from cityward.compose.places import load_place
from cityward.reach import questions
from cityward.reach.exposure.answers import Verdict, unsettled
from cityward.reach.exposure.compile import place_on
from cityward.reach.questions import Explain, Reach, Report
from declarations import loaded, town

DOGGERFORD = Path(__file__).parents[2] / "examples" / "doggerford"


@pytest.fixture(scope="module")
def doggerford() -> Reach:
    found = load_place(DOGGERFORD)
    return Reach(found.place, found.digest, found.where)


def verdicts(report: Report, mode: str, axis: str = "") -> dict[str, str]:
    return {row.who: row.verdict.value for row in report.rows if row.mode == mode and row.axis == axis}


def test_who_reads_the_street_video(doggerford: Reach):
    read = verdicts(doggerford.of_dataset("street-video", Explain(0)), "read")
    # the council operates the system, the police has an access, the maker maintains it and holds the archive's key
    assert {who for who, verdict in read.items() if verdict == "reachable"} >= {
        "doggerford-council",
        "dogger-police",
        "halden-optics",
    }
    # nobody could say who owns the maker
    assert read["northlight"] == "unknown"


def test_an_unknown_answer_names_the_fact_that_is_missing(doggerford: Reach):
    report = doggerford.of_dataset("street-video", Explain(0))
    for row in report.rows:
        assert bool(row.missing) == (row.verdict is Verdict.UNKNOWN), row
    northlight = next(row for row in report.rows if row.who == "northlight" and row.mode == "read")
    assert northlight.missing == ("parties.halden-optics.owners",)


def test_a_jurisdiction_outside_those_allowed_is_marked(doggerford: Reach):
    report = doggerford.of_dataset("street-video", Explain(0))
    by_land = {row.who: row.allowed for row in report.rows if row.axis}
    assert by_land["xa"] is False
    assert by_land["gb"] is True


def test_the_two_axes_are_answered_apart(doggerford: Reach):
    report = doggerford.of_dataset("street-video", Explain(0))
    assert verdicts(report, "read", "party")["xa"] == "reachable"  # by its act, over the maker
    assert "xa" not in verdicts(report, "read", "place")  # nothing of it lies or passes there


def test_the_first_rows_are_explained_and_the_others_counted(doggerford: Reach):
    report = doggerford.of_party("northlight", Explain(rows=2))
    assert [bool(row.reasons) for row in report.rows[:3]] == [True, True, False]
    assert report.unexplained == len(report.rows) - 2


def test_other_ways_are_told_on_demand_and_differ(doggerford: Reach):
    report = doggerford.of_dataset("street-video", Explain(rows=1, ways=3))
    ways = [tuple(told.text for told in reason.sentences) for reason in report.rows[0].reasons]
    assert len(ways) == len(set(ways)) == 3


def test_every_sentence_names_the_line_it_rests_on(doggerford: Reach):
    report = doggerford.of_jurisdiction("xa", Explain(rows=20))
    lines = [
        where for row in report.rows for reason in row.reasons for told in reason.sentences for where in told.where
    ]
    assert len(lines) > 40
    assert all(".yaml:" in line for line in lines)


def test_facts_are_told_by_how_many_answers_they_settle(doggerford: Reach):
    facts = doggerford.overview(Explain(0)).facts
    assert [fact.settles for fact in facts] == sorted((fact.settles for fact in facts), reverse=True)
    assert facts[0].path == "parties.halden-optics.owners"


def test_a_settled_fact_settles_as_many_answers_as_was_told():
    text = town(("owners: [{party: acme-group, share: 60}]", "owners: unknown"))
    found = loaded(text)
    reach = Reach(found.place, found.digest, found.where)
    (fact,) = reach.overview(Explain(0)).facts
    settled = loaded(text.replace(", owners: unknown", ""))
    after = Reach(settled.place, settled.digest, settled.where)
    assert after.overview(Explain(0)).unknown == reach.overview(Explain(0)).unknown - fact.settles == 0


def test_what_a_party_sees_together_is_told(doggerford: Reach):
    joined = doggerford.of_party("open-moorings", Explain(0)).joined
    assert joined is not None
    assert joined.personal == ("parking-tickets",)
    assert joined.categories == ("identifier", "payment", "location")


def test_a_service_is_reached_by_whoever_falsifies_what_it_reads(doggerford: Reach):
    misled = verdicts(doggerford.of_service("ring-signal-plans", Explain(0)), "mislead")
    assert misled["tessel-systems"] == "reachable"
    assert "brightkey" not in {who for who, verdict in misled.items() if verdict == "reachable"}


@pytest.mark.parametrize("question", ["of_party", "of_jurisdiction", "of_dataset", "of_service", "of_thing"])
def test_a_name_that_names_nothing_is_refused_with_a_hint(doggerford: Reach, question: str):
    with pytest.raises(LookupError, match=r"there is no .* `street-vidoe`"):
        getattr(doggerford, question)("street-vidoe", Explain())


def test_the_same_declaration_gives_the_same_report(doggerford: Reach):
    found = load_place(DOGGERFORD)
    again = Reach(found.place, found.digest, found.where)
    assert again.of_dataset("street-video", Explain(5)) == doggerford.of_dataset("street-video", Explain(5))


def test_every_verdict_can_be_explained(doggerford: Reach):
    report = doggerford.of_jurisdiction("xa", Explain(rows=10_000))
    told = {row.verdict: row.reasons[0] for row in report.rows}
    assert report.unexplained == 0
    assert set(told) == set(Verdict) - {Verdict.OUT_OF_REACH}
    near = told[Verdict.COMPELLABLE_WITHOUT_ACCESS]
    assert near.conclusion.startswith("So Xanthia, through parties, could address somebody who has to do with ")
    assert near.sentences[-1].where


def test_a_presence_is_not_called_more_than_that(doggerford: Reach):
    report = doggerford.of_thing("video-archive", Explain(rows=10_000))
    said = {told.text for row in report.rows for reason in row.reasons for told in reason.sentences}
    assert "Dogger Bank Police has a presence in Norway." in said
    assert not any("belongs" in text for text in said)


def test_a_jurisdiction_that_is_gone_allows_nothing():
    text = town(("retention_days: 365\n", "retention_days: 365\n    allowed_jurisdictions: [xb]\n"))
    text = text.replace("xb: {code: XB}", "xb: {code: XB, valid_to: 2020-01-01}")
    found = loaded(text)
    reach = Reach(place_on(found.place, date(2026, 1, 1)), found.digest, found.where)
    assert {row.allowed for row in reach.of_dataset("counts", Explain(0)).rows if row.axis} == {False}


def test_missing_facts_beyond_those_that_were_tried_are_counted(monkeypatch: pytest.MonkeyPatch):
    found = load_place(DOGGERFORD)
    monkeypatch.setattr(questions, "unsettled", lambda exposure: unsettled(exposure, 3))
    reach = Reach(found.place, found.digest, found.where)
    report = reach.overview(Explain(0))
    assert len(report.facts) == 3
    assert report.facts_untold == len(reach.model.missing) - 3 > 0
