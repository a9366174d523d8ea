//! The node's HTTP/1.1 interface, JSON in and out.
//!
//! [`table`] is the table of routes, which [`routes`] answers and [`openapi`] describes. [`request`] and [`operator`] read
//! what clients and operators ask, member by member as [`field`] describes them; [`answer`] says what they are told, and
//! [`outcome`] with which status. [`server`] and [`body`] bound what one client can do to the others. Nothing here knows
//! how the node decides.

mod answer;
mod body;
mod config;
mod counters;
mod events;
mod exposition;
mod field;
mod metrics;
mod openapi;
mod operator;
mod outcome;
mod request;
mod routes;
mod server;
mod status;
mod table;

pub(crate) use routes::{Service, serve};
