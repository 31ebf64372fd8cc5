# `make run` starts Botwright, `make test` tests it. Both install what they need first.

.PHONY: run test problems bench bench-memory soak setup setup-test

# Builds quickly, runs nearly as fast as a release.
run: setup
	@echo "==> Building (some minutes the first time, seconds afterwards)"
	cargo build --profile quick --locked
	@echo "==> Starting; Ctrl+C stops"
	@exec cargo run --profile quick --locked --quiet -- up

# What CI runs.
test: setup-test
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings
	@.ci/schema
	@.ci/stop-test-postgres
	cargo nextest run --locked; status=$$?; .ci/stop-test-postgres; exit $$status

# Every wrong project that is tested, and all that is said about it, for reading.
problems:
	@for case in tests/wrong-projects/*.txt; do printf '\n########  %s\n\n' "$$case"; cat "$$case"; done

# The numbers of the README, with the machine and the commit, of the build that `make run` runs. Let nothing else run.
bench: setup
	ulimit -n 20000 && cargo bench --profile quick --locked --bench report

# How well a memory finds what was said in the conversations of DATA, beside the facts of FACTS, and what the talks of
# SCENARIO cost; benches/memory.rs says what they hold. SCORER scores in our place.
bench-memory: setup
	DATA="$(DATA)" FACTS="$(FACTS)" SCENARIO="$(SCENARIO)" SCORER="$(SCORER)" \
		cargo bench --profile quick --locked --bench memory

# Two hundred kills under load, ten minutes of hostile projects and a thousand chats on a bad line; `make test` runs ten,
# one and two dozen. Prints a report.
soak: setup-test
	PROPTEST_RNG_SEED=$$(date +%s) cargo nextest run --locked -E 'test(/propert/)'
	BOTWRIGHT_FUZZ_SECONDS=600 cargo nextest run --locked -E 'test(/^fuzz::/)' --no-capture
	@.ci/stop-test-postgres
	BOTWRIGHT_SOAK_TELEGRAM=1 cargo nextest run --locked -E 'test(/^telegram::crowd/)' --no-capture
	@.ci/stop-test-postgres
	BOTWRIGHT_SOAK_KILLS=200 cargo nextest run --locked -E 'test(/^kills::/)' --no-capture; \
	status=$$?; .ci/stop-test-postgres; exit $$status

# PostgreSQL's server programs and a C compiler, where they are missing.
setup:
	@.ci/setup

# The same, and the test runner.
setup-test:
	@.ci/setup test
