//! The ids of added tokens.

use std::collections::HashMap;

use serde::Deserialize;

use super::{Str, Tokens};

/// An added token. Its `id` in the file is not read: see [`AddedIds`].
#[derive(Deserialize)]
pub(crate) struct AddedToken<'a> {
    #[serde(borrow)]
    pub(crate) content: Str<'a>,
    #[serde(default)]
    pub(crate) special: Option<bool>,
}

/// The ids that added tokens get: that of the model, if it has the token, else counted on from the length of the
/// model's list. What the file says is not read, as in the reference.
pub(crate) struct AddedIds<'m, 't> {
    model: &'m Tokens<'m>,
    /// Those that are not the model's.
    new: HashMap<&'t str, u32>,
    next: u32,
}

impl<'m, 't> AddedIds<'m, 't> {
    pub(crate) fn new(model: &'m Tokens<'m>) -> Self {
        Self { model, new: HashMap::new(), next: u32::try_from(model.listed()).unwrap_or(u32::MAX) }
    }

    /// The id of the next token in the list, and whether it is a new one; none of the empty token, which is left out.
    pub(crate) fn of(&mut self, token: &'t str) -> Option<(u32, bool)> {
        if token.is_empty() {
            return None;
        }
        if let Some(id) = self.model.id(token).or_else(|| self.new.get(token).copied()) {
            return Some((id, false));
        }
        let id = self.next;
        self.new.insert(token, id);
        self.next = id.saturating_add(1);
        Some((id, true))
    }
}
