//! Tries something that cannot be undone, in a child process that ends afterwards.

use std::fs::File;
use std::io::{Read, Write};

use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork, pipe2};

use super::os::Doing;
use super::{EnvironmentError, remedy};

/// Runs `work` in a forked child; its error, if it has one, as the child told it.
///
/// The child of a process with several threads must not touch what another thread may have locked; `work` only calls the
/// system and allocates, which the C library allows there.
pub(super) fn attempt(work: impl FnOnce() -> Result<(), EnvironmentError>) -> Result<(), EnvironmentError> {
    let (read, write) = pipe2(nix::fcntl::OFlag::O_CLOEXEC).doing("make a pipe")?;
    #[expect(unsafe_code, reason = "fork; the child runs `work` alone and ends without returning")]
    let forked = unsafe { fork() }.doing("fork")?;
    match forked {
        ForkResult::Child => {
            drop(read);
            let failure = work().err().map(|error| match error {
                EnvironmentError::FacilityMissing { what, why, remedy } => (what, why, remedy),
                other => ("an environment".to_owned(), other.to_string(), remedy::doctor()),
            });
            let told = serde_json::to_vec(&failure).is_ok_and(|text| File::from(write).write_all(&text).is_ok());
            #[expect(unsafe_code, reason = "_exit: destructors and exit handlers belong to the parent")]
            unsafe {
                libc::_exit(i32::from(!told))
            }
        }
        ForkResult::Parent { child } => {
            drop(write);
            let mut text = Vec::new();
            let read = File::from(read).read_to_end(&mut text);
            waitpid(child, None).doing("wait for an attempt")?;
            read.doing("read the result of an attempt")?;
            let failure: Option<(String, String, String)> =
                serde_json::from_slice(&text).map_err(std::io::Error::other).doing("read the result of an attempt")?;
            failure.map_or(Ok(()), |(what, why, remedy)| Err(EnvironmentError::FacilityMissing { what, why, remedy }))
        }
    }
}
