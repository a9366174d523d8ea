//! How single values are read and shown.

/// The largest span of time accepted anywhere, in milliseconds.
pub const INTERVAL_MS_MAX: u64 = 60_000;

/// Reads a number of milliseconds from 1 to [`INTERVAL_MS_MAX`].
pub(super) fn parse_ms(text: &str) -> Option<u64> {
    parse_within(text, 1, INTERVAL_MS_MAX)
}

/// Reads a whole number from `least` to `most`.
pub(super) fn parse_within(text: &str, least: u64, most: u64) -> Option<u64> {
    text.parse().ok().filter(|number| (least..=most).contains(number))
}

/// Reads `on` or `off`.
pub(super) fn parse_switch(text: &str) -> Option<bool> {
    match text {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

/// Shows `on` or `off`.
pub(super) fn switch(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// Lets an enum without fields be read and shown as the words of the setting `$name`.
macro_rules! words {
    ($type:ident, $name:literal, $($variant:ident => $word:literal),+ $(,)?) => {
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $($type::$variant => $word),+ })
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::settings::SettingsError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok($type::$variant),)+
                    _ => Err($crate::settings::SettingsError::invalid($name, text)),
                }
            }
        }
    };
}

pub(super) use words;
