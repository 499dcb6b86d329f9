"""`pytest tests/watch --renew-golden` writes what the detectors say now beside their samples: read the diff before it is kept."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--renew-golden", action="store_true", help="write the golden signs of the detectors' samples anew"
    )


@pytest.fixture
def renews(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written. The option is unknown where pytest was started for more than this folder."""
    return bool(request.config.getoption("--renew-golden", default=False))
