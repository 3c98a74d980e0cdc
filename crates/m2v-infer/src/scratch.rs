//! Buffers that live between blocks.

use std::cell::OnceCell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::thread;

use try_lock::{Locked, TryLock};

/// What an encoder reuses from block to block: one for each thread, owned by the caller.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Scratch {
    /// What the tokenizer keeps.
    pub tokenizer: m2v_tokenize::Scratch,
    /// For the ids of a block's texts, one text after the other. What is in it after a call is of no meaning.
    pub ids: Vec<u32>,
    /// For where each text's ids end in `ids`. Likewise.
    pub ends: Vec<usize>,
    /// What a pipeline's head works in.
    pub head: HeadScratch,
}

/// Bytes of a text above which what it took is not kept: many times as many as documents have that anyone embeds as
/// one, and little next to what a model takes.
const KEEP: usize = 1 << 22;

impl Scratch {
    /// Gives memory back that texts took, if one was huge and not cut: a pool would hold it for as long as it lives.
    pub(crate) fn forget_after(&mut self, texts: &[&str], max_length: Option<usize>) {
        if texts.iter().any(|text| is_huge(text, max_length)) {
            *self = Self::default();
        }
    }
}

/// Whether a text is huge and not cut.
#[inline]
pub(crate) fn is_huge(text: &str, max_length: Option<usize>) -> bool {
    max_length.is_none() && text.len() > KEEP
}

/// What a [`Pipeline`](crate::Pipeline) and its head reuse from block to block.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct HeadScratch {
    /// The embeddings of a block.
    pub(crate) embeddings: Vec<f32>,
    /// For the head to use as it likes; what is in them is of no meaning.
    pub buffers: [Vec<f32>; 2],
}

/// A bounded set of [`Scratch`] to borrow from, so that calls that do not bring one find theirs warm. How large it
/// gets: [`StaticModel::with_scratch_limit`](crate::StaticModel::with_scratch_limit).
///
/// Each thread begins to look at a place of its own: threads that encode at the same time write to no memory that
/// others read.
pub struct ScratchPool {
    places: Box<[Place]>,
}

/// Stacks of threads are at least so many bits apart, most of the time; it does no harm if they are not.
const STACK_BITS: u32 = 21;

/// Two lines of the processor's cache: it fetches them in pairs.
///
/// Nobody waits for one, and what is taken is given back with a plain write. That of a `Mutex` is locked, which waits
/// until the last output has left for the cache: short texts take 0.96 of the time without (Emerald Rapids).
#[derive(Default)]
#[repr(align(128))]
struct Place(TryLock<Scratch>);

impl ScratchPool {
    /// A pool that keeps at most `limit` between calls.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { places: std::iter::repeat_with(Place::default).take(limit).collect() }
    }

    /// Gives back the memory of all that are not in use. The next calls begin with memos that know no words.
    pub fn clear(&self) {
        for mut scratch in self.places.iter().filter_map(|place| place.0.try_lock()) {
            *scratch = Scratch::default();
        }
    }

    /// Borrows one when somebody looks at it: what the tokenizer keeps.
    #[inline]
    pub(crate) fn lazily(&self) -> Lazily<'_> {
        Lazily { pool: self, scratch: OnceCell::new() }
    }

    /// Borrows one, a new one if all are in use; it returns to the pool when dropped.
    #[inline]
    pub fn borrow(&self) -> impl DerefMut<Target = Scratch> + '_ {
        self.borrowed()
    }

    #[inline]
    fn borrowed(&self) -> Borrowed<'_> {
        // No two threads have the same stack.
        let stack = 0_u8;
        let home = (std::ptr::from_ref(&stack).addr() >> STACK_BITS) % self.places.len().max(1);
        if let Some(place) = self.places.get(home)
            && let Some(scratch) = place.0.try_lock()
        {
            return Borrowed::Kept(scratch);
        }
        self.borrow_from(home)
    }

    /// Borrows the first one that is free from a place on, a new one if none is. Seldom called, and larger than what
    /// calls it.
    #[inline(never)]
    fn borrow_from(&self, home: usize) -> Borrowed<'_> {
        let (before, after) = self.places.split_at(home);
        let free = after.iter().chain(before).find_map(|place| place.0.try_lock());
        free.map_or_else(|| Borrowed::New(Scratch::default()), Borrowed::Kept)
    }
}

// What a panic leaves behind is not used.
impl UnwindSafe for ScratchPool {}
impl RefUnwindSafe for ScratchPool {}

impl fmt::Debug for ScratchPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScratchPool").field("limit", &self.places.len()).finish_non_exhaustive()
    }
}

/// What a tokenizer keeps, borrowed when somebody looks at it.
///
/// To borrow is a locked exchange, which waits until what was written before has left for the cache, the last output
/// too: most short texts are known words of the tokenizer, which needs nothing of it then.
pub(crate) struct Lazily<'a> {
    pool: &'a ScratchPool,
    scratch: OnceCell<Borrowed<'a>>,
}

impl Deref for Lazily<'_> {
    type Target = m2v_tokenize::Scratch;

    fn deref(&self) -> &m2v_tokenize::Scratch {
        &self.scratch.get_or_init(|| self.pool.borrowed()).tokenizer
    }
}

impl DerefMut for Lazily<'_> {
    fn deref_mut(&mut self) -> &mut m2v_tokenize::Scratch {
        self.scratch.get_or_init(|| self.pool.borrowed());
        match self.scratch.get_mut() {
            Some(scratch) => &mut scratch.tokenizer,
            None => unreachable!("it was borrowed above"),
        }
    }
}

enum Borrowed<'a> {
    Kept(Locked<'a, Scratch>),
    New(Scratch),
}

impl Drop for Borrowed<'_> {
    #[inline]
    fn drop(&mut self) {
        // What a panic leaves in it may be half of something.
        if thread::panicking() {
            **self = Scratch::default();
        }
    }
}

impl Deref for Borrowed<'_> {
    type Target = Scratch;

    fn deref(&self) -> &Scratch {
        match self {
            Self::Kept(scratch) => scratch,
            Self::New(scratch) => scratch,
        }
    }
}

impl DerefMut for Borrowed<'_> {
    fn deref_mut(&mut self) -> &mut Scratch {
        match self {
            Self::Kept(scratch) => scratch,
            Self::New(scratch) => scratch,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{RefUnwindSafe, UnwindSafe, catch_unwind};

    use super::{KEEP, Scratch, ScratchPool};

    #[test]
    fn what_a_panic_left_is_not_used() {
        let pool = ScratchPool::new(1);
        let panics = || {
            pool.borrow().ids.push(1);
            let mut scratch = pool.borrow();
            assert_eq!(scratch.ids, [1], "kept between calls");
            scratch.ids.push(2);
            std::panic::resume_unwind(Box::new("half-way"));
        };
        fn is_unwind_safe<T: UnwindSafe + RefUnwindSafe>(_: &T) {}
        is_unwind_safe(&pool);
        assert!(catch_unwind(panics).is_err());
        assert!(pool.borrow().ids.is_empty());
        pool.borrow().ids.push(3);
        assert_eq!(pool.borrow().ids, [3], "and it is kept again");
    }

    #[test]
    fn what_is_borrowed_lazily_is_borrowed_when_looked_at() {
        let pool = ScratchPool::new(1);
        pool.borrow().ids.push(1);
        let mut lazily = pool.lazily();
        assert_eq!(pool.borrow().ids, [1], "nobody has it");
        let kept = std::ptr::from_ref(&pool.borrow().tokenizer);
        assert!(std::ptr::eq(&raw mut *lazily, kept));
        assert!(pool.borrow().ids.is_empty(), "a new one");
        assert!(std::ptr::eq(&raw const *lazily, kept));
        drop(lazily);
        assert_eq!(pool.borrow().ids, [1], "and it is given back");
    }

    #[test]
    fn clearing_leaves_what_is_in_use() {
        let pool = ScratchPool::new(2);
        let mut used = pool.borrow();
        used.ids.push(1);
        pool.borrow().ids.push(2);
        pool.clear();
        assert_eq!(used.ids, [1]);
        assert_eq!(pool.borrow().ids.capacity(), 0);
        drop(used);
        pool.clear();
        assert_eq!(pool.borrow().ids.capacity(), 0);
        let none = ScratchPool::new(0);
        none.borrow().ids.push(1);
        assert!(none.borrow().ids.is_empty(), "none is kept");
    }

    #[test]
    fn huge_texts_leave_no_memory_behind() {
        let mut scratch = Scratch { ids: vec![1], ..Scratch::default() };
        scratch.forget_after(&["a", "b"], None);
        assert_eq!(scratch.ids, [1]);
        let most = "a".repeat(KEEP);
        scratch.forget_after(&[&most, &most], None);
        assert_eq!(scratch.ids, [1], "of usual texts, however many");
        let more = most + "a";
        scratch.forget_after(&[&more], Some(512));
        assert_eq!(scratch.ids, [1], "of one that was cut");
        scratch.forget_after(&["a", &more], None);
        assert_eq!(scratch.ids.capacity(), 0);
    }
}
