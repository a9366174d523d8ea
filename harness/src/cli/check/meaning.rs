//! What the history's words are taken to mean: the default of its format, changed by flags.

use schism_checkers::Semantics;
use schism_checkers::history::Source;
use schism_checkers::linearizability::Approach;
use schism_checkers::semantics::{FailedCas, Literal, NullRead};

use crate::cli::arguments::CheckMeaningArguments;

/// What a read of null says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum NullReads {
    /// Null is a value like any other: the object is absent
    Value,
    /// Nothing: such a read is always right
    Unknown,
}

/// What a compare-and-set that failed says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum FailedCasMeaning {
    /// Nothing, whatever the reason was
    Drop,
    /// It saw another value than it expected
    Observe,
}

/// How a model is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum MethodChoice {
    /// Whatever is fastest for each object
    Auto,
    /// The general search alone, to compare the others with
    Search,
}

impl From<MethodChoice> for Approach {
    fn from(choice: MethodChoice) -> Self {
        match choice {
            MethodChoice::Auto => Self::Auto,
            MethodChoice::Search => Self::Search,
        }
    }
}

/// The semantics of a history of this source.
pub(super) fn semantics(source: Source, flags: &CheckMeaningArguments) -> Semantics {
    let mut semantics = Semantics::of(source);
    if let Some(initial) = &flags.initial {
        semantics.initial = literal(initial);
    }
    match flags.null_reads {
        Some(NullReads::Value) => semantics.null_read = NullRead::Value,
        Some(NullReads::Unknown) => semantics.null_read = NullRead::Unknown,
        None => {}
    }
    match flags.failed_cas {
        Some(FailedCasMeaning::Drop) => semantics.failed_cas = FailedCas::Dropped,
        Some(FailedCasMeaning::Observe) => semantics.failed_cas = FailedCas::Observation,
        None => {}
    }
    semantics
}

/// `null`, a whole number, text in quotes, or any other text as it stands.
fn literal(typed: &str) -> Literal {
    match serde_json::from_str::<serde_json::Value>(typed) {
        Ok(serde_json::Value::Null) => Literal::Null,
        Ok(serde_json::Value::String(text)) => Literal::Text(text),
        Ok(value) => value.as_i64().map_or_else(|| Literal::Text(typed.to_owned()), Literal::Integer),
        Err(_) => Literal::Text(typed.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_outweigh_the_default_of_the_format() {
        let none = CheckMeaningArguments::default();
        assert_eq!(semantics(Source::Edn, &none).null_read, NullRead::Unknown);
        let flags = CheckMeaningArguments {
            initial: Some("nil".to_owned()),
            null_reads: Some(NullReads::Value),
            failed_cas: Some(FailedCasMeaning::Observe),
            ..none
        };
        let changed = semantics(Source::Edn, &flags);
        assert_eq!((changed.null_read, changed.failed_cas), (NullRead::Value, FailedCas::Observation));
        assert_eq!(changed.initial, Literal::Text("nil".to_owned()));
        assert_eq!(literal("null"), Literal::Null);
        assert_eq!(literal("-3"), Literal::Integer(-3));
        assert_eq!(literal("\"\""), Literal::Text(String::new()));
    }
}
