//! The campaigns that come with the program.

use std::io;
use std::path::Path;

/// A campaign that comes with the program.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    /// Its name on the command line.
    pub name: &'static str,
    /// The text of its file.
    pub text: &'static str,
}

/// All of them; a new one is a file and a line here.
pub static BUILTINS: &[Builtin] = &[
    Builtin { name: "quickstart", text: include_str!("../../campaigns/quickstart.toml") },
    Builtin { name: "standard", text: include_str!("../../campaigns/standard.toml") },
    Builtin { name: "smoke", text: include_str!("../../campaigns/smoke.toml") },
];

/// A campaign's name and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// For directories and titles: the name, or the file's without its ending.
    pub name: String,
    /// For messages: the name, or the file as typed.
    pub shown: String,
    /// The TOML.
    pub text: String,
}

/// Why a campaign cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There is no such campaign; the message names those that exist.
    #[error("{0}\n  a file needs a / or .toml in its name")]
    Unknown(String),
    /// The file cannot be read.
    #[error("failed to read {path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The error.
        source: io::Error,
    },
}

/// Finds a campaign: an argument with `/` or `.toml` is a file, anything else is a name.
///
/// # Errors
/// See [`SourceError`].
pub fn find(argument: &str) -> Result<Source, SourceError> {
    if argument.contains('/') || argument.contains(".toml") {
        let text = std::fs::read_to_string(argument)
            .map_err(|source| SourceError::Io { path: argument.to_owned(), source })?;
        let stem = Path::new(argument).file_stem().map_or_else(|| "campaign".into(), |stem| stem.to_string_lossy());
        return Ok(Source { name: stem.into_owned(), shown: argument.to_owned(), text });
    }
    let found = BUILTINS.iter().find(|builtin| builtin.name == argument);
    let Some(Builtin { name, text }) = found else {
        let names: Vec<&str> = BUILTINS.iter().map(|builtin| builtin.name).collect();
        return Err(SourceError::Unknown(crate::cli::names::unknown("built-in campaign", argument, &names)));
    };
    Ok(Source { name: (*name).to_owned(), shown: (*name).to_owned(), text: (*text).to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::parse;

    #[test]
    fn every_builtin_can_be_read_and_describes_itself() {
        for builtin in BUILTINS {
            let file = parse(builtin.name, builtin.text).unwrap();
            assert!(!file.description.is_empty(), "{}", builtin.name);
        }
    }

    #[test]
    fn a_mistyped_name_is_answered_with_what_was_meant() {
        insta::assert_snapshot!(find("quikstart").unwrap_err(), @r#"
        there is no built-in campaign named "quikstart"; did you mean "quickstart"?
          known: quickstart, standard, smoke
          a file needs a / or .toml in its name
        "#);
    }

    #[test]
    fn an_argument_with_a_slash_is_a_file() {
        assert!(matches!(find("./nowhere"), Err(SourceError::Io { .. })));
        assert!(matches!(find("nowhere.toml"), Err(SourceError::Io { .. })));
    }
}
