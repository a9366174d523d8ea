//! A campaign: a matrix of runs and what is expected of them.

pub mod builtin;
mod cell_run;
mod child;
mod expectation;
mod file;
mod machine;
mod matrix;
mod perform;
mod store;

pub use cell_run::{CellRun, Ending};
pub use expectation::{
    Deviation, Expectations, Expected, Judged, UNKNOWN_SHARE_MAX, deviations, expectations_of, judged, word,
};
pub use file::{CampaignFile, MalformedFile, parse};
pub use machine::machine;
pub use matrix::{Cell, ExpectedCell, MatrixError, NO_FAULT, Resolver, cells, derive_seed, words};
pub use perform::{Job, OVERHEAD, Stops, Told, in_order, perform};
pub use store::{CAMPAIGN_FORMAT_VERSION, CampaignDirectory, CampaignRecord, CellRecord, RunRecord, read_verdict};
