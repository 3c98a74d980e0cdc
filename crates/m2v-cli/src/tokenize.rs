//! `m2v tokenize`: texts to token ids, or tokens.

use m2v_infer::{Scratch, ScratchPool, StaticModel};

use crate::args::TextArgs;
use crate::chunk::Limits;
use crate::lines::{Lines, push_ids, push_tokens};
use crate::output::Output;
use crate::progress::Progress;
use crate::stop::{Stop, explain};
use crate::stream::for_each_chunk;

/// Print the token ids of texts, or with --tokens the tokens, a JSON array for each text
///
/// They are exactly those whose vectors `m2v encode` averages: the text is cut to max_length × median token
/// length characters, tokenised, cut to max_length tokens, and unknown tokens are left out.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  m2v tokenize models/minilm-l6-64d texts.txt
  m2v tokenize models/minilm-l6-64d texts.txt --tokens
  echo 'Take this.' | m2v tokenize models/minilm-l6-64d --raw")]
pub(crate) struct Tokenize {
    #[command(flatten)]
    texts: TextArgs,
    /// Every token of the whole text, unknown ones included
    #[arg(long, conflicts_with = "max_length")]
    raw: bool,
    /// Tokens instead of ids, as they stand in the vocabulary: "##ing", "▁the", "Ġthe"
    #[arg(long)]
    tokens: bool,
}

impl Tokenize {
    pub(crate) fn run(self) -> Result<(), Stop> {
        let (input, model, names) = self.texts.open(self.tokens)?;
        let progress = Progress::new(&input, false);
        let mut lines = Lines::new(Output::create(None)?);
        let scratch = ScratchPool::new(64);
        let push = |line: &mut Vec<u8>, ids: &[u32]| match &names {
            Some(names) => push_tokens(line, ids, names),
            None => push_ids(line, ids),
        };
        for_each_chunk(input, Limits::default(), &progress, |chunk| {
            let texts = chunk.texts();
            lines.write(texts.len(), |i, line| {
                let result = if self.raw {
                    all_ids(texts[i], &model, &mut scratch.borrow()).map(|ids| push(line, ids))
                } else {
                    model.tokenize(texts[i]).map(|ids| push(line, &ids))
                };
                result.map_err(|error| Stop::error(format!("text {}: {}", chunk.number(i), explain(&error))))
            })
        })?;
        lines.finish()
    }
}

fn all_ids<'s>(
    text: &str,
    model: &StaticModel,
    scratch: &'s mut Scratch,
) -> Result<&'s [u32], m2v_infer::Error> {
    let Scratch { tokenizer, ids, .. } = scratch;
    ids.clear();
    model.tokenizer().encode_into(text, tokenizer, ids)?;
    Ok(ids)
}
