"""The state database for tests, in both engines: `url` and `store` are SQLite, then a PostgreSQL server of our own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from cityward.adapters.stores.schema import METADATA
from cityward.adapters.stores.state import SqlState

SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def program(name: str) -> str | None:
    return next((str(b / name) for b in SERVERS if (b / name).exists()), shutil.which(name))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a server of our own, without a network, as a user without rights."""
    initdb, pg_ctl = program("initdb"), program("pg_ctl")
    if initdb is None or pg_ctl is None:
        pytest.skip("NOT TESTED ON POSTGRESQL: its server programs are not here (apt-get install postgresql)")
    pytest.importorskip("psycopg", reason="NOT TESTED ON POSTGRESQL: install cityward[postgresql]")
    folder = Path(tempfile.mkdtemp(prefix="cityward-pg-"))
    user = None
    if os.geteuid() == 0:  # the server refuses to run as root
        user = "nobody"
        shutil.chown(folder, user)

    def run(*command: str) -> None:
        subprocess.run(command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL, timeout=120)

    data = str(folder / "data")
    run(initdb, "-D", data, "-A", "trust", "-U", "city", "--no-sync")
    try:
        run(pg_ctl, "-D", data, "-w", "-l", str(folder / "log"), "-o", f"-k {folder} -h '' -c fsync=off", "start")
        yield f"postgresql://city@/postgres?host={folder}"
        run(pg_ctl, "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
