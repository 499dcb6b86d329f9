"""The state database for tests, in both engines: `url` and `store` are SQLite, then a PostgreSQL server of our own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from cityward.adapters.stores.schema import METADATA
from cityward.adapters.stores.state import SqlState

SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def program(name: str) -> str | None:
    return next((str(b / name) for b in SERVERS if (b / name).exists()), shutil.which(name))


class PostgreSql:
    """A server of our own, without a network, as a user without rights."""

    def __init__(self) -> None:
        initdb, pg_ctl = program("initdb"), program("pg_ctl")
        if initdb is None or pg_ctl is None:
            pytest.skip("NOT TESTED ON POSTGRESQL: its server programs are not here (apt-get install postgresql)")
        pytest.importorskip("psycopg", reason="NOT TESTED ON POSTGRESQL: install cityward[postgresql]")
        self._folder, self._pg_ctl = Path(tempfile.mkdtemp(prefix="cityward-pg-")), pg_ctl
        self._data = str(self._folder / "data")
        self._user = None
        if os.geteuid() == 0:  # the server refuses to run as root
            self._user = "nobody"
            shutil.chown(self._folder, self._user)
        self._run(initdb, "-D", self._data, "-A", "trust", "-U", "city", "--no-sync")
        self.url = f"postgresql://city@/postgres?host={self._folder}"

    def start(self) -> None:
        """Again, too: until its children have ended, a killed server cannot be started."""
        options = f"-k {self._folder} -h '' -c fsync=off"
        deadline = time.monotonic() + 30
        while True:
            try:
                return self._run(
                    self._pg_ctl, "-D", self._data, "-w", "-l", f"{self._data}.log", "-o", options, "start"
                )
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def kill(self) -> None:
        """As the kernel does when memory runs out: its children end with it, and nothing is put in order."""
        first = int(Path(self._data, "postmaster.pid").read_text().splitlines()[0])
        os.kill(first, signal.SIGSTOP)  # so that it starts no more while they are counted
        served = [int(pid) for pid in Path(f"/proc/{first}/task/{first}/children").read_text().split()]
        for pid in (*served, first):
            os.kill(pid, signal.SIGKILL)

    def end(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):  # it may be dead
            self._run(self._pg_ctl, "-D", self._data, "-m", "immediate", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, *command: str) -> None:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(command, check=True, user=self._user, cwd=self._folder, timeout=120, **quiet)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a server that all tests share."""
    server = PostgreSql()
    try:
        server.start()
        yield server.url
    finally:
        server.end()


@pytest.fixture
def mortal_postgresql() -> Iterator[PostgreSql]:
    """A server for one test, which may kill it."""
    server = PostgreSql()
    try:
        server.start()
        yield server
    finally:
        server.end()


ENGINES = [pytest.param("sqlite"), pytest.param("postgresql", marks=pytest.mark.postgresql)]


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    url = request.getfixturevalue("postgresql")
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    METADATA.drop_all(engine)
    engine.dispose()
    return url


@pytest.fixture
def store(url: str) -> Iterator[SqlState]:
    store = SqlState(url)
    yield store
    store.dispose()
