//! etcd 3.4 through its JSON gateway: an unmodified consensus store, so that the boundary is honest.

mod client;
mod lists;
mod lock;
mod outcome;
mod protocol;
mod system;

pub use system::Etcd;
