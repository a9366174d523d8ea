# Lists the recipes.
default:
    @just --list

# Everything CI checks, without changing a file.
verify: test fmt-check lint doc deny typos smoke

# All tests; the same command as in the README.
test:
    cargo test --workspace --locked

fmt-check:
    cargo fmt --all --check

lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

deny:
    cargo-deny check bans licenses sources

typos:
    typos

# A short real campaign.
smoke:
    cargo run --release --locked -- campaign smoke

# The first campaign of the README.
quickstart:
    cargo run --release --locked -- campaign quickstart

# Mends what can be mended by a program.
fix:
    cargo fmt --all
    cargo clippy --workspace --all-targets --fix --allow-dirty --allow-staged
