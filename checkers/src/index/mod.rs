//! A history seen as sets or as registers: values numbered, reads resolved, once for all checkers that need it.

mod closing;
mod numbering;
mod register;
mod set;
mod span;

pub use closing::ClosingRead;
pub(crate) use closing::missing_closing_reads;
pub use register::{RegisterIndex, RegisterKey, RegisterRead, RegisterValue, RegisterWrite};
pub use set::{Element, SetIndex, SetKey, SetRead};
pub use span::{NEVER, NONE, Span};
