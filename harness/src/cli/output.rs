//! Everything the program prints: results to standard output, progress and warnings to standard error.
//!
//! No other module prints. A reader that goes away (`schism list | head -1`) is not an error; a full disk behind
//! standard output is. Colours are dropped where the stream is no terminal or `NO_COLOR` is set (anstream decides).

use std::io::{ErrorKind, IsTerminal, Write};

use super::{CliError, Exit};

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people; at most 100 columns.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// Markdown.
    Md,
}

/// Lets what happens inside a run warn on standard error. Call it where the run is, behind the jail.
pub(super) fn warn_on_standard_error() {
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr);
    // Fails only if there is one already, which is as good.
    let _ = subscriber.without_time().with_target(false).with_ansi(false).try_init();
}

/// The two streams of this program.
#[derive(Debug, Default)]
pub struct Output {
    reader_is_gone: bool,
}

impl Output {
    /// Prints a result, with a line end if the text has none.
    ///
    /// # Errors
    /// Standard output cannot be written for another reason than a reader that went away.
    pub fn result(&mut self, text: &str) -> Result<(), CliError> {
        if self.reader_is_gone {
            return Ok(());
        }
        let mut stream = anstream::stdout().lock();
        let line_end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
        let written = stream
            .write_all(text.as_bytes())
            .and_then(|()| stream.write_all(line_end.as_bytes()))
            .and_then(|()| stream.flush());
        self.written(written)
    }

    /// Prints bytes as they are: a part of a long result without colours. Answers whether there is still a reader.
    ///
    /// # Errors
    /// As [`Output::result`].
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<bool, CliError> {
        if !self.reader_is_gone {
            let mut stream = std::io::stdout().lock();
            let written = stream.write_all(bytes).and_then(|()| stream.flush());
            self.written(written)?;
        }
        Ok(!self.reader_is_gone)
    }

    fn written(&mut self, written: std::io::Result<()>) -> Result<(), CliError> {
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.reader_is_gone = true;
                Ok(())
            }
            Err(error) => Err(CliError::new(Exit::Io, format!("failed to write the result: {error}"))),
            Ok(()) => Ok(()),
        }
    }

    /// Prints a JSON document, indented.
    ///
    /// # Errors
    /// As [`Output::result`].
    pub fn json<T: serde::Serialize>(&mut self, value: &T) -> Result<(), CliError> {
        self.result(&serde_json::to_string_pretty(value).map_err(CliError::internal)?)
    }

    /// Prints one JSON object on a line of its own.
    ///
    /// # Errors
    /// As [`Output::result`].
    pub fn json_line<T: serde::Serialize>(&mut self, value: &T) -> Result<(), CliError> {
        self.result(&serde_json::to_string(value).map_err(CliError::internal)?)
    }
}

/// Tells what is going on. Nobody may be reading, so a failure to write is ignored.
pub fn progress(text: &str) {
    let mut stream = anstream::stderr().lock();
    let _ = writeln!(stream, "{text}");
}

/// Warns.
pub fn warning(text: &str) {
    use owo_colors::OwoColorize;
    progress(&format!("{} {text}", "warning:".yellow().bold()));
}

/// Tells why the program ends.
pub fn error(text: &str) {
    use owo_colors::OwoColorize;
    progress(&format!("{} {text}", "error:".red().bold()));
}

/// Whether a person watches standard error.
#[must_use]
pub fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}
