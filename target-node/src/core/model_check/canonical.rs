//! What two machines have in common: a digest of everything that decides what they will do, for each renaming of nodes.
//!
//! The digest is taken of the text that `Debug` makes, so that a field that is added to the core counts from its first
//! day. Left out are clocks and deadlines (fields whose names end with `_us`), because in this model any time may have
//! passed; tokens count from the last one confirmed. Renaming the nodes of a text renames every `NodeId` and makes the
//! order of what is ordered by node irrelevant.

use rustc_hash::FxHasher;
use std::hash::Hasher;

/// The renamings of three nodes: node `n` becomes `renaming[n]`. The first changes nothing.
pub(super) const RENAMINGS: [[u8; 4]; 6] =
    [[0, 1, 2, 3], [0, 1, 3, 2], [0, 2, 1, 3], [0, 2, 3, 1], [0, 3, 1, 2], [0, 3, 2, 1]];

/// A digest for each of [`RENAMINGS`].
pub(super) type Digests = [u64; RENAMINGS.len()];

/// The digests of a `Debug` text whose tokens count from `token`.
pub(super) fn digests(text: &str, token: u64) -> Digests {
    RENAMINGS.map(|renaming| Reader { text: text.as_bytes(), at: 0, renaming, token }.group(b'\0'))
}

/// Spreads the bits of a digest, so that sums of digests do not collide.
pub(super) fn spread(digest: u64) -> u64 {
    let mixed = (digest ^ (digest >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    renaming: [u8; 4],
    token: u64,
}

impl Reader<'_> {
    /// Reads up to the closing bracket of the group that has just begun, or to the end of the text.
    fn group(&mut self, end: u8) -> u64 {
        // Sets and maps by node: `{NodeId(…`; structures have a space after the brace.
        let by_node = end == b'}' && self.rest().starts_with(b"NodeId(");
        let (mut sum, mut part) = (0_u64, FxHasher::default());
        while let Some(byte) = self.text.get(self.at).copied() {
            self.at += 1;
            match byte {
                _ if byte == end => break,
                b'(' | b'[' | b'{' => {
                    let inner = self.group(closing(byte));
                    part.write_u8(byte);
                    part.write_u64(inner);
                }
                b',' if by_node => {
                    sum = sum.wrapping_add(spread(part.finish()));
                    part = FxHasher::default();
                    self.at += 1;
                }
                b'N' if self.skip(b"odeId(") => {
                    let node = self.number() as usize;
                    part.write_u8(self.renaming.get(node).copied().unwrap_or(u8::MAX));
                    self.at += 1;
                }
                b'T' if self.skip(b"oken(") => {
                    let token = self.number();
                    part.write_u64(token.saturating_sub(self.token));
                    self.at += 1;
                }
                b'_' if self.skip(b"us: ") => {
                    self.skip(b"Some(");
                    self.number();
                    self.skip(b")");
                    self.skip(b"None");
                }
                other => part.write_u8(other),
            }
        }
        if by_node { spread(sum.wrapping_add(spread(part.finish()))) } else { spread(part.finish()) }
    }

    fn rest(&self) -> &[u8] {
        &self.text[self.at..]
    }

    fn skip(&mut self, word: &[u8]) -> bool {
        let matches = self.rest().starts_with(word);
        if matches {
            self.at += word.len();
        }
        matches
    }

    fn number(&mut self) -> u64 {
        let mut number = 0_u64;
        while let Some(digit) = self.text.get(self.at).filter(|byte| byte.is_ascii_digit()) {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        number
    }
}

fn closing(opening: u8) -> u8 {
    match opening {
        b'(' => b')',
        b'[' => b']',
        _ => b'}',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renamed_texts_have_the_same_digests_in_another_order() {
        let text = |a: u8, b: u8, c: u8| {
            let mut peers = [b, c];
            peers.sort_unstable();
            let matched = |node: u8| if node == b { 7 } else { 4 };
            let peer = |node: u8| format!("NodeId({node}): Progress {{ matched: {} }}", matched(node));
            format!("Core {{ id: NodeId({a}), progress: {{{}, {}}}, x: [1, 2] }}", peer(peers[0]), peer(peers[1]))
        };
        let original = digests(&text(1, 2, 3), 0);
        for (a, b, c) in [(1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)] {
            let renamed = digests(&text(a, b, c), 0);
            assert_ne!(renamed[0], original[0]);
            assert_eq!(renamed.iter().min(), original.iter().min(), "n1 is n{a}, n2 is n{b}, n3 is n{c}");
        }
        assert_ne!(digests("matched: 1, next: 2", 0)[0], digests("matched: 2, next: 1", 0)[0]);
    }

    #[test]
    fn clocks_do_not_count_and_tokens_count_from_the_last_confirmed() {
        assert_eq!(digests("heard_us: 17, x: 1", 0), digests("heard_us: 4, x: 1", 0));
        assert_eq!(digests("heard_us: Some(17), x: 1", 0), digests("heard_us: None, x: 1", 0));
        assert_ne!(digests("heard_us: 17, x: 1", 0), digests("heard_us: 17, x: 2", 0));
        assert_eq!(digests("Token(9)", 7), digests("Token(12)", 10));
        assert_eq!(digests("Token(3)", 7), digests("Token(7)", 7));
        assert_ne!(digests("Token(9)", 7), digests("Token(9)", 8));
    }
}
