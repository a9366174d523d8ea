//! Systems that can be tested; one folder each, one line in the registry each.

mod etcd;
mod http;
mod node;
mod registry;
pub mod scripted;
mod system;

pub use etcd::Etcd;
pub use node::NodeSystem;
pub use registry::{all, find};
pub use system::{
    Availability, Claim, ClientContext, GroundTruthLoss, LaunchContext, Role, SettingDescription, Settings,
    SettingsError, System, SystemTiming,
};
