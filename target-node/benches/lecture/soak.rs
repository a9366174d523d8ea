//! How a cluster endures: memory, disk and throughput under load for a long time.

use std::path::Path;
use std::time::Duration;

use crate::cluster::{Cluster, name};
use crate::load::{Load, Work};
use crate::table::markdown;

const NODES: usize = 3;
const CLIENTS: usize = 16;
/// Minutes by default; the environment variable `SCHISM_SOAK_MINUTES` says otherwise.
const MINUTES: u64 = 30;
/// Rows of the table.
const ROWS: u64 = 10;

pub(crate) async fn table() -> String {
    let minutes = std::env::var("SCHISM_SOAK_MINUTES").ok().and_then(|text| text.parse().ok()).unwrap_or(MINUTES);
    let cluster = Cluster::start(NODES, &[]).await;
    let mut header = vec!["minute".to_owned(), "writes/s".to_owned()];
    header.extend((0..NODES).map(|node| format!("{} MiB", name(node))));
    header.extend((0..NODES).map(|node| format!("{} disk MiB", name(node))));
    let mut rows = Vec::new();
    let step = Duration::from_secs(minutes * 60) / ROWS as u32;
    for row in 1..=ROWS {
        let rate = Load::closed(&cluster.clients, CLIENTS, Work::Write).end_after(step).await.rate();
        let mut cells = vec![format!("{:.1}", (step * row as u32).as_secs_f64() / 60.0), format!("{rate:.0}")];
        cells.extend((0..NODES).map(|node| resident_mib(&cluster, node)));
        cells.extend((0..NODES).map(|node| format!("{:.0}", on_disk_bytes(&cluster.data(node)) as f64 / MIB)));
        rows.push(cells);
    }
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    markdown(&format!("{CLIENTS} clients write for {minutes} minutes, default settings"), &header, &rows)
}

const MIB: f64 = 1024.0 * 1024.0;

/// The resident memory of a node's process.
fn resident_mib(cluster: &Cluster, node: usize) -> String {
    let status = cluster.process_id(node).and_then(|id| std::fs::read_to_string(format!("/proc/{id}/status")).ok());
    let line = status.as_deref().and_then(|status| status.lines().find_map(|line| line.strip_prefix("VmRSS:")));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.map_or_else(|| "–".to_owned(), |kib| format!("{:.0}", kib / 1024.0))
}

fn on_disk_bytes(directory: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => on_disk_bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}
