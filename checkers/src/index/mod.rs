//! A history seen as sets or as registers: values numbered, reads resolved, once for all checkers that need it.

mod closing;
mod group;
mod numbering;
mod register;
mod set;
mod span;

pub use closing::ClosingRead;
pub(crate) use closing::missing_closing_reads;
pub(crate) use group::{GroupIndex, UnwrittenRead, is_transaction};
pub use register::{RegisterIndex, RegisterKey, RegisterRead, RegisterValue, RegisterWrite};
pub use set::{Element, SetIndex, SetKey, SetRead};
pub use span::{NEVER, NONE, Span};
