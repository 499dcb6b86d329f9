"""Jobs in real child processes: the good, the failing, the hanging, the greedy. Each costs only itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cityward.adapters.works import processes
from cityward.adapters.works.processes import ProcessWorks
from cityward.errors import LinkError

CHILD = """
import sys
from types import SimpleNamespace
from cityward.adapters.works import child

def work(body):
    {body}

sys.modules["cityward.services.trial"] = SimpleNamespace(SERVICE=SimpleNamespace(work=work))
sys.exit(child.main(sys.argv[1:]))
"""


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs a job whose `work` has this body."""

    def run(code: str, body: bytes = b"in", longest_s: float = 20.0) -> bytes:
        (tmp_path / "trial_child.py").write_text(CHILD.format(body=code.replace("\n", "\n    ")))
        monkeypatch.setattr(processes, "ENVIRONMENT", {**processes.ENVIRONMENT, "PYTHONPATH": str(tmp_path)})
        return asyncio.run(ProcessWorks("trial_child").work("trial", body, longest_s))

    return run


def test_a_job_is_given_its_bytes_and_its_answer_comes_back(ask) -> None:
    assert ask("print('noise')\nreturn body[::-1]", b"\x00abc" * 50_000) == (b"\x00abc" * 50_000)[::-1]


def test_it_sees_nothing_of_our_environment(ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "hunter2")
    names = ask("import os\nreturn ' '.join(sorted(os.environ)).encode()").split()
    assert b"A_SECRET" not in names and b"HOME" not in names


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise ValueError('none of its jobs')", "none of its jobs"),
        ("return 'text'", "bytes"),
        ("import os\nos._exit(7)", "ended with 7"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "ended with -11"),
        ("return bytearray(3 << 30)", "MemoryError"),
        ("open('/tmp/never', 'wb').write(b'x' * 10)", "ended with"),
    ],
    ids=["fails", "no bytes", "leaves", "crashes", "greedy", "writes files"],
)
def test_a_job_that_fails_says_why(ask, code: str, why: str) -> None:
    with pytest.raises(LinkError, match=why):
        ask(code)


def test_an_answer_that_is_too_large_is_not_read_to_its_end(ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LARGEST_BODY", 1000)
    with pytest.raises(LinkError, match="more than 1000 bytes"):
        ask("return b'x' * 5_000_000")


def test_a_job_that_hangs_is_killed_with_all_that_it_began(ask) -> None:
    code = (
        "import os, time\npid = os.fork()\nif not pid: time.sleep(600)\nos.write(2, str(pid).encode())\ntime.sleep(600)"
    )
    with pytest.raises(LinkError, match="took longer than"):
        ask(code, longest_s=3.0)
    ours = [p for p in Path("/proc").iterdir() if p.name.isdigit() and _is_ours(p)]
    assert not ours, "a child, or a child of it, was left behind"


def _is_ours(process: Path) -> bool:
    try:
        state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        return b"trial_child" in (process / "cmdline").read_bytes() and state != "Z"
    except OSError:
        return False


def test_who_is_cancelled_leaves_nothing_behind(ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trial_child.py").write_text(CHILD.format(body="import time; time.sleep(600)"))
    monkeypatch.setattr(processes, "ENVIRONMENT", {**processes.ENVIRONMENT, "PYTHONPATH": str(tmp_path)})

    async def script() -> None:
        working = asyncio.create_task(ProcessWorks("trial_child").work("trial", b"", 500.0))
        while not any(_is_ours(p) for p in Path("/proc").iterdir() if p.name.isdigit()):
            await asyncio.sleep(0.02)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working

    asyncio.run(asyncio.wait_for(script(), 60))
    assert not any(_is_ours(p) for p in Path("/proc").iterdir() if p.name.isdigit())


def test_lighting_has_no_jobs() -> None:
    with pytest.raises(LinkError, match="no slow work"):
        asyncio.run(ProcessWorks().work("lighting", b"", 30.0))
