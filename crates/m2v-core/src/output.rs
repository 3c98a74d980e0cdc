//! Memory for embeddings.

use ndarray::Array2;

/// Zeros of shape `[rows, columns]`: a fresh output to encode into.
///
/// It is memory that was not touched yet. What is large is asked to be in huge pages, where the system has them on
/// request (Linux): the first write to each page costs more than to pool the texts that fill it. 40,000 texts of
/// English prose into a fresh output of 256 columns took 830 ns a text with small pages and 520 with huge ones.
#[must_use]
pub fn zeros(rows: usize, columns: usize) -> Array2<f32> {
    let zeros = Array2::zeros((rows, columns));
    #[cfg(target_os = "linux")]
    if let Some(values) = zeros.as_slice() {
        ask_for_huge_pages(values);
    }
    zeros
}

/// Huge pages are 2 MiB on most machines; in less memory there may be none.
#[cfg(target_os = "linux")]
const LARGE: usize = 4 << 20;

#[cfg(target_os = "linux")]
fn ask_for_huge_pages(values: &[f32]) {
    use rustix::mm::{Advice, madvise};

    let page = rustix::param::page_size();
    let before = values.as_ptr().align_offset(page);
    let len = size_of_val(values).saturating_sub(before) / page * page;
    if len < LARGE {
        return;
    }
    let start = values.as_ptr().wrapping_byte_add(before).cast_mut().cast();
    #[expect(
        unsafe_code,
        reason = "advice on pages, for which there is no safe function; `zeros` says the gain"
    )]
    // SAFETY: the pages lie within `values`, and this advice changes nothing that can be read from them.
    let advised = unsafe { madvise(start, len, Advice::LinuxHugepage) };
    // Small pages are slower, not wrong.
    advised.unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::zeros;

    #[test]
    fn are_zeros_of_the_shape() {
        for (rows, columns) in [(0, 4), (3, 0), (1, 1), (5000, 256), (20_001, 257)] {
            let zeros = zeros(rows, columns);
            assert_eq!(zeros.shape(), [rows, columns]);
            assert!(zeros.iter().all(|&zero| zero.to_bits() == 0));
        }
    }
}
