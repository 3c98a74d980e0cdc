//! The fast path of tokenizers that cut at white space: chunks of text, looked up.
//!
//! What it assumes, and [`Words::new`] checks: every normalizer maps characters on their own or with the combining
//! marks after them, ASCII to ASCII; the pre-tokenizer removes white space, and splits at each side of it, and
//! (BERT) of ASCII punctuation. White space and punctuation are not combining and begin no composition but `=`, `<` and
//! `>` with U+0338, so a text can be cut there, the parts tokenised one by one, and each part remembered by its bytes.
//! What a chunk becomes the first time is what the exact path says. [`Apart`] knows of tables of clusters and of
//! Metaspace, for which that is nearly so.
//!
//! ASCII letters are lower-cased by the scanner if the pipeline does it before it composes: `H` with U+0331 is one
//! character only after.
//!
//! Three things may answer for a chunk: the words of the vocabulary that no step changes ([`Known`], read-only and
//! shared), the memo of this thread, and the steps themselves ([`NewChunks`]).
//!
//! # Where it gives up
//! [`Words::new`] says no to tokens that are matched on normalised text, to normalizers that look further than
//! combining marks, and to other pre-tokenizers. [`Words::takes`] leaves texts with NUL, unless it is removed, with
//! U+0338 where punctuation may be composed, texts beyond 4 GiB, and those that [`Apart`] refuses to the exact path;
//! texts with an added token are cut there first. Chunks longer than [`Memo::LONGEST`] are tokenised each time, which
//! takes time that is linear in their length.

mod alone;
mod known;

use known::Known;

use super::added::Matcher;
use super::apart::Apart;
use super::config::PrependScheme;
use super::memo::Memo;
use super::new_chunks::{NewChunks, Shortcut, Ways};
use super::normalize::Normalizer;
use super::pipeline::{ModelScratch, Pipeline, Result};
use super::pretokenize::PreTokenizer;
use super::scan::{Chunks, Isa, OneBuffer, ScanBuffer, Scanner};
use crate::arena::Arena;
use crate::json::Tokens;

/// The fast path.
pub(super) struct Words {
    scanner: Scanner,
    /// Words of the vocabulary, shared by all threads.
    known: Known,
    ways: Ways,
    /// Whether there is punctuation that may become one character with a mark behind it.
    composes_marks: bool,
    /// Whether NUL, with which keys are padded, is removed by the normalizers.
    removes_nul: bool,
    /// Whether every text is taken that is not too long.
    takes_all: bool,
}

/// What a thread keeps between texts.
pub(super) struct WordsScratch {
    buffer: ScanBuffer,
    state: State,
}

/// What a thread keeps of chunks that are no short words of the vocabulary.
struct State {
    memo: Memo,
    /// What each of a batch's chunks that are no short words of the vocabulary became.
    found: Vec<Found>,
    new: NewChunks,
}

impl WordsScratch {
    /// What the model works in.
    pub(super) fn model(&mut self) -> &mut ModelScratch {
        &mut self.state.new.model
    }
}

impl Words {
    /// The fast path of a pipeline, if it has the shape for it.
    pub(super) fn new(
        pipeline: &Pipeline,
        added: Option<&Matcher>,
        tokens: &Tokens<'_>,
        arena: &mut Arena,
    ) -> Option<Self> {
        if pipeline.tokens.is_some() {
            return None;
        }
        let apart = Apart::new(&pipeline.normalizers, &pipeline.pre_tokenizers.steps)?;
        let whole = |prefix: String| Some(Shortcut::Whole { prefix });
        let (punctuation, prefixed, shortcut) = match *pipeline.pre_tokenizers.steps {
            [PreTokenizer::Bert] => match *pipeline.normalizers {
                [Normalizer::Bert(bert)] => (true, false, Some(Shortcut::Bert(bert))),
                _ => (true, false, None),
            },
            [PreTokenizer::Whitespace] => (false, false, None),
            [PreTokenizer::WhitespaceSplit] => (false, false, whole(String::new())),
            // A U+2581 before each word, whether it is the first or not.
            [
                PreTokenizer::WhitespaceSplit,
                PreTokenizer::Metaspace { replacement, prepend: PrependScheme::Always, .. },
            ]
            | [PreTokenizer::Metaspace { replacement, prepend: PrependScheme::Always, split: true }] => {
                (false, true, whole(replacement.into()))
            }
            _ => return None,
        };
        let cleans = |step: &Normalizer| matches!(step, Normalizer::Bert(bert) if bert.clean_text);
        // No step before that changes them.
        let removes_controls = pipeline.normalizers.iter().any(cleans);
        let composes = pipeline.normalizers.iter().any(Normalizer::composes);
        let lowercase =
            pipeline.normalizers.iter().take_while(|step| !step.composes()).any(Normalizer::lowers);
        let scanner = Scanner {
            punctuation,
            lowercase,
            vertical: apart.cuts_vertical,
            suspect: added.and_then(Matcher::first_byte).unwrap_or(Scanner::NONE),
            isa: Isa::best(),
        };
        let plain = !prefixed && (lowercase || !pipeline.normalizers.iter().any(Normalizer::lowers));
        let known = if plain { Known::new(&pipeline.model, tokens, scanner, arena) } else { Known::none() };
        let composes_marks = composes && punctuation;
        let ways = Ways { plain, shortcut, apart };
        let takes_all = removes_controls && !composes_marks && ways.apart.takes_all();
        Some(Self { scanner, known, ways, composes_marks, removes_nul: removes_controls, takes_all })
    }

    pub(super) fn scratch() -> WordsScratch {
        WordsScratch {
            buffer: ScanBuffer::new(),
            state: State { memo: Memo::new(), found: Vec::new(), new: NewChunks::new() },
        }
    }

    /// Whether [`Words::encode`] takes a text.
    #[inline]
    pub(super) fn takes(&self, text: &str) -> bool {
        text.len() <= Scanner::LONGEST && (self.takes_all || self.finds_nothing_in(text))
    }

    /// Whether a text has nothing that is left to the exact path.
    fn finds_nothing_in(&self, text: &str) -> bool {
        let has_nul = || memchr::memchr(0, text.as_bytes()).is_some();
        let has_overlay = || memchr::memmem::find(text.as_bytes(), "\u{338}".as_bytes()).is_some();
        (self.removes_nul || !has_nul())
            && !(self.composes_marks && has_overlay())
            && self.ways.apart.takes(text)
    }

    /// Appends the ids of texts, and where each one's end. False if `refuses` says so of a text that holds the [first
    /// byte](Matcher::first_byte) of added tokens: after those of the texts before it, and perhaps ids of its own.
    ///
    /// Chunks of several texts take each step together: what one waits for does not hold up the next, and where a
    /// branch is guessed wrong, what it depends on has come by then.
    #[inline]
    pub(super) fn encode(
        &self,
        pipeline: &Pipeline,
        texts: &[&str],
        refuses: &dyn Fn(&str) -> bool,
        scratch: &mut WordsScratch,
        ids: &mut Vec<u32>,
        ends: &mut Vec<usize>,
    ) -> Result<bool> {
        let WordsScratch { buffer, state } = scratch;
        let known = self.known.short.short();
        if let [text] = texts
            && let Some(chunks) = self.scanner.scan_one(text, known, &mut OneBuffer::new())
        {
            self.append_alone(pipeline, &chunks, state, ids, ends)?;
            return Ok(true);
        }
        let each = |chunks: Chunks<'_>| self.append(pipeline, &chunks, state, ids, ends);
        self.scanner.scan(texts, known, buffer, refuses, each)
    }

    /// Appends the ids of chunks, and where those of each text end.
    #[inline(always)]
    fn append(
        &self,
        pipeline: &Pipeline,
        chunks: &Chunks<'_>,
        state: &mut State,
        ids: &mut Vec<u32>,
        ends: &mut Vec<usize>,
    ) -> Result<()> {
        if chunks.others.is_empty() {
            let before = ids.len();
            chunks.append_known(0..chunks.len(), ids);
            ends.extend(chunks.texts.iter().map(|&end| before + end as usize));
            return Ok(());
        }
        self.append_with_others(pipeline, chunks, state, ids, ends)
    }

    /// As [`Words::append`], of chunks of which some are no known words. A call of its own, because many short texts
    /// have none.
    #[inline(never)]
    fn append_with_others(
        &self,
        pipeline: &Pipeline,
        chunks: &Chunks<'_>,
        State { memo, found, new }: &mut State,
        ids: &mut Vec<u32>,
        ends: &mut Vec<usize>,
    ) -> Result<()> {
        self.look_up_others(pipeline, chunks, memo, found, new)?;
        let mut others = chunks.others.iter().zip(&*found);
        let mut next = others.next();
        let (mut done, mut new_ones) = (0, 0);
        // The last is the beginning of a text that goes on in the next chunks, or nothing.
        for nth in 0..=chunks.texts.len() {
            let end = chunks.texts.get(nth).map_or(chunks.len(), |&end| end as usize);
            while let Some((&other, found)) = next
                && (other as usize) < end
            {
                chunks.append_known(done..other as usize, ids);
                done = other as usize + 1;
                match *found {
                    Found { known: 0, place: 0, .. } => {
                        new.append(new_ones, ids);
                        new_ones += 1;
                    }
                    Found { known: 0, place, .. } => memo.append(place, ids),
                    Found { known, .. } => ids.push(known - 1),
                }
                next = others.next();
            }
            chunks.append_known(done..end, ids);
            done = end;
            if nth < chunks.texts.len() {
                ends.push(ids.len());
            }
        }
        let is_new = chunks.others.iter().zip(&*found).filter(|(_, found)| found.is_new());
        for (i, (&other, found)) in is_new.enumerate().filter(|(_, (_, found))| found.may_be_in_memo) {
            let (start, len) = chunks.span(other as usize);
            memo.insert(found.hash, chunks.bytes, start, len, new.ids(i));
        }
        Ok(())
    }

    /// Looks up the chunks of a batch that are no short words of the vocabulary, and tokenises new ones.
    fn look_up_others(
        &self,
        pipeline: &Pipeline,
        chunks: &Chunks<'_>,
        memo: &Memo,
        found: &mut Vec<Found>,
        new: &mut NewChunks,
    ) -> Result<()> {
        new.clear();
        found.clear();
        let spans = || chunks.others.iter().map(|&other| chunks.span(other as usize));
        found.extend(spans().map(|(start, len)| {
            if len > Memo::LONGEST {
                return Found::NONE;
            }
            let hash = Memo::hash(chunks.bytes, start, len);
            memo.prefetch(hash);
            self.known.prefetch_medium(chunks.bytes, start, len);
            Found { hash, may_be_in_memo: true, ..Found::NONE }
        }));
        for (found, (start, len)) in found.iter_mut().zip(spans()).filter(|(found, _)| found.may_be_in_memo) {
            found.known = self.known.medium(chunks.bytes, start, len);
            if found.known == 0 {
                found.place = memo.place(found.hash);
                memo.prefetch_place(found.place);
            }
        }
        for (found, (start, len)) in found.iter_mut().zip(spans()) {
            if found.place != 0 && !memo.is_at(found.place, chunks.bytes, start, len) {
                found.place = 0;
            }
            if found.is_new() {
                new.add(pipeline, &self.ways, chunks.bytes, start, len)?;
            }
        }
        new.tokenize(pipeline)
    }
}

/// What a chunk that is no short word of the vocabulary became.
#[derive(Clone, Copy)]
struct Found {
    /// Its id, plus one, if it is a word of the vocabulary.
    known: u32,
    hash: u32,
    /// Whether it is short enough.
    may_be_in_memo: bool,
    /// Where the memo has it.
    place: u32,
}

impl Found {
    const NONE: Self = Self { known: 0, hash: 0, may_be_in_memo: false, place: 0 };

    /// Whether it has to be tokenised.
    fn is_new(self) -> bool {
        self.known == 0 && self.place == 0
    }
}
