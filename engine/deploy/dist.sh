#!/usr/bin/env bash
# Builds `calypte` for machines that trade or search: compiled by what it does most (profile-guided optimisation,
# https://doc.rust-lang.org/rustc/profile-guided-optimization.html). It is built, watched at work, and built again with what was seen,
# which takes about half an hour on two cores. The binary is the one path on standard output.
set -euo pipefail
cd "$(dirname "$0")/../.."
dist=${CARGO_TARGET_DIR:-$PWD/target}/dist
host=$(rustc -vV | sed -n 's/^host: //p')

build() { # how it is compiled, its target folder
    # A target that is named keeps the flags from build scripts and from macros.
    RUSTFLAGS="$1" CARGO_TARGET_DIR="$2" cargo build --release --locked --package calypte --bin calypte --target "$host" >&2
}

rustup component add llvm-tools >&2
rm -rf "$dist/seen" "$dist/tried"
mkdir -p "$dist/tried"
build "-Cprofile-generate=$dist/seen" "$dist/watched"

# What it is watched at: searches and runs with and without orders, their reports and journals, and a live demo on a local exchange.
watched=$dist/watched/$host/release/calypte
made=$dist/tried/candles.csv
components=()
for strategy in ema-atr donchian grid dca; do
    "$watched" build --json "guest-strategies/$strategy" >"$dist/tried/built.json"
    components+=("$(sed -n 's/^ *"component": "\(.*\)",*$/\1/p' "$dist/tried/built.json")")
done
"$watched" data synth --candles 30000 --out "$made" >&2
for component in "${components[@]}"; do
    run=$dist/tried/$(basename "$component" .wasm)
    "$watched" backtest "$component" --data "BTC:1m=$made" --cash 1000000 --out "$run" --journal "$run.journal" >&2
done
"$watched" sweep "${components[0]}" --data "BTC:1m=$made" --param fast=5..23:2 --param slow=30..120:10 --jobs 2 \
    --cash 1000000 --out "$dist/tried/sweep" >&2
"$watched" demo --out "$dist/tried/demo" >&2

"$(rustc --print target-libdir)/../bin/llvm-profdata" merge --output "$dist/seen.profdata" "$dist/seen"
build "-Cprofile-use=$dist/seen.profdata" "$dist/guided"
install -m 755 "$dist/guided/$host/release/calypte" "$dist/calypte"
echo "$dist/calypte"
