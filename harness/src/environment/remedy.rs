//! What to do about a facility that this machine refuses: the command to type, as exact as `/proc` allows.

use std::fs;

/// Docker's flags that allow everything the jail and the networks need.
const DOCKER: &str = "in a container: docker run --device /dev/net/tun --cap-add SYS_ADMIN --cap-add NET_ADMIN \
    --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined …";

/// The mode that needs none of it.
const WITHOUT: &str = "or go without, reduced: --net proxy";

fn setting(path: &str) -> Option<i64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// For namespaces that cannot be made.
pub(super) fn namespaces() -> String {
    let mut lines = Vec::new();
    if setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == Some(1) {
        lines.push("sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0   (AppArmor restricts them here)");
    }
    if setting("/proc/sys/kernel/unprivileged_userns_clone") == Some(0) {
        lines.push("sudo sysctl -w kernel.unprivileged_userns_clone=1");
    }
    if setting("/proc/sys/user/max_user_namespaces").is_some_and(|count| count < 64) {
        lines.push("sudo sysctl -w user.max_user_namespaces=15000");
    }
    if lines.is_empty() {
        lines.push("run it as root (sudo)");
        lines.push(DOCKER);
    }
    lines.push(WITHOUT);
    lines.join("\n  ")
}

/// For mounts that are refused although the namespaces exist.
pub(super) fn mounts() -> String {
    let mut lines = Vec::new();
    if setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == Some(1) {
        lines.push("sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0   (AppArmor restricts them here)");
    }
    lines.push(DOCKER);
    lines.push(WITHOUT);
    lines.join("\n  ")
}

/// For the TUN device at `path`.
pub(super) fn tun(path: &str) -> String {
    let exists = fs::metadata(path).is_ok();
    let first = if exists {
        format!("sudo chmod 666 {path}")
    } else {
        format!("sudo mkdir -p /dev/net && sudo mknod -m 666 {path} c 10 200   (after: sudo modprobe tun)")
    };
    format!(
        "{first}\n  or a device node of your own, named by SCHISM_TUN_DEVICE\n  in a container: docker run --device \
         /dev/net/tun …\n  or another network: --net iptables, --net proxy"
    )
}

/// For veth pairs and bridges.
pub(super) fn bridge() -> String {
    format!("sudo modprobe -a veth bridge\n  or another network: --net switch\n  {WITHOUT}")
}

/// For the program `iptables`.
pub(super) fn iptables() -> String {
    format!(
        "sudo apt-get install iptables   (or your distribution's package); sudo modprobe -a ip_tables iptable_filter \
         nf_tables\n  or another network: --net switch\n  {WITHOUT}"
    )
}

/// For failures without a known remedy.
pub(super) fn doctor() -> String {
    "schism doctor   (tries each step by itself)".to_owned()
}

/// For the account that nodes run under when the harness is root.
pub(super) fn account() -> String {
    "sudo useradd --system --no-create-home --shell /usr/sbin/nologin nobody\n  or run as an ordinary user".to_owned()
}
