//! `m2v tokenize`: texts to token ids.

use m2v_infer::{Scratch, ScratchPool, StaticModel};

use crate::args::TextArgs;
use crate::chunk::Limits;
use crate::lines::{Lines, push_ids};
use crate::output::Output;
use crate::progress::Progress;
use crate::stop::{Stop, explain};
use crate::stream::for_each_chunk;

/// Print the token ids of texts, a JSON array for each text
///
/// The ids are exactly those whose vectors `m2v encode` averages: the text is cut to max_length × median token
/// length characters, tokenised, cut to max_length tokens, and unknown tokens are left out.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  m2v tokenize models/minilm-l6-64d texts.txt
  echo 'Take this.' | m2v tokenize models/minilm-l6-64d --raw")]
pub(crate) struct Tokenize {
    #[command(flatten)]
    texts: TextArgs,
    /// Every id of the whole text, unknown tokens included
    #[arg(long, conflicts_with = "max_length")]
    raw: bool,
}

impl Tokenize {
    pub(crate) fn run(self) -> Result<(), Stop> {
        let (input, model) = self.texts.open()?;
        let progress = Progress::new(&input, false);
        let mut lines = Lines::new(Output::create(None)?);
        let scratch = ScratchPool::new(64);
        for_each_chunk(input, Limits::default(), &progress, |chunk| {
            let texts = chunk.texts();
            lines.write(texts.len(), |i, line| {
                let result = if self.raw {
                    push_all(line, texts[i], &model, &mut scratch.borrow())
                } else {
                    model.tokenize(texts[i]).map(|ids| push_ids(line, &ids))
                };
                result.map_err(|error| Stop::error(format!("text {}: {}", chunk.number(i), explain(&error))))
            })
        })?;
        lines.finish()
    }
}

fn push_all(
    line: &mut Vec<u8>,
    text: &str,
    model: &StaticModel,
    scratch: &mut Scratch,
) -> Result<(), m2v_infer::Error> {
    let Scratch { tokenizer, ids, .. } = scratch;
    ids.clear();
    model.tokenizer().encode_into(text, tokenizer, ids)?;
    push_ids(line, ids);
    Ok(())
}
