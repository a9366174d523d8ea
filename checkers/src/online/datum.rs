//! Values that own themselves: the last mention takes the value with it, so that no table of values grows with the run.

use std::sync::Arc;

use serde_json::Value;

/// A value of an event. Equal exactly where the values of a history are equal: a whole number is the same value however it
/// is written, and the order of a map's pairs does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Datum {
    /// Nothing.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number, by its bits.
    Float(u64),
    /// A number beyond 64 bits, as it was written.
    Number(Arc<str>),
    /// Text.
    Text(Arc<str>),
    /// A list.
    List(Arc<[Datum]>),
    /// Pairs in order of their names.
    Map(Arc<[(Arc<str>, Datum)]>),
}

/// Below it every whole number has a float of its own.
const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;

impl Datum {
    /// A list's elements.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(elements) => Some(elements),
            _ => None,
        }
    }

    /// A whole number.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(*integer),
            _ => None,
        }
    }

    fn number(number: &serde_json::Number) -> Self {
        match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(integer), _, _) => Self::Integer(integer),
            (None, None, Some(float)) if float.fract() == 0.0 && float.abs() < EXACT_BELOW => {
                Self::Integer(float as i64)
            }
            (None, None, Some(float)) => Self::Float(float.to_bits()),
            _ => Self::Number(number.to_string().into()),
        }
    }
}

impl From<&Value> for Datum {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::number(number),
            Value::String(text) => Self::Text(text.as_str().into()),
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(fields) => {
                let mut pairs: Vec<(Arc<str>, Self)> =
                    fields.iter().map(|(name, value)| (name.as_str().into(), value.into())).collect();
                pairs.sort_unstable();
                Self::Map(pairs.into())
            }
        }
    }
}

impl std::fmt::Display for Datum {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => formatter.write_str("null"),
            Self::Bool(value) => write!(formatter, "{value}"),
            Self::Integer(integer) => write!(formatter, "{integer}"),
            Self::Float(bits) => write!(formatter, "{:?}", f64::from_bits(*bits)),
            Self::Number(text) => formatter.write_str(text),
            Self::Text(text) => write!(formatter, "{text:?}"),
            Self::List(elements) => write!(formatter, "a list of {}", elements.len()),
            Self::Map(pairs) => write!(formatter, "a map of {}", pairs.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::history::Values;

    #[test]
    fn equal_exactly_where_the_values_of_a_history_are() {
        let mut values = Values::default();
        let samples = [
            json!(null),
            json!(true),
            json!(7),
            json!(7.0),
            json!(-0.0),
            json!(0),
            json!(0.5),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(1e300),
            json!("7"),
            json!([7, "7"]),
            json!([7.0, "7"]),
            json!([]),
            json!({"a": 1, "b": [2]}),
            json!({"b": [2.0], "a": 1}),
            json!({}),
        ];
        for one in &samples {
            for other in &samples {
                let expected = values.json(one) == values.json(other);
                assert_eq!(Datum::from(one) == Datum::from(other), expected, "{one} {other}");
            }
        }
    }
}
