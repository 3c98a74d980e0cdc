//! A short text that comes alone.
//!
//! Two of three have only short words of the vocabulary, for which what all threads share is enough: what belongs to
//! one is not looked at, and the caller need not borrow it. To embed texts of 34 bytes takes 0.95 of the time then, and
//! 0.97 where there is nothing to borrow (Emerald Rapids).

use std::ops::DerefMut;

use super::{State, Words, WordsScratch};
use crate::native::memo::Memo;
use crate::native::pipeline::{Pipeline, Result};
use crate::native::scan::{Chunks, OneBuffer, Scanner};
use crate::scratch::{Alone, Owner, Scratch};

impl Words {
    /// Whether [`Words::with_ids`] may take a text.
    #[inline]
    pub(in crate::native) fn may_be_alone(text: &str) -> bool {
        Scanner::may_be_alone(text)
    }

    /// Hands the ids of a text to `take`; looks at the scratch only if a chunk is no short word of the vocabulary.
    /// False, and nothing is handed on, if the text has to be [encoded](Words::encode).
    #[inline]
    pub(in crate::native) fn with_ids(
        &self,
        pipeline: &Pipeline,
        text: &str,
        scratch: &mut dyn DerefMut<Target = Scratch>,
        owner: &Owner,
        take: &mut dyn FnMut(&mut [u32]),
    ) -> bool {
        let mut buffer = OneBuffer::new();
        let Some(chunks) = self.scanner.scan_one(text, self.known.short.short(), &mut buffer) else {
            return false;
        };
        if chunks.others.is_empty() {
            take(&mut chunks.few_known()[..chunks.len()]);
            return true;
        }
        let (WordsScratch { state, .. }, Alone { ids, ends }) = scratch.get_with_alone(owner, Words::scratch);
        ids.clear();
        ends.clear();
        let appended = self.append_alone(pipeline, &chunks, state, ids, ends).is_ok();
        if appended {
            take(ids);
        }
        appended
    }

    /// Appends the ids of the chunks of a text alone, and where they end.
    #[inline]
    pub(super) fn append_alone(
        &self,
        pipeline: &Pipeline,
        chunks: &Chunks<'_>,
        state: &mut State,
        ids: &mut Vec<u32>,
        ends: &mut Vec<usize>,
    ) -> Result<()> {
        let before = ids.len();
        if chunks.others.is_empty() {
            chunks.append_known(0..chunks.len(), ids);
        } else if self.append_remembered(chunks, &state.memo, ids).is_none() {
            ids.truncate(before);
            return self.append_with_others(pipeline, chunks, state, ids, ends);
        }
        ends.push(ids.len());
        Ok(())
    }

    /// Appends the ids of chunks up to the first that is new. Others are few, and each is looked up at once: to ask for
    /// all of them first, as [`Words::append_with_others`] does, takes 1.02 to 1.05 of the time for texts of 34 bytes
    /// (Emerald Rapids).
    fn append_remembered(&self, chunks: &Chunks<'_>, memo: &Memo, ids: &mut Vec<u32>) -> Option<()> {
        let mut done = 0;
        for &other in chunks.others {
            chunks.append_known(done..other as usize, ids);
            done = other as usize + 1;
            let (start, len) = chunks.span(other as usize);
            let known = self.known.medium(chunks.bytes, start, len);
            if known != 0 {
                ids.push(known - 1);
                continue;
            }
            let hash = (len <= Memo::LONGEST).then(|| Memo::hash(chunks.bytes, start, len))?;
            match memo.find(hash, chunks.bytes, start, len) {
                0 => return None,
                place => memo.append(place, ids),
            }
        }
        chunks.append_known(done..chunks.len(), ids);
        Some(())
    }
}
