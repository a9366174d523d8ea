//! The node's HTTP/1.1 interface, JSON in and out.
//!
//! [`routes`] is the table of paths; [`request`] reads what clients ask, [`answer`] says what they are told and with which
//! status; [`metrics`] and [`status`] are for whoever watches. Nothing here knows how the node decides.

mod answer;
mod body;
mod counters;
mod exposition;
mod metrics;
mod request;
mod routes;
mod status;

pub(crate) use routes::{Service, serve};
