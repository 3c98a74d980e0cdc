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

/// What a tokenizer keeps between calls, such as a memo of words: caller-owned, one for each thread.
///
/// It is tagged with the [`Owner`] that filled it and starts anew when another tokenizer uses it, so that a
/// stale memo can never answer.
///
/// ```
/// use m2v_tokenize::{Owner, Scratch};
///
/// let (one, other) = (Owner::new(), Owner::new());
/// let mut scratch = Scratch::default();
/// *scratch.get(&one, || 0) += 1;
/// assert_eq!(*scratch.get(&one, || 0), 1);
/// assert_eq!(*scratch.get(&other, || 0), 0);
/// ```
#[derive(Default)]
pub struct Scratch {
    slot: Option<(Owner, Box<dyn Any + Send>)>,
}

impl Scratch {
    /// The state of `owner`; made by `init` if this scratch holds none, or another's.
    pub fn get<T: Any + Send>(&mut self, owner: &Owner, init: impl FnOnce() -> T) -> &mut T {
        // The slot keeps its owner alive, so an address is never that of a later tokenizer.
        let is_owners =
            |slot: &(Owner, Box<dyn Any + Send>)| Arc::ptr_eq(&slot.0.0, &owner.0) && slot.1.is::<T>();
        if !self.slot.as_ref().is_some_and(is_owners) {
            self.slot = Some((owner.clone(), Box::new(init())));
        }
        match self.slot.as_mut().and_then(|slot| slot.1.downcast_mut()) {
            Some(state) => state,
            None => unreachable!("the slot was checked or made above"),
        }
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").field("in_use", &self.slot.is_some()).finish()
    }
}
