//! Huge pages for memory that is large and about to be written.

#[cfg(target_os = "linux")]
use rustix::mm::{Advice, madvise};

/// The size of huge pages on most machines. They begin at a multiple of it.
pub(crate) const HUGE: usize = 2 << 20;

/// Asks for huge pages, which Linux gives on request. Without them the first write to each 4 KiB costs more than to
/// pool the texts that fill it, or than to read it from a file in memory, and look-ups miss the processor's list of
/// pages. To load a float16 table of 15 MB takes 10.2 ms instead of 13.8, to encode into 41 MB 545 ns a text
/// instead of 825.
pub(crate) fn ask_for_huge<T>(memory: &[T]) {
    #[cfg(target_os = "linux")]
    {
        let page = rustix::param::page_size();
        let before = memory.as_ptr().cast::<u8>().align_offset(page);
        let len = size_of_val(memory).saturating_sub(before) / page * page;
        // In less there is none.
        if len < HUGE {
            return;
        }
        let start = memory.as_ptr().wrapping_byte_add(before).cast_mut().cast();
        #[expect(unsafe_code, reason = "there is no safe function for it; the gain is above")]
        // SAFETY: the pages lie within `memory`, and this advice changes nothing that can be read from them.
        let advised = unsafe { madvise(start, len, Advice::LinuxHugepage) };
        // Small pages are slower, not wrong.
        advised.unwrap_or_default();
    }
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
}
