//! Names that were mistyped: what was probably meant, and what there is.

/// The message for a name that does not exist.
#[must_use]
pub fn unknown(what: &str, typed: &str, known: &[&str]) -> String {
    let meant = closest(typed, known).map(|meant| format!("; did you mean {meant:?}?")).unwrap_or_default();
    format!("there is no {what} named {typed:?}{meant}\n  known: {}", known.join(", "))
}

/// The known name closest to what was typed, if it is close enough to be a slip.
#[must_use]
pub fn closest<'a>(typed: &str, known: &[&'a str]) -> Option<&'a str> {
    let slips_max = 1 + typed.len() / 4;
    known
        .iter()
        .map(|name| (distance(typed, name), *name))
        .filter(|(slips, name)| *slips <= slips_max || (typed.len() >= 3 && name.starts_with(typed)))
        .min()
        .map(|(_, name)| name)
}

/// Levenshtein's distance: insertions, deletions and substitutions.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, left_character) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, right_character) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(left_character != *right_character);
            diagonal = row[column + 1];
            row[column + 1] = substituted.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let known = ["kill-leader", "partition-leader", "pause-isolate"];
        assert_eq!(closest("kil-leader", &known), Some("kill-leader"));
        assert_eq!(closest("partition", &known), Some("partition-leader"));
        assert_eq!(closest("earthquake", &known), None);
    }

    #[test]
    fn distance_is_levenshteins() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }

    #[test]
    fn the_message_names_what_there_is() {
        assert_eq!(
            unknown("fault", "kil-leader", &["kill-leader", "pause-isolate"]),
            "there is no fault named \"kil-leader\"; did you mean \"kill-leader\"?\n  known: kill-leader, pause-isolate"
        );
    }
}
