//! Cutting a text into chunks at ASCII white space and punctuation, 64 bytes at a time.

/// What a scanner cuts at, and whether it lower-cases.
#[derive(Clone, Copy)]
pub(super) struct Scanner {
    /// ASCII punctuation marks are chunks of their own.
    pub(super) punctuation: bool,
    /// ASCII letters are lower-cased.
    pub(super) lowercase: bool,
    /// U+000B and U+000C separate as well (they do, unless they were removed as controls before).
    pub(super) vertical: bool,
}

/// Bytes after a chunk that may be read with it.
pub(super) const PADDING: usize = 64;

const BLOCK: usize = 64;

impl Scanner {
    /// Calls `each(bytes, start, len)` for each chunk of a text, in order. `bytes` holds the text, lower-cased if
    /// asked for, at least to the end of the chunk, and goes on for [`PADDING`] bytes; `buffer` is where it is.
    pub(super) fn scan<E>(
        self,
        text: &[u8],
        buffer: &mut Vec<u8>,
        mut each: impl FnMut(&[u8], usize, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        // What was there before is overwritten or masked away.
        let needed = text.len().next_multiple_of(BLOCK) + BLOCK + PADDING;
        if buffer.len() < needed {
            buffer.resize(needed.next_power_of_two(), 0);
        }
        let (blocks, rest) = text.as_chunks::<BLOCK>();
        // Padding is white space: it ends the last chunk.
        let mut last = [b' '; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        let (mut in_word, mut at_mark) = (0, 0);
        let mut start = 0;
        let mut base = 0;
        for block in blocks.iter().chain([&last]) {
            let (lower, space, punctuation) = self.classify(block);
            buffer[base..base + BLOCK].copy_from_slice(&lower);
            let word = !(space | punctuation);
            let (after_word, after_mark) = (word << 1 | in_word, punctuation << 1 | at_mark);
            // Starts and ends alternate; a chunk that is open began in a block before.
            let mut open = in_word | at_mark != 0;
            (in_word, at_mark) = (word >> 63, punctuation >> 63);
            let mut starts = (word & !after_word) | punctuation;
            let mut ends = (after_word & !word) | after_mark;
            while ends != 0 {
                if !open {
                    start = base + starts.trailing_zeros() as usize;
                    starts &= starts - 1;
                }
                open = false;
                let end = base + ends.trailing_zeros() as usize;
                ends &= ends - 1;
                each(buffer, start, end - start)?;
            }
            if starts != 0 {
                start = base + starts.trailing_zeros() as usize;
            }
            base += BLOCK;
        }
        Ok(())
    }

    /// The block lower-cased, a bit for each white space, and one for each punctuation mark.
    #[inline]
    fn classify(self, block: &[u8; BLOCK]) -> ([u8; BLOCK], u64, u64) {
        let mut lower = *block;
        let (mut space, mut mark) = ([0; BLOCK], [0; BLOCK]);
        for i in 0..BLOCK {
            let byte = block[i];
            let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
            let digit = byte.wrapping_sub(b'0') < 10;
            let visible = byte.wrapping_sub(0x21) < 0x7F - 0x21;
            let blank = byte == b' ' || byte == b'\t' || byte == b'\n' || byte == b'\r';
            let vertical = byte == 0x0B || byte == 0x0C;
            lower[i] = byte | (u8::from(letter & self.lowercase) << 5);
            space[i] = u8::from(blank | (vertical & self.vertical));
            mark[i] = u8::from(visible & !letter & !digit & self.punctuation);
        }
        (lower, bits(&space), bits(&mark))
    }
}

/// Gathers the lowest bit of each byte.
#[inline]
fn bits(bytes: &[u8; BLOCK]) -> u64 {
    // Each product brings the eight bits together in the highest byte, without carries.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let words = bytes.as_chunks::<8>().0;
    let byte = |word: &[u8; 8]| u64::from_le_bytes(*word).wrapping_mul(GATHER) >> 56;
    words.iter().zip((0..64).step_by(8)).fold(0, |bits, (word, shift)| bits | byte(word) << shift)
}
