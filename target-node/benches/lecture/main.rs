//! What the lecture on single-leader replication claims, measured on real processes: one table for each claim.
//!
//! ```text
//! cargo bench -p schism-node --bench lecture -- NAME…      one of the names below; all but the soak if none
//! ```
//! Nodes, clients and the relays between nodes share the machine; ratios within one table mean something, absolute numbers
//! do not.

#![expect(clippy::print_stdout, reason = "the tables are the result")]

mod catch_up;
mod client;
mod cluster;
mod failover;
mod latency;
mod link;
mod load;
mod membership;
mod read_scaling;
mod soak;
mod table;
mod throughput;

use std::process::ExitCode;

/// The tables; the soak takes half an hour and is made only when asked for.
const NAMES: [&str; 8] =
    ["read-scaling", "latency", "catch-up", "bulk-catch-up", "membership", "failover", "throughput", SOAK];
const SOAK: &str = "soak";

fn main() -> ExitCode {
    // `cargo bench` adds `--bench`.
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let Some(unknown) = asked.iter().find(|name| !NAMES.contains(&name.as_str())) {
        println!("no table `{unknown}`: there are {}", NAMES.join(", "));
        return ExitCode::from(64);
    }
    let names =
        NAMES.iter().filter(|name| asked.is_empty() && **name != SOAK || asked.iter().any(|asked| asked == *name));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let Ok(runtime) = runtime else { return ExitCode::FAILURE };
    for name in names {
        println!("{}", runtime.block_on(run(name)));
    }
    ExitCode::SUCCESS
}

async fn run(name: &str) -> String {
    match name {
        "read-scaling" => read_scaling::table().await,
        "latency" => latency::table().await,
        "catch-up" => catch_up::table().await,
        "bulk-catch-up" => catch_up::bulk_table().await,
        "membership" => membership::table().await,
        "failover" => failover::table().await,
        "throughput" => throughput::table().await,
        _ => soak::table().await,
    }
}
