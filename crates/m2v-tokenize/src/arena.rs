//! Memory for the tables of a tokenizer, in one place.
//!
//! The tables of a tokenizer of 30,000 tokens are 1.5 MB. From the allocator those are 400 pages of 4 KiB, and the
//! system hands out each on its own when it is first written to; in a virtual machine that may take 3 µs, and to load
//! that tokenizer 4.0 ms instead of the 3.2 with them in a huge page.

use std::mem::{self, MaybeUninit};

use bytemuck::Pod;
use bytes::BytesMut;

use crate::column::Column;

/// Memory that is handed out from its beginning to its end; what does not fit in is allocated on its own.
///
/// It is freed as a whole, when the last [`Column`] in it is gone: what lasts has no place beside what is larger and
/// does not.
#[derive(Default)]
pub(crate) struct Arena(BytesMut);

/// The size of huge pages on most machines. They begin at a multiple of it.
const HUGE: usize = 2 << 20;

/// What is smaller has small pages of its own: a huge one would be mostly empty.
const LARGE: usize = HUGE / 2;

/// Bytes of a line of the processor's cache, where memory that is handed out begins.
const LINE: usize = 64;

impl Arena {
    /// Memory for so many bytes.
    pub(crate) fn with_capacity(len: usize) -> Self {
        let is_huge = cfg!(target_os = "linux") && len >= LARGE;
        let unit = if is_huge { HUGE } else { LINE };
        let len = len.checked_next_multiple_of(unit).unwrap_or(usize::MAX);
        // Pages that nobody writes to take no memory.
        let mut memory = BytesMut::with_capacity(len.saturating_add(unit));
        let before = memory.spare_capacity_mut().as_ptr().align_offset(unit);
        // `align_offset` may refuse; then the memory begins anywhere.
        let mut memory = memory.split_off(before.min(unit));
        if is_huge {
            ask_for_huge(&memory.spare_capacity_mut()[..len]);
        }
        Self(memory)
    }

    /// A column of so many zeros.
    pub(crate) fn zeros<T: Pod>(&mut self, count: usize) -> Column<T> {
        let mut column = self.open(count);
        column.resize(count);
        self.close(&mut column);
        column
    }

    /// An empty column with room for so many, and for as many as there is memory left, until it is
    /// [closed](Arena::close). It may grow beyond that, but has to be copied then.
    pub(crate) fn open<T: Pod>(&mut self, count: usize) -> Column<T> {
        let len = count.saturating_mul(size_of::<T>());
        let bytes = if self.0.capacity() < len { Self::with_capacity(len).0 } else { mem::take(&mut self.0) };
        Column::over(bytes)
    }

    /// As [`Arena::open`], with room for no more.
    pub(crate) fn room<T: Pod>(&mut self, count: usize) -> Column<T> {
        let mut column = self.open(count);
        self.take_back(&mut column, count);
        column
    }

    /// Takes back what a column has not filled.
    pub(crate) fn close<T: Pod>(&mut self, column: &mut Column<T>) {
        self.take_back(column, column.len());
    }

    /// Takes back the memory behind so many, unless there is more left elsewhere.
    fn take_back<T: Pod>(&mut self, column: &mut Column<T>, count: usize) {
        let mut rest = column.split_off(count);
        let to_line = rest.spare_capacity_mut().as_ptr().align_offset(LINE);
        if rest.capacity().saturating_sub(to_line) > self.0.capacity() {
            self.0 = rest.split_off(to_line);
        }
    }
}

/// Asks for huge pages, which Linux gives on request. The gain is [above](self). (m2v-core does so too; neither crate
/// depends on the other.)
fn ask_for_huge(memory: &[MaybeUninit<u8>]) {
    #[cfg(target_os = "linux")]
    {
        use rustix::mm::{Advice, madvise};

        let start = memory.as_ptr().cast_mut().cast();
        #[expect(unsafe_code, reason = "there is no safe function for it; the gain is above")]
        // SAFETY: the pages lie within `memory`, and this advice changes nothing that can be read from them.
        let advised = unsafe { madvise(start, memory.len(), Advice::LinuxHugepage) };
        // Small pages are slower, not wrong.
        advised.unwrap_or_default();
    }
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Arena, HUGE, LARGE, LINE};
    use crate::column::Column;

    /// What is done to an arena.
    #[derive(Clone, Debug)]
    enum Step {
        Zeros(usize),
        /// Room for so many, and as many are added.
        Fill(usize),
        /// Room for so many, and how many are added.
        Grow(usize, usize),
    }

    fn any_steps() -> impl Strategy<Value = Vec<Step>> {
        // Of 12 bytes: none, some, half of a huge page, more than one.
        let count =
            || prop_oneof![0..20_usize, 0..20_000_usize, LARGE / 12 - 3..LARGE / 12 + 3, Just(HUGE / 10)];
        let step = prop_oneof![
            count().prop_map(Step::Zeros),
            count().prop_map(Step::Fill),
            (count(), count()).prop_map(|(a, b)| Step::Grow(a, b))
        ];
        prop::collection::vec(step, 1..12)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn columns_keep_what_they_are_given(steps in any_steps()) {
            let value = |column: usize, place: usize| [column as u32, place as u32, !(place as u32)];
            let mut arena = Arena::default();
            let mut columns: Vec<(Column<[u32; 3]>, usize)> = Vec::new();
            for (number, step) in steps.into_iter().enumerate() {
                let (mut column, count) = match step {
                    Step::Zeros(count) => (arena.zeros(count), count),
                    Step::Fill(count) => (arena.room(count), count),
                    Step::Grow(room, count) => (arena.open(room), count),
                };
                if let Step::Zeros(_) = step {
                    // Whatever was there before.
                    prop_assert!(column.len() == count && column.iter().all(|value| value == [0; 3]));
                    (0..count).for_each(|place| column.set(place, value(number, place)));
                } else {
                    (0..count).for_each(|place| column.push(value(number, place)));
                }
                if let Step::Grow(..) = step {
                    arena.close(&mut column);
                }
                columns.push((column, count));
            }
            for (number, (column, count)) in columns.iter().enumerate() {
                prop_assert_eq!(column.len(), *count);
                prop_assert!(column.iter().eq((0..*count).map(|place| value(number, place))));
                prop_assert_eq!(column.get(*count), None);
                prop_assert!((0..*count).step_by(997).all(|place| column.at(place) == value(number, place)));
            }
        }
    }

    #[test]
    fn columns_lie_one_behind_the_other_from_a_line_on() {
        let mut arena = Arena::default();
        let mut first = arena.open::<u32>(LARGE);
        (0..7).for_each(|value| first.push(value));
        arena.close(&mut first);
        let (second, third) = (arena.zeros::<u8>(LINE + 1), arena.zeros::<[u64; 4]>(3));
        let from = |address: *const u8| address.addr() - first.address(0).addr();
        assert_eq!((from(second.address(0)), from(third.address(0))), (LINE, 3 * LINE));
        assert_eq!(first.address(0).addr() % if cfg!(target_os = "linux") { HUGE } else { LINE }, 0);
        assert_eq!(third.clone().address(0).addr() % LINE, 0);
        assert!(first.iter().eq(0..7));
    }
}
