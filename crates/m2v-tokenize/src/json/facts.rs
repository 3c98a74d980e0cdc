//! What is noted of tokens on the way.

use crate::key::characters;
use crate::token::Token;

/// Facts about a list of tokens.
#[derive(Default)]
pub(super) struct Facts {
    count: usize,
    /// The places of those that are not among the dictionary's [short](crate::dictionary::Dictionary::short) ones.
    pub(super) others: Vec<usize>,
    /// How many there are of each length in characters.
    pub(super) lengths: Vec<usize>,
    pub(super) max_id: Option<u32>,
}

impl Facts {
    /// Notes the next token.
    #[inline]
    pub(super) fn add(&mut self, token: Token<'_>, is_short: bool) {
        if !is_short {
            self.others.push(self.count);
        }
        self.count += 1;
        let length = match token.len() {
            // Without a branch that depends on the token.
            len @ 0..=16 => characters(&token.key(), len),
            _ => token.text().iter().filter(|&&byte| byte & 0xC0 != 0x80).count(),
        };
        if length >= self.lengths.len() {
            self.lengths.resize(length + 1, 0);
        }
        self.lengths[length] += 1;
        self.max_id = self.max_id.max(Some(token.id));
    }
}
