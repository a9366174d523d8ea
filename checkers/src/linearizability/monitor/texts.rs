//! A text that is put anew, appended to and read; empty at first. Near-linear in the length of what was read.
//!
//! *Pieces.* Let every piece (what was put or appended) be written once, none be empty and none be the beginning of another.
//! Then a text is a sequence of pieces in at most one way: at each place the only piece it can go on with is the greatest of
//! all that are not greater than the rest, for a piece between that beginning and the rest would itself begin with it.
//!
//! *A register in disguise.* Every state is a put (or nothing, at first) and the pieces appended since, so its last piece
//! tells which state it is, and what was read tells which piece came before: all reads must agree on that, and no piece has
//! two that follow it. An append that some read shows is then a compare-and-set from the state before it to its own. An
//! append that no read shows is like a put that no read shows: whatever it leaves is seen by nobody, and the next put takes it
//! away; a state without it can only be read before it or after a put. So the history is linearizable iff that of the
//! register is, whose values are written once each: see [`super::zones`]. Undecided puts and appends need nothing further.

use super::zones;
use super::{Conflict, NONE, Part, Span};
use crate::history::{KeyId, ValueId};
use crate::index::{RegisterKey, RegisterRead, RegisterValue, RegisterWrite};

/// A put or an append that did or may have happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece<'h> {
    pub(crate) span: Span,
    pub(crate) text: &'h str,
    pub(crate) is_append: bool,
}

/// A read that ended ok.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextRead<'h> {
    pub(crate) span: Span,
    pub(crate) text: &'h str,
}

/// The state before the first piece; that of piece n is n + 1.
const EMPTY: u32 = RegisterKey::INITIAL;

/// Decides a text; `None` where its pieces are not as they should be. Of a conflict, the value n is that of piece n − 1.
pub(crate) fn check(pieces: &[Piece<'_>], reads: &[TextRead<'_>]) -> Option<Result<(), Conflict>> {
    let mut sorted: Vec<u32> = (0..pieces.len() as u32).collect();
    sorted.sort_unstable_by_key(|piece| pieces[*piece as usize].text);
    let text = |place: usize| pieces[sorted[place] as usize].text;
    if (1..sorted.len()).any(|place| text(place).starts_with(text(place - 1)))
        || (!sorted.is_empty() && text(0).is_empty())
    {
        return None;
    }
    let mut chain = Chain::new(pieces, sorted);
    let reads: Result<Vec<RegisterRead>, Conflict> =
        reads.iter().map(|read| Ok(RegisterRead { span: read.span, value: chain.state(read)? })).collect();
    Some(reads.and_then(|reads| chain.check(&reads)))
}

/// What the reads say about the order of pieces.
struct Chain<'a, 'h> {
    pieces: &'a [Piece<'h>],
    /// In order of their texts.
    sorted: Vec<u32>,
    /// By state: the one before it, if a read showed it; and the read.
    before: Vec<(u32, u32)>,
    /// By state: the one after it, if a read showed it; and the read.
    after: Vec<(u32, u32)>,
    /// The text parsed last, and its state.
    last: (&'h str, u32),
}

impl<'a, 'h> Chain<'a, 'h> {
    fn new(pieces: &'a [Piece<'h>], sorted: Vec<u32>) -> Self {
        let unknown = vec![(NONE, NONE); pieces.len() + 1];
        Self { pieces, sorted, before: unknown.clone(), after: unknown, last: ("", EMPTY) }
    }

    /// The state that a read shows.
    fn state(&mut self, read: &TextRead<'h>) -> Result<u32, Conflict> {
        // Reads mostly show what the one before them did, and a bit more.
        let (mut rest, mut state) = match read.text.strip_prefix(self.last.0) {
            Some(rest) => (rest, self.last.1),
            None => (read.text, EMPTY),
        };
        while !rest.is_empty() {
            let piece = self.first_piece(rest).ok_or_else(|| from_nowhere(read))?;
            self.follow(state, piece, read)?;
            rest = &rest[self.pieces[piece as usize].text.len()..];
            state = piece + 1;
        }
        self.last = (read.text, state);
        Ok(state)
    }

    /// The piece that a text begins with.
    fn first_piece(&self, text: &str) -> Option<u32> {
        let greater = self.sorted.partition_point(|piece| self.pieces[*piece as usize].text <= text);
        let piece = self.sorted[greater.checked_sub(1)?];
        text.starts_with(self.pieces[piece as usize].text).then_some(piece)
    }

    /// Notes that a piece came after a state.
    fn follow(&mut self, state: u32, piece: u32, read: &TextRead<'h>) -> Result<(), Conflict> {
        let operation = read.span.operation;
        if !self.pieces[piece as usize].is_append {
            let words = [
                Part::Text("a read shows "),
                Part::Value(piece + 1),
                Part::Text(", which was put and not appended, behind another piece"),
            ];
            return if state == EMPTY { Ok(()) } else { Err(Conflict::list(words, [operation])) };
        }
        let (known, reader) = self.before[piece as usize + 1];
        if known != NONE && known != state {
            let words = [Part::Text("reads show "), Part::Value(piece + 1), Part::Text(" behind two different texts")];
            return Err(self.disagreement(words, reader, operation));
        }
        self.before[piece as usize + 1] = (state, operation);
        let (known, reader) = self.after[state as usize];
        if known != NONE && known != piece + 1 {
            let words = [
                Part::Text("reads show two different pieces, "),
                Part::Value(known),
                Part::Text(" and "),
                Part::Value(piece + 1),
                Part::Text(", next to one text, which was there only once"),
            ];
            return Err(self.disagreement(words, reader, operation));
        }
        self.after[state as usize] = (piece + 1, operation);
        Ok(())
    }

    fn disagreement(&self, words: impl IntoIterator<Item = Part>, one: u32, other: u32) -> Conflict {
        Conflict::list(words, if one == other { vec![one] } else { vec![one, other] })
    }

    /// Decides the register.
    fn check(&self, reads: &[RegisterRead]) -> Result<(), Conflict> {
        let write = |(place, piece): (usize, &Piece<'_>)| {
            let (old, _) = self.before[place + 1];
            RegisterWrite { span: piece.span, new: place as u32 + 1, old }
        };
        let writes: Vec<RegisterWrite> = self.pieces.iter().enumerate().map(write).collect();
        let value = |writer| RegisterValue { value: ValueId::NULL, writer, refused: NONE, is_ambiguous: false };
        let values: Vec<RegisterValue> = std::iter::once(NONE).chain(0..writes.len() as u32).map(value).collect();
        let register = RegisterKey {
            key: KeyId::default(),
            values: &values,
            writes: &writes,
            reads,
            has_observing_failure: false,
        };
        zones::check(&register, reads.iter().copied())
    }
}

fn from_nowhere(read: &TextRead<'_>) -> Conflict {
    let words = [Part::Text("a read shows what no sequence of texts that were put or appended makes")];
    Conflict::list(words, [read.span.operation])
}
