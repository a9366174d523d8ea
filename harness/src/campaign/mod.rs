//! A campaign: a matrix of runs and what is expected of them.

mod expectation;
mod file;
mod matrix;

pub use expectation::{
    Deviation, Expectations, Expected, JUDGED, Judged, UNKNOWN_SHARE_MAX, deviations, expectations_of, word,
};
pub use file::{CampaignFile, MalformedFile, parse};
pub use matrix::{Cell, ExpectedCell, MatrixError, NO_FAULT, Resolver, cells, derive_seed, words};
