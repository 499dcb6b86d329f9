"""What holds for every test: nothing depends on the terminal or the runner it was started from, nor on the test before it."""

import os
from collections.abc import Iterator

import pytest
import structlog

os.environ.pop("COLUMNS", None)  # pytest-xdist sets it for its workers; commands wrap their words by it


@pytest.fixture(autouse=True)
def _logs_begin_and_end_with_the_test() -> Iterator[None]:
    """A command that sets up logging writes to what was standard error then: it is closed when its test is over.

    Tracebacks are plain: with all values of every frame, one of a door takes seconds.
    """
    *others, _ = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*others, plain])
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
