//! A history seen as sets or as registers: values numbered, reads resolved, once for all checkers that need it.

mod closing;
mod register;
mod set;

pub(crate) use closing::missing_closing_reads;
pub use closing::{ClosingRead, closing_read};
pub use register::{RegisterIndex, RegisterKey, RegisterRead, RegisterValue, RegisterWrite, ValueId};
pub use set::{Element, ElementId, SetIndex, SetKey, SetRead};
