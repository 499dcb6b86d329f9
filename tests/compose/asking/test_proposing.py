"""A proposal judged by a child: the real command, bounded, with nothing of it kept."""

from __future__ import annotations

import asyncio
import sys
from datetime import date
from pathlib import Path

import pytest

from cityward.compose.asking.proposing import ProposalDesk, label_of
from cityward.compose.places import demo_place
from cityward.errors import LinkError
from cityward.reach.whatif.signing import Signed, Word

DAY = date(2026, 8, 1)


def judged(desk: ProposalDesk, name: str, raw: bytes) -> Signed:
    return asyncio.run(asyncio.wait_for(desk.judge(name, raw, DAY), 60))


def test_the_command_judges_what_it_is_given_and_names_its_lines():
    desk = ProposalDesk(demo_place())
    text = desk.proposals()["night-desk.yaml"]
    answer = judged(desk, "night-desk.yaml", text.encode())
    assert answer.word is Word.MAY_IF and answer.report is not None
    assert [one.where.partition("  ")[0] for one in answer.report.conditions] == [
        "proposal night-desk.yaml:12",
        "proposal night-desk.yaml:21",
    ]


@pytest.mark.parametrize(
    "raw",
    [
        b"flows:\n  new: {from: cityward, to: nobody-known}\n",
        b"\xff\xfe\x00",
        b"a: &a [1]\nb: *a\n",  # aliases make bombs
        b"[" * 5000,
        b"rules: {}\n",  # the house rules are not the proposer's to touch
    ],
    ids=["dangling", "no-utf-8", "alias", "deep", "rules"],
)
def test_a_file_with_mistakes_is_told_by_its_own_lines_and_never_judged(raw: bytes):
    answer = judged(ProposalDesk(demo_place()), "offer.yaml", raw)
    assert answer.word is Word.NOT_READ and answer.mistakes and answer.report is None
    assert all("offer.yaml" in mistake.where for mistake in answer.mistakes)


def test_a_name_is_a_label_and_never_a_path_or_an_option():
    assert label_of("night-desk.yaml") == "night-desk.yaml"
    assert label_of("../../etc/night.yaml") == "night.yaml"
    assert [label_of(name) for name in ("--help", "a b.yaml", "", "x" * 200)] == ["proposal.yaml"] * 4


def test_only_what_lies_in_the_one_folder_is_offered(tmp_path: Path):
    (tmp_path / "place.yaml").write_text("place: x\n")
    folder = tmp_path / "proposals"
    folder.mkdir()
    (folder / "a.yaml").write_text("# An offer\n")
    (folder / "long.yaml").write_bytes(b"#" * (1 << 20))
    (folder / "not text.yaml").write_text("x")
    (folder / "bytes.yaml").write_bytes(b"\xff\xfe")
    assert list(ProposalDesk(tmp_path).proposals()) == ["a.yaml"]


@pytest.mark.parametrize("code", ["print('nonsense')", "import time; time.sleep(600)", "print('x' * (17 << 20))"])
def test_a_child_that_says_nonsense_or_too_much_or_never_ends_is_no_answer(code: str):
    desk = ProposalDesk(demo_place(), (sys.executable, "-c", code), child_s=5.0 if "600" not in code else 0.2)
    with pytest.raises(LinkError):
        judged(desk, "a.yaml", b"{}")


def test_who_comes_when_enough_wait_is_sent_away():
    desk = ProposalDesk(demo_place(), (sys.executable, "-c", "import time; time.sleep(600)"), child_s=30)

    async def scene() -> None:
        waiting = [asyncio.create_task(desk.judge("a.yaml", b"{}", DAY)) for _ in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(LinkError, match="too many"):
            await desk.judge("a.yaml", b"{}", DAY)
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(scene())
