# Two commands for everyone: `make run` and `make test`. Both set up all they need from Python 3.11+ alone.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test test-all check fuzz published lock console screenshots clean

run: .venv/runtime
	$(BIN)/cityward run

# two at a time, a file's tests together: most of the time is waiting for brokers, databases and browsers to start
SIDE_BY_SIDE := -n 2 --dist loadfile

test: .venv/dev
	$(BIN)/pytest $(SIDE_BY_SIDE)

test-all: .venv/dev
	$(BIN)/pytest $(SIDE_BY_SIDE) -m ""

check: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/cityward check examples/doggerford

# coverage-guided fuzzing of every reader of foreign bytes: make fuzz RUNS=1000000 TARGETS="senml notes"
RUNS ?= 40000
TARGETS ?=
FUZZ_HERE := $(shell $(PYTHON) -c 'import sys; print(int(sys.platform == "linux" and sys.version_info[:2] == (3, 11)))' 2>/dev/null)
ifeq ($(FUZZ_HERE),1)
fuzz: .venv-fuzz/done
	.venv-fuzz/bin/python tests/fuzz/run.py $(RUNS) $(TARGETS)
else
fuzz:
	@echo "NOT FUZZED: this needs Linux and Python 3.11; say which: make fuzz PYTHON=python3.11"
endif

.venv-fuzz/done: requirements-fuzz.lock pyproject.toml
	$(PYTHON) -m venv .venv-fuzz
	.venv-fuzz/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-fuzz.lock
	.venv-fuzz/bin/pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

SARIF_SHA512 := 37151ba6ae884825a84d0fcd7ce604c040caab51de91afeb3282794792ccc9d7006505ff5fb8399961dc8310ee6fed0cd3b2c2f7ab59e4b647bc5d50cb78234c

# the report's OSCAL and SARIF, held to the schemas that are published for them
published: .venv/dev .published/done
	PYTHONPATH=.published SARIF_SCHEMA=.published/package/sarif-2.1.0.json \
		$(BIN)/python -m pytest -q tests/assurance/test_oscal.py tests/compose/reporting/test_reporting.py -k published

.published/done: requirements-published.lock | .venv/dev
	rm -rf .published && mkdir .published
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --target .published -r requirements-published.lock
	cd .published && npm pack --silent @microsoft/sarif-multitool-linux@5.7.0 # MIT
	cd .published && mv *.tgz sarif.tgz && echo "$(SARIF_SHA512)  sarif.tgz" | sha512sum --check --quiet
	cd .published && tar xzf sarif.tgz package/sarif-2.1.0.json && rm sarif.tgz
	@touch $@

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Cityward needs Python 3.11 or newer; say which: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv

# the locks hold every package's hash; the project itself is installed in place
.venv/runtime: requirements.lock pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

.venv/dev: requirements-dev.lock pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@ .venv/runtime

lock:
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 --extra report --extra street pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 --extra dev --extra export --extra map --extra postgresql --extra report --extra street --extra timestamps pyproject.toml -o requirements-dev.lock
	$(BIN)/uv pip compile --quiet --python-platform linux --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 --extra fuzz --extra dev --extra report --extra street pyproject.toml -o requirements-fuzz.lock

console:
	cd console && npm ci && npm run check && npm run build

# docs/img, of a real demonstration city
screenshots: .venv/dev
	PYTHONPATH=tests $(BIN)/python -m console.screenshots

clean:
	rm -rf .venv .venv-fuzz .published var dist
