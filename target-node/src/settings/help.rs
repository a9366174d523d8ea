//! What `--help` says about settings and presets, for a terminal of 80 columns.

use super::{
    DESCRIPTIONS, PRESETS,
    descriptions::{Description, PRESET},
};

const COLUMNS: usize = 80;

/// Every setting with its values and default, and every preset with what it sets.
#[must_use]
pub fn help() -> String {
    let mut text = String::from("Settings (--set NAME=VALUE, the same on every node):\n");
    for description in DESCRIPTIONS {
        describe(&mut text, description);
    }
    text.push_str("\nPresets (--set preset=NAME):\n");
    add_wrapped(&mut text, 2, PRESET.summary);
    for preset in PRESETS {
        text.push('\n');
        add_wrapped(&mut text, 2, preset.name);
        add_wrapped(&mut text, 6, preset.summary);
        let settings: Vec<String> = preset.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        add_wrapped(&mut text, 6, &settings.join(" "));
    }
    text
}

fn describe(text: &mut String, setting: &Description) {
    text.push('\n');
    add_wrapped(text, 2, &format!("{} = {}", setting.name, setting.values));
    add_wrapped(text, 6, setting.summary);
    add_wrapped(text, 6, &format!("[default: {}]", setting.default));
}

/// Adds `words` in lines that begin with `indent` spaces.
fn add_wrapped(text: &mut String, indent: usize, words: &str) {
    let mut column = 0;
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        let width = word.chars().count();
        if column == 0 || column + 1 + width > COLUMNS {
            if column > 0 {
                text.push('\n');
            }
            text.extend(std::iter::repeat_n(' ', indent));
            column = indent + width;
        } else {
            text.push(' ');
            column += 1 + width;
        }
        text.push_str(word);
    }
    if column > 0 {
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_explained_within_the_width_of_a_terminal() {
        let help = help();
        for line in help.lines() {
            assert!(line.chars().count() <= COLUMNS, "{line:?} is too wide");
        }
        let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for Description { name, values, default, summary } in DESCRIPTIONS {
            let explained = format!("{name} = {values} {summary} [default: {default}]");
            assert!(words.contains(&explained), "{explained} is missing");
        }
        for preset in PRESETS {
            assert!(words.contains(&format!("{} {}", preset.name, preset.summary)), "{} is missing", preset.name);
        }
    }
}
