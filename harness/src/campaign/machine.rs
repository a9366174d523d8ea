//! The machine in a few words, for the tables that leave it.

use std::fs;

/// Kernel, processors and memory, as in `Linux 6.1.0, 2 processors, 24 GiB`; what cannot be read is left out.
#[must_use]
pub fn machine() -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").ok().map(|text| format!("Linux {}", text.trim()));
    let processors = std::thread::available_parallelism().ok().map(|count| format!("{count} processors"));
    let memory = fs::read_to_string("/proc/meminfo").ok().and_then(|text| memory(&text));
    [kernel, processors, memory].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn memory(meminfo: &str) -> Option<String> {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = total.split_whitespace().next()?.parse().ok()?;
    // The kernel keeps some for itself: round up to what the machine was given.
    Some(format!("{} GiB", kibibytes.div_ceil(1024 * 1024)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_rounded_up_to_whole_gibibytes() {
        assert_eq!(memory("MemTotal:       24689012 kB\nMemFree: 1 kB\n").as_deref(), Some("24 GiB"));
        assert_eq!(memory("nothing of the kind"), None);
    }
}
