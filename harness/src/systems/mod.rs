//! Systems that can be tested; one folder each, one line in the registry each.

mod system;

pub use system::{
    Availability, Claim, ClientContext, GroundTruthLoss, LaunchContext, Role, SettingDescription, Settings,
    SettingsError, System, SystemTiming,
};
