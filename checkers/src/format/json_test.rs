//! The reader of JSON against `serde_json`, over text that is right, nearly right and arbitrary.

use proptest::prelude::*;
use serde_json::Value as Json;

use super::cursor::{Cursor, Fault};
use super::json::{DEPTH_MAX, JsonReader, skip_space, skip_value};
use crate::history::{Value, ValueId, Values};

fn back(values: &Values, id: ValueId) -> Json {
    match values.get(id) {
        Value::Null => Json::Null,
        Value::Bool(boolean) => boolean.into(),
        Value::Integer(integer) => integer.into(),
        Value::Float(float) => float.into(),
        Value::Number(digits) => {
            digits.parse::<u64>().map_or_else(|_| digits.parse::<f64>().unwrap().into(), Json::from)
        }
        Value::Text(text) => text.into(),
        Value::List(items) => items.iter().map(|item| back(values, *item)).collect(),
        Value::Map(entries) => {
            let entries =
                entries.iter().map(|(key, value)| (values.as_text(*key).unwrap().to_owned(), back(values, *value)));
            Json::Object(entries.collect())
        }
    }
}

/// What a history keeps of a number: whole ones are integers, however they are written.
fn normal(json: Json) -> Json {
    match json {
        Json::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap();
            if float.fract() == 0.0 && float.abs() < 9e15 { Json::from(float as i64) } else { Json::from(float) }
        }
        Json::Array(items) => items.into_iter().map(normal).collect(),
        Json::Object(fields) => fields.into_iter().map(|(name, value)| (name, normal(value))).collect(),
        other => other,
    }
}

fn whole<T>(text: &[u8], parse: impl FnOnce(&mut Cursor<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
    let mut cursor = Cursor::new(text);
    skip_space(&mut cursor);
    let value = parse(&mut cursor)?;
    skip_space(&mut cursor);
    if cursor.at < text.len() { cursor.fault("more after the value") } else { Ok(value) }
}

fn read(text: &[u8]) -> Result<Json, Fault> {
    let mut values = Values::default();
    let mut reader = JsonReader::new();
    let id = whole(text, |cursor| reader.value(cursor, &mut values, 0));
    assert_eq!(id.as_ref().err(), whole(text, |cursor| skip_value(cursor, 0)).as_ref().err());
    Ok(back(&values, id?))
}

/// Integers beyond the range of floats are the one thing taken here and refused there.
fn has_large_integer(text: &[u8]) -> bool {
    text.split(|byte| !byte.is_ascii_digit()).any(|digits| digits.len() > 300)
}

fn agrees(text: &[u8]) {
    // A line break ends a line of a history wherever it stands.
    let text: Vec<u8> = text.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect();
    let text = text.as_slice();
    let shown = String::from_utf8_lossy(text);
    match (read(text), serde_json::from_slice::<Json>(text)) {
        (Ok(ours), Ok(theirs)) => assert_eq!(ours, normal(theirs), "{shown}"),
        (Err(fault), Err(error)) => {
            assert!(fault.at <= text.len());
            // Where the text is wrong in its middle and cut off as well, the first fault is named here.
            let named_early = fault.reason.contains("UTF-8") || fault.reason.contains("surrogate");
            assert!(named_early || (fault.at == text.len()) == error.is_eof(), "{shown}: {fault:?}, {error}");
        }
        (Ok(_), Err(_)) if has_large_integer(text) => {}
        (ours, theirs) => panic!("{shown}: {ours:?}, but serde_json says {theirs:?}"),
    }
}

#[test]
fn takes_and_refuses_what_serde_json_does() {
    let cases = [
        "",
        " ",
        "null",
        "nul",
        "nulL",
        "true",
        "false",
        "tru",
        "0",
        "-0",
        "-",
        "-1",
        "01",
        "-01",
        "00",
        "1.",
        "1.5",
        ".5",
        "1e5",
        "1e",
        "1e+",
        "1E-7",
        "1e400",
        "1e-400",
        "-1.5e300",
        "0e999",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "12345678",
        "123456789",
        "1234567890123456",
        "0.1",
        "1x",
        "\"\"",
        "\"a\"",
        "\"a",
        "\"a\\",
        "\"\\n\\t\\\"\\\\\\/\\b\\f\\r\"",
        "\"\\u00e9\"",
        "\"\\u12",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ud83d\\",
        "\"\\ud83d",
        "\"\\ud83dx",
        "\"\\ud83d\\n\"",
        "\"\\ud83d\\ud83d\"",
        "\"\\x\"",
        "\"\t\"",
        "\"\u{7f}é😀\"",
        "[]",
        "[ ]",
        "[1]",
        "[1,]",
        "[,]",
        "[1 2]",
        "[1, 2 ,3]",
        "[",
        "[1",
        "[1,",
        "{}",
        "{ }",
        "{\"a\":1}",
        "{\"a\" : 1 , \"b\":[{}]}",
        "{\"a\":1,}",
        "{\"a\"}",
        "{a:1}",
        "{\"a\":1,\"a\":2,\"b\":3,\"a\":[4]}",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{1:2}",
        "nan",
        "\u{feff}1",
        "1 1",
        "[1]]",
        "\"fifteen bytes..\"",
        "\"sixteen bytes...\"",
        "[\"a\\\"b\",\"a\\\"b\",\"a\",\"a\"]",
    ];
    for text in cases {
        agrees(text.as_bytes());
        agrees(format!("{text}                    ").as_bytes());
        agrees(format!("[{text}, {text}]                    ").as_bytes());
    }
    agrees(b"\"\xff\"");
    agrees(b"\"caf\xc3");
    agrees(b"\"caf\xc3\"");
}

#[test]
fn depth_is_bounded() {
    for depth in [DEPTH_MAX, DEPTH_MAX + 1, 1_000_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let inner = if open == "[" { "" } else { "1" };
            agrees((open.repeat(depth) + inner + &close.repeat(depth)).as_bytes());
        }
    }
}

#[test]
fn large_integers_keep_their_digits() {
    let mut values = Values::default();
    let text = format!("-{}", "7".repeat(400));
    let id = JsonReader::new().value(&mut Cursor::new(text.as_bytes()), &mut values, 0).unwrap();
    assert_eq!(values.get(id), Value::Number(&text));
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        (-9_i64..100).prop_map(Json::from),
        "[a-c]{0,17}".prop_map(Json::from),
        any::<String>().prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::hash_map("[a-c]{0,3}", inner, 0..6).prop_map(Json::from_iter),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn right_and_nearly_right_text_is_taken_or_refused_alike(
        value in json(),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 0..4),
        pretty in any::<bool>(),
    ) {
        let mut text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
        agrees(&text);
        for (place, byte, how) in places {
            // Half of the bytes are such as mean something.
            let byte = if byte < 128 { byte } else { b"\"\\{}[]:,0123456789-+.eEntu\n "[usize::from(byte) % 28] };
            if text.is_empty() {
                break;
            }
            let place = place.index(text.len());
            match how {
                0 => text[place] = byte,
                1 => text.insert(place, byte),
                2 => drop(text.remove(place)),
                _ => text.truncate(place),
            }
            agrees(&text);
        }
    }

    #[test]
    fn arbitrary_bytes_are_taken_or_refused_alike(
        text in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"\"\\{}[]:,01-+.eEu "[..])], 0..40),
    ) {
        agrees(&text);
    }
}
