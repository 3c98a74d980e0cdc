//! Asking for memory before it is needed.
//!
//! Look-ups that wait for memory already overlap as far as the processor looks ahead, some 20 of them. Asking earlier
//! than that, tokenising blocks of English prose takes 350 ns a text of 136 bytes instead of 485 where pooling has
//! emptied the cache in between, and of 500 other languages 950 instead of 1,345 (Granite Rapids).

/// Asks the processor for the cache line at which a value begins. A hint: it changes nothing that can be read, and
/// where nothing can be read it does nothing.
#[inline(always)]
pub(crate) fn prefetch<T>(value: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        #[expect(unsafe_code, reason = "there is no safe function for it; the gain is above")]
        // SAFETY: every x86-64 processor has it, and it takes any address.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(value.cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}
