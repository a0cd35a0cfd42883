# Shortcuts; nothing needs `just`. `just` alone lists them.

_list:
    @just --list

# The quick part of the tests: before each commit.
check:
    bash tests/run --quick

# Everything that must hold.
test:
    bash tests/run

# Builds the example strategies, makes candles, backtests one of them.
demo:
    cargo run --release -- demo

# Whatever reads bytes from outside, with changed files, for so many cases each and no longer than so many seconds in all.
fuzz cases="20000" seconds="900":
    CALYPTE_FUZZ_CASES={{cases}} timeout {{seconds}} cargo test --workspace --lib --test e2e fuzz

# Speed: the benchmarks of the parts, then one whole run as JSON with its stages.
bench:
    cargo bench --workspace

# The binary for machines that trade or search, compiled by what it was seen to do: target/dist/calypte. It takes half an hour.
dist:
    bash engine/deploy/dist.sh

# Formats the engine and the strategies.
fmt:
    cargo fmt --all

# Licences, sources and bans of everything we build on.
deny:
    cargo deny --workspace --locked check bans licenses sources

# The core against a hostile exchange: `SEEDS=1000 STEPS=10000 just sim`, one run again with `SEED=7`, and of it only the steps `KEEP=3,5`.
sim:
    cargo test --package calypte-sim --test seeded -- --nocapture invariants_hold_whatever_the_exchange_does

# The connector and a core against the local exchange under every fault: `SEEDS=1000 just venue-sim`, one run again with `SEED=7`.
venue-sim:
    cargo test --package calypte-devnet --test connector -- --nocapture

# All services for ten minutes at fifty times life's speed, with faults; else `just soak 60 120 7` says seconds, speed and seed. What
# it shows at its end is in the outages page. It is given ten minutes more than it asked for.
soak seconds="600" speed="50" seed="1":
    cargo build --workspace --all-targets --locked
    CALYPTE_SOAK_SECONDS={{seconds}} CALYPTE_SOAK_SPEED={{speed}} CALYPTE_SOAK_SEED={{seed}} timeout "$(({{seconds}} + 600))" cargo test --workspace --test e2e --locked -- --nocapture soak::

# Seeds beyond those of the tests, for so many seconds: the first that fails is printed, else nothing was found.
hunt first="1001" seconds="1800":
    SEED={{first}} SEEDS=1000000000 STEPS=10000 timeout {{seconds}} cargo test --package calypte-sim --test seeded -- --nocapture invariants_hold_whatever_the_exchange_does || test $? -eq 124
