//! Where something is on the run's network.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A node of the system under test, counted from 1; written `n1`, `n2`, ….
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u16);

impl NodeId {
    /// The nodes `n1` to `n{count}`.
    pub fn all(count: u16) -> impl Iterator<Item = Self> + Clone {
        (1..=count).map(Self)
    }

    /// Counted from 0, for indexing.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0) - 1
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "n{}", self.0)
    }
}

/// One end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A node; written `n1`.
    Node(NodeId),
    /// The workers that belong to a node; written `c1`. They can be cut off together with it, or without it.
    Clients(NodeId),
    /// The observer, which is never cut off; written `observer`.
    Observer,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => write!(formatter, "{node}"),
            Self::Clients(node) => write!(formatter, "c{}", node.0),
            Self::Observer => formatter.write_str("observer"),
        }
    }
}

/// A directed link between two places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// The sender.
    pub from: Place,
    /// The receiver.
    pub to: Place,
}

impl fmt::Display for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}→{}", self.from, self.to)
    }
}

macro_rules! serde_as_text {
    ($type:ty, $what:literal) => {
        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(|()| serde::de::Error::custom(format!("{text:?} is not {}", $what)))
            }
        }
    };
}

serde_as_text!(NodeId, "a node such as n1");
serde_as_text!(Place, "a place such as n1, c1 or observer");

impl std::str::FromStr for NodeId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.strip_prefix('n').and_then(|digits| digits.parse().ok()) {
            Some(number) if number > 0 => Ok(Self(number)),
            _ => Err(()),
        }
    }
}

impl std::str::FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text == "observer" {
            return Ok(Self::Observer);
        }
        if let Some(rest) = text.strip_prefix('c') {
            return Ok(Self::Clients(format!("n{rest}").parse()?));
        }
        Ok(Self::Node(text.parse()?))
    }
}

impl Serialize for Link {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.from, self.to).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Link {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (from, to) = Deserialize::deserialize(deserializer)?;
        Ok(Self { from, to })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_back_as_they_are_written() {
        for place in [Place::Node(NodeId(3)), Place::Clients(NodeId(1)), Place::Observer] {
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        assert!("n0".parse::<NodeId>().is_err());
        assert!("x1".parse::<Place>().is_err());
    }
}
