//! A system and its environment inside this very process: no processes, no packets, no privileges.
//!
//! It exists so that a whole run, from start to verdict, can be tested in a second on any machine, and so that every
//! kind of misbehaviour can be had on demand. It is never listed and proves nothing about a real system.

mod client;
mod environment;
mod script;
mod system;
mod world;

use std::sync::Arc;

pub use environment::ScriptedEnvironment;
pub use script::{Misbehaviour, Replication, Script};
pub use system::ScriptedSystem;

use crate::record::Clock;

/// A cluster of so many nodes that behaves as the script says. To be called on the runtime that shall do all the work.
#[must_use]
pub fn cluster(nodes: u16, script: Script, clock: Clock) -> (Arc<ScriptedEnvironment>, Arc<ScriptedSystem>) {
    let world = Arc::new(world::World::new(nodes, script, clock));
    (Arc::new(ScriptedEnvironment::new(Arc::clone(&world))), Arc::new(ScriptedSystem::new(world)))
}
