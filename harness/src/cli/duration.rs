//! Durations as people type them: `10s`, `500ms`, `2m`.

/// Reads a duration as milliseconds.
///
/// # Errors
/// The text is not a number with a unit; the message says the form.
pub fn parse_ms(text: &str) -> Result<u64, String> {
    let form = || format!("{text:?} is not a duration: write a number and a unit, as in 500ms, 10s or 2m");
    let split = text.find(|character: char| !character.is_ascii_digit() && character != '.').ok_or_else(form)?;
    let (number, unit) = text.split_at(split);
    let factor = match unit {
        "ms" => 1.0,
        "s" => 1000.0,
        "m" | "min" => 60_000.0,
        "h" => 3_600_000.0,
        _ => return Err(form()),
    };
    let milliseconds = number.parse::<f64>().map_err(|_| form())? * factor;
    if milliseconds.fract() != 0.0 {
        return Err(format!("{text:?} is finer than a millisecond"));
    }
    if milliseconds > MILLISECONDS_MAX {
        return Err(format!("{text:?} is longer than a week"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, not negative, below a week")]
    Ok(milliseconds as u64)
}

const MILLISECONDS_MAX: f64 = 7.0 * 24.0 * 3_600_000.0;

/// Writes milliseconds in the largest unit that keeps them exact.
#[must_use]
pub fn format_ms(milliseconds: u64) -> String {
    match milliseconds {
        0 => "0s".to_owned(),
        whole if whole.is_multiple_of(60_000) => format!("{}m", whole / 60_000),
        whole if whole.is_multiple_of(1000) => format!("{}s", whole / 1000),
        _ => format!("{milliseconds}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_they_are_meant() {
        for (text, expected) in
            [("10s", 10_000), ("500ms", 500), ("1.5s", 1500), ("2m", 120_000), ("0s", 0), ("1h", 3_600_000)]
        {
            assert_eq!(parse_ms(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_the_form() {
        for text in ["10", "s", "", "-1s", "1d", "ten s", "1.2.3s", "0.5ms", "1000h"] {
            assert!(parse_ms(text).is_err(), "{text}");
        }
        assert_eq!(
            parse_ms("10").unwrap_err(),
            "\"10\" is not a duration: write a number and a unit, as in 500ms, 10s or 2m"
        );
    }

    #[test]
    fn durations_are_written_in_their_largest_exact_unit() {
        for milliseconds in [0, 1, 600, 1000, 1500, 60_000, 90_000] {
            assert_eq!(parse_ms(&format_ms(milliseconds)), Ok(milliseconds));
        }
        assert_eq!(format_ms(90_000), "90s");
    }
}
