"""What holds for every test: nothing depends on the terminal or the runner it was started from."""

import os

os.environ.pop("COLUMNS", None)  # pytest-xdist sets it for its workers; commands wrap their words by it
