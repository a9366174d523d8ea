//! Systems that can be tested; one folder each, one line in the registry each.

mod etcd;
mod http;
mod system;

pub use etcd::Etcd;
pub use system::{
    Availability, Claim, ClientContext, GroundTruthLoss, LaunchContext, Role, SettingDescription, Settings,
    SettingsError, System, SystemTiming,
};
