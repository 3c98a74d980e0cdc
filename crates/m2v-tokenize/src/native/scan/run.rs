//! Going through texts, on any instruction set: cutting, looking up, and handing on, in turns.

use super::look_up::FOUR;
use super::{BLOCK, BYTES, CHUNKS, Chunks, Classified, Instructions, PADDING, ScanBuffer, Scanner};
use crate::key::Key;
use crate::prefetch::prefetch;
use crate::short_strings::ShortStrings;

/// How far a scan has come.
#[derive(Default)]
struct Progress {
    /// The text.
    text: usize,
    /// Bytes of it that are done, if some were handed on before it was: whole blocks.
    done: usize,
    /// Whether what is done ends in a word, or with a mark: 1 or 0.
    in_word: u64,
    at_mark: u64,
    /// Some bits if the suspect was in what is done.
    suspects: u64,
    /// Where in the buffer the next block goes.
    base: usize,
    /// How many chunks have started, how many ended, and how many texts, since some were handed on.
    started: usize,
    ended: usize,
    texts_ended: usize,
}

impl Progress {
    /// How many bytes there have to be for what is left of a text, and for what is read and written behind it.
    fn bytes_for(&self, text: &str) -> usize {
        self.base + (text.len() - self.done).next_multiple_of(BLOCK) + BLOCK + PADDING
    }

    /// Whether there are so many chunks, or bytes, that they are handed on.
    fn is_full(&self) -> bool {
        self.ended >= CHUNKS || self.base >= BYTES
    }

    /// Goes to the next text.
    fn end_text(&mut self, ends: &mut [u32]) {
        ends[self.texts_ended] = self.ended as u32;
        self.texts_ended += 1;
        self.text += 1;
        (self.done, self.in_word, self.at_mark, self.suspects) = (0, 0, 0, 0);
    }

    /// What has ended was handed on.
    fn handed_on(&mut self, starts: &mut [u32]) {
        starts.copy_within(self.ended..self.started, 0);
        (self.started, self.ended, self.texts_ended) = (self.started - self.ended, 0, 0);
        if self.done == 0 {
            self.base = 0;
        }
    }
}

/// Why a scan stopped.
enum Stop<'a> {
    /// There is no room for this text.
    Room(&'a str),
    /// The suspect is in this text, which is done but for its end.
    Suspect(&'a str),
    /// There are so many chunks, or bytes, that they are handed on.
    Full,
    /// There is no more text.
    End,
}

/// How many texts behind the one that is scanned the one is that is asked for. Without it, batches take 1.02 to 1.06 of
/// the time; with 1 or 2 less is gained, with 8 no more (Granite Rapids). To ask for a text that is alone before
/// anything else is done with it: no difference.
const TEXTS_AHEAD: usize = 4;

/// Bytes of a text that are asked for, and its last: as much as most have. Where a longer one goes on, the processor
/// knows by then.
const OFFSETS: [usize; 3] = [0, 64, 128];

impl<B, C, P, K, V> Instructions<B, C, P, K, V>
where
    B: Fn(&[u8]) -> [u8; BLOCK],
    C: Fn(Scanner, &[u8; BLOCK]) -> Classified,
    P: Fn(u64, u32, &mut [u32]),
    K: Fn(&[u8], &[u32; FOUR], &[u32; FOUR], &mut [Key<2>; FOUR]),
    V: Fn(&ShortStrings, &[Key<2>; FOUR], &[u32; FOUR], &mut [u32; FOUR]) -> u8,
{
    /// As [`Scanner::scan`].
    #[inline(always)]
    pub(super) fn scan<E>(
        self,
        scanner: Scanner,
        texts: &[&str],
        known: &ShortStrings,
        buffer: &mut ScanBuffer,
        refuses: &dyn Fn(&str) -> bool,
        mut each: impl FnMut(Chunks<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        let mut at = Progress::default();
        loop {
            let stop = self.fill(scanner, texts, buffer, &mut at);
            let is_refused = match stop {
                Stop::Room(text) => {
                    buffer.reserve(at.bytes_for(text));
                    continue;
                }
                Stop::Suspect(text) if !refuses(text) => {
                    at.end_text(&mut *buffer.texts);
                    continue;
                }
                Stop::Suspect(_) => true,
                Stop::Full | Stop::End => false,
            };
            self.hand_on(&at, known, buffer, &mut each)?;
            if is_refused || matches!(stop, Stop::End) {
                return Ok(!is_refused);
            }
            at.handed_on(&mut *buffer.starts);
        }
    }

    /// Scans until it has to [`Stop`]. Nothing is called in here, so that what the loops need stays in registers, and
    /// what follows a stop is in the program once: so, with keys and values made by fours, and with texts asked for
    /// ahead, prose in int8 takes 0.87 to 0.89 of the time with AVX-512, and 0.81 with AVX2 (Granite Rapids).
    #[inline(always)]
    fn fill<'a>(
        &self,
        scanner: Scanner,
        texts: &[&'a str],
        buffer: &mut ScanBuffer,
        at: &mut Progress,
    ) -> Stop<'a> {
        while let Some(&text) = texts.get(at.text) {
            if at.done == 0 && at.is_full() {
                return Stop::Full;
            }
            if buffer.bytes.len() < at.bytes_for(text) {
                return Stop::Room(text);
            }
            if let Some(later) = texts.get(at.text + TEXTS_AHEAD) {
                let last = later.len().saturating_sub(1);
                OFFSETS.iter().chain([&last]).for_each(|at| prefetch(later.as_ptr().wrapping_add(*at)));
            }
            let mut rest = &text.as_bytes()[at.done..];
            loop {
                let Classified { lower, space, punctuation, suspect } =
                    (self.classify)(scanner, &(self.block)(rest));
                at.suspects |= suspect;
                buffer.bytes[at.base..][..BLOCK].copy_from_slice(&lower);
                let word = !(space | punctuation);
                let (after_word, after_mark) = (word << 1 | at.in_word, punctuation << 1 | at.at_mark);
                (at.in_word, at.at_mark) = (word >> 63, punctuation >> 63);
                // The chunk that starts as the nth is the nth to end, maybe in a later block.
                for (mask, positions, count) in [
                    ((word & !after_word) | punctuation, &mut *buffer.starts, &mut at.started),
                    ((after_word & !word) | after_mark, &mut *buffer.ends, &mut at.ended),
                ] {
                    if let Some(out) = positions[*count..].first_chunk_mut::<BLOCK>() {
                        (self.positions)(mask, at.base as u32, out);
                    }
                    *count += mask.count_ones() as usize;
                }
                at.base += BLOCK;
                // What is short of a block was filled with spaces, which end the last chunk.
                let Some((_, next)) = rest.split_first_chunk::<BLOCK>() else { break };
                rest = next;
                if at.ended >= CHUNKS {
                    at.done = text.len() - rest.len();
                    return Stop::Full;
                }
            }
            if at.suspects != 0 {
                return Stop::Suspect(text);
            }
            at.end_text(&mut *buffer.texts);
        }
        Stop::End
    }

    /// Looks up chunks and hands them on, with the ends of texts.
    #[inline(always)]
    fn hand_on<E>(
        &self,
        at: &Progress,
        known: &ShortStrings,
        buffer: &mut ScanBuffer,
        each: &mut impl FnMut(Chunks<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let ScanBuffer { bytes, starts, ends, looked_up, .. } = buffer;
        let others = self.look_up(known, bytes, (starts, ends), at.ended, looked_up);
        each(buffer.chunks(at.ended, others, at.texts_ended))
    }
}
