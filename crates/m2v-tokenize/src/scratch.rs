//! What a tokenizer keeps between calls.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// The identity of a tokenizer; each new one is different from all others that live.
///
/// A tokenizer that keeps state in a [`Scratch`] holds one and passes it to [`Scratch::get`].
#[derive(Clone, Debug, Default)]
pub struct Owner(Arc<()>);

impl Owner {
    /// A new identity.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// What a tokenizer keeps between calls, such as a memo of words: caller-owned, one for each thread. It grows with the
/// words it sees that the vocabulary does not have, to 15 MB for each tokenizer, and has room for the ids of the
/// longest text that came [alone](crate::Tokenizer::with_ids).
///
/// It holds what belongs to the last few tokenizers that used it, each by its [`Owner`], so that a stale memo can never
/// answer. What one kept begins anew after more than three others were there.
///
/// ```
/// use m2v_tokenize::{Owner, Scratch};
///
/// let (one, other) = (Owner::new(), Owner::new());
/// let mut scratch = Scratch::default();
/// *scratch.get(&one, || 0) += 1;
/// assert_eq!(*scratch.get(&one, || 0), 1);
/// assert_eq!(*scratch.get(&other, || 0), 0);
/// assert_eq!(*scratch.get(&one, || 0), 1);
/// ```
#[derive(Default)]
pub struct Scratch {
    /// The one that was used last comes first.
    slots: Vec<Slot>,
    /// For a text alone.
    pub(crate) alone: Alone,
}

/// The ids of a text that is taken alone, and where they end.
#[derive(Default)]
pub(crate) struct Alone {
    pub(crate) ids: Vec<u32>,
    pub(crate) ends: Vec<usize>,
}

type Slot = (Owner, Box<dyn Any + Send>);

/// Encoders of a few models, one after the other on the same texts, each find what they kept.
const SLOTS: usize = 4;

impl Scratch {
    /// The state of `owner`; made by `init` if this scratch holds none of it.
    #[inline]
    pub fn get<T: Any + Send>(&mut self, owner: &Owner, init: impl FnOnce() -> T) -> &mut T {
        self.get_with_alone(owner, init).0
    }

    /// As [`Scratch::get`], and what a text alone takes.
    #[inline]
    pub(crate) fn get_with_alone<T: Any + Send>(
        &mut self,
        owner: &Owner,
        init: impl FnOnce() -> T,
    ) -> (&mut T, &mut Alone) {
        if !self.slots.first().is_some_and(is_owners::<T>(owner)) {
            self.bring_first(owner, init);
        }
        match self.slots.first_mut().and_then(|slot| slot.1.downcast_mut()) {
            Some(state) => (state, &mut self.alone),
            None => unreachable!("the first slot was checked or made above"),
        }
    }

    /// Makes the first slot that of `owner`. Seldom called, and what it makes is large on the stack.
    #[inline(never)]
    fn bring_first<T: Any + Send>(&mut self, owner: &Owner, init: impl FnOnce() -> T) {
        if let Some(place) = self.slots.iter().position(is_owners::<T>(owner)) {
            self.slots[..=place].rotate_right(1);
        } else {
            self.slots.truncate(SLOTS - 1);
            self.slots.insert(0, (owner.clone(), Box::new(init())));
        }
    }
}

/// Whether a slot is that of `owner` and holds a `T`. A slot keeps its owner alive, so an address is never that of a
/// later tokenizer.
fn is_owners<T: Any>(owner: &Owner) -> impl Fn(&Slot) -> bool {
    |slot| Arc::ptr_eq(&slot.0.0, &owner.0) && slot.1.is::<T>()
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").field("in_use", &self.slots.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Owner, SLOTS, Scratch};

    #[test]
    fn keeps_what_belongs_to_the_last_few() {
        let owners: Vec<Owner> = (0..=SLOTS).map(|_| Owner::new()).collect();
        let mut scratch = Scratch::default();
        for (value, owner) in owners.iter().enumerate().take(SLOTS) {
            scratch.get(owner, || value);
        }
        for (value, owner) in owners.iter().enumerate().take(SLOTS).rev() {
            assert_eq!(*scratch.get(owner, || 9_usize), value);
        }
        // One more; the one that was used longest ago goes.
        assert_eq!(*scratch.get(&owners[SLOTS], || 7_usize), 7);
        assert_eq!(*scratch.get(&owners[SLOTS - 1], || 9_usize), 9);
        assert_eq!(*scratch.get(&owners[0], || 9_usize), 0);
        // State of another type is none.
        assert_eq!(*scratch.get(&owners[0], || "text"), "text");
        assert_eq!(scratch.slots.len(), SLOTS);
    }
}
