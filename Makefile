# Every target sets up what it needs. PYTHON names the interpreter (>= 3.11).
PYTHON ?= python3
BIN := .venv/bin
READY := .make/ready

.PHONY: run demo test test-wheel check format bench trace torture soak fuzz coverage schema manual dashboards pictures constraints wheel wheels roots deb packages clean
.DEFAULT_GOAL := run

$(READY): pyproject.toml deploy/constraints.txt scripts/venv.sh
	@PYTHON=$(PYTHON) sh scripts/venv.sh
	@mkdir -p .make && touch .make/run $@

# Without the tools of developers: who only wants to see it does not wait for them.
.make/run: pyproject.toml deploy/constraints.txt scripts/venv.sh
	@PYTHON=$(PYTHON) sh scripts/venv.sh run
	@mkdir -p .make && touch $@

# Follows the host's log; where there is none to read, a recorded host's.
run: .make/run
	@if [ -n "$(LOG)" ] || [ -r /var/log/messages ] || [ -r /var/log/syslog ] || journalctl --quiet --lines=1 2>/dev/null | grep -q .; then \
	  exec $(BIN)/logwatch run --state-dir .make/state $(if $(LOG),--log $(LOG)) $(ARGS); \
	else \
	  echo "make run: no readable /var/log/messages or /var/log/syslog and no journal here: showing a recorded host instead (make run LOG=/path/to/log)" >&2; \
	  exec $(BIN)/logwatch demo $(ARGS); \
	fi

# With the host's own prometheus and alertmanager, where they are installed.
demo: $(READY)
	@exec $(BIN)/logwatch demo --stack $(ARGS)

# The real parts of the end-to-end tests: only as root, only with apt, only what is missing.
packages:
	@sh scripts/debian-packages.sh

# On every core; a module's daemons stay on one of them.
test: $(READY) packages wheels roots
	@$(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

# The built wheel under the Python of a clean Debian 13, in a few minutes: all but daemons, kills and large logs.
test-wheel: roots
	@sh scripts/test_wheel.sh $(ARGS)

check: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/logwatch check

format: $(READY)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(READY) packages
	@$(BIN)/python -m benchmarks $(ARGS)

# Which files and functions one line enters on its way to an alert.
trace: $(READY)
	@$(BIN)/python scripts/trace_line.py $(ARGS)

# A thousand seeds: processes killed at random moments, and a writer between any two system calls; what was counted is compared.
# Half of the time is waiting: two workers for each core.
torture: $(READY)
	@LOGWATCH_TORTURE_SEEDS=$${SEEDS:-1000} $(BIN)/python -m pytest -n $$(($$(nproc) * 2)) tests/test_torture.py tests/follower/test_follower_kill.py tests/follower/test_follower_interleaved.py $(ARGS)

# 10,000 mutated lines a seed (SEEDS=), and files and requests; the first ten seeds are a test.
fuzz: $(READY)
	@$(BIN)/python -m benchmarks.fuzz --seeds $${SEEDS:-100} $(ARGS)

# Half an hour (SECONDS= for less) of rotations each second, 200 containers a second and one that prints what once hurt.
soak: $(READY)
	@$(BIN)/python -m benchmarks.soak $(if $(SECONDS),--seconds $(SECONDS)) $(ARGS)

# Which branches of what keeps every line and every alert no test takes.
coverage: $(READY)
	@$(BIN)/python -m coverage run -m pytest -m "not e2e" $(ARGS)
	@$(BIN)/python -m coverage report --skip-covered --show-missing

# Files that are generated and committed.
constraints: $(READY)
	@$(BIN)/python scripts/constraints.py

schema: $(READY)
	@for kind in events alerts tests logwatch; do $(BIN)/logwatch rules schema $$kind > rules/schemas/$$kind.schema.json; done

manual: $(READY)
	@$(BIN)/python scripts/man_page.py

# The JSON that users import; grafana/builder/ is its source.
dashboards: $(READY)
	@$(BIN)/python -m grafana.builder

# Draws our own page, and the dashboards with Grafana's own components (npm packages of 430 MB, once) over the logs of two invented hosts.
pictures: $(READY) packages
	@$(BIN)/python -m grafana.preview.page
	@$(BIN)/python -m grafana.preview

wheel: $(READY)
	@$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .

# logwatch and all that it depends on, as files: what the .deb is made of, and what a host without a registry installs from.
wheels: $(READY)
	@sh scripts/wheels.sh

# Clean installations of Debian, kept in the user's cache, and the wheels for their Python: what the tests of packages install into.
roots: wheels packages
	@sh scripts/roots.sh

# dist/*.deb, and the same as one folder for any host with this Python.
deb: wheels
	@sh scripts/package.sh

clean:
	rm -rf .venv .make dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis benchmarks/corpus
