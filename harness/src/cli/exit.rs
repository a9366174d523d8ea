//! The exit codes: every way in which the program can end, in one place.
//!
//! A command that has several reasons for its end names them all on standard error and exits with the one that counts
//! first. The numbers from 64 on are those of `sysexits.h`; 130 is what shells report for an interrupt.

/// Why the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// Everything as expected.
    AsExpected,
    /// A violation that was not allowed.
    Violation,
    /// The evidence does not suffice.
    Unknown,
    /// An expected violation was not found.
    RequiredMissing,
    /// The selection is empty.
    NothingSelected,
    /// The command line makes no sense.
    Usage,
    /// An input file is malformed.
    BadInput,
    /// The machine lacks a facility or a program.
    FacilityMissing,
    /// The harness or a node it started failed.
    Harness,
    /// Files could not be read or written.
    Io,
    /// Stopped by Ctrl-C or a termination signal.
    Interrupted,
}

/// Of several reasons the first in this order counts.
const PRECEDENCE: [Exit; 11] = [
    Exit::Interrupted,
    Exit::Violation,
    Exit::Harness,
    Exit::Io,
    Exit::FacilityMissing,
    Exit::BadInput,
    Exit::RequiredMissing,
    Exit::Unknown,
    Exit::NothingSelected,
    Exit::Usage,
    Exit::AsExpected,
];

/// In the order of their numbers.
const ALL: [Exit; 11] = [
    Exit::AsExpected,
    Exit::Violation,
    Exit::Unknown,
    Exit::RequiredMissing,
    Exit::NothingSelected,
    Exit::Usage,
    Exit::BadInput,
    Exit::FacilityMissing,
    Exit::Harness,
    Exit::Io,
    Exit::Interrupted,
];

impl Exit {
    /// The number handed to the operating system.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::AsExpected => 0,
            Self::Violation => 1,
            Self::Unknown => 2,
            Self::RequiredMissing => 3,
            Self::NothingSelected => 4,
            Self::Usage => 64,
            Self::BadInput => 65,
            Self::FacilityMissing => 69,
            Self::Harness => 70,
            Self::Io => 74,
            Self::Interrupted => 130,
        }
    }

    /// What the number means, for the help page.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::AsExpected => "everything as expected",
            Self::Violation => "a violation that was not allowed",
            Self::Unknown => "unknown: the evidence does not suffice",
            Self::RequiredMissing => "an expected violation was not found",
            Self::NothingSelected => "nothing was selected",
            Self::Usage => "usage: the command line makes no sense",
            Self::BadInput => "bad input file",
            Self::FacilityMissing => "a needed facility or program is missing (see `schism doctor`)",
            Self::Harness => "the harness or a node it started failed",
            Self::Io => "files could not be read or written",
            Self::Interrupted => "interrupted",
        }
    }

    /// The reason behind a number, for the exit status of a child; `None` for numbers this program never uses.
    #[must_use]
    pub fn from_code(code: i32) -> Option<Self> {
        ALL.into_iter().find(|exit| i32::from(exit.code()) == code)
    }

    /// The one of two reasons that counts.
    #[must_use]
    pub fn first_of(self, other: Self) -> Self {
        if self.rank() <= other.rank() { self } else { other }
    }

    fn rank(self) -> usize {
        PRECEDENCE.iter().position(|exit| *exit == self).unwrap_or(PRECEDENCE.len())
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The page `schism help exit-codes`.
#[must_use]
pub fn help_page() -> String {
    let lines: String = ALL.iter().map(|exit| format!("  {:>3}  {}\n", exit.code(), exit.meaning())).collect();
    let order: Vec<String> =
        PRECEDENCE.iter().filter(|exit| **exit != Exit::Usage).map(|exit| exit.code().to_string()).collect();
    let order = order.join(", ");
    format!(
        "Exit codes\n\n{lines}\nOf several reasons the first in this order counts: {order}.\n\
         A usage error (64) ends the program before anything else can happen.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_reads_back() {
        for exit in ALL {
            assert_eq!(Exit::from_code(i32::from(exit.code())), Some(exit));
        }
        assert_eq!(Exit::from_code(101), None);
    }

    #[test]
    fn precedence_is_the_documented_one() {
        let codes: Vec<u8> = PRECEDENCE.iter().filter(|exit| **exit != Exit::Usage).map(|exit| exit.code()).collect();
        assert_eq!(codes, [130, 1, 70, 74, 69, 65, 3, 2, 4, 0]);
    }

    #[test]
    fn the_graver_reason_counts_whichever_comes_first() {
        assert_eq!(Exit::Violation.first_of(Exit::Unknown), Exit::Violation);
        assert_eq!(Exit::Unknown.first_of(Exit::Violation), Exit::Violation);
        assert_eq!(Exit::Harness.first_of(Exit::Io), Exit::Harness);
        assert_eq!(Exit::AsExpected.first_of(Exit::NothingSelected), Exit::NothingSelected);
        assert_eq!(Exit::Violation.first_of(Exit::Interrupted), Exit::Interrupted);
    }
}
