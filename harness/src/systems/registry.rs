//! Every system by its name; one line each.

use std::sync::Arc;

use super::{Etcd, NodeSystem, System};

/// Every system that can be tested, in the order in which they are listed.
#[must_use]
pub fn all() -> Vec<Arc<dyn System>> {
    vec![Arc::new(NodeSystem), Arc::new(Etcd)]
}

/// The system of that name.
#[must_use]
pub fn find(name: &str) -> Option<Arc<dyn System>> {
    all().into_iter().find(|system| system.name() == name)
}
