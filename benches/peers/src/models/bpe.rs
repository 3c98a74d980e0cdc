//! A byte-level BPE tokenizer, trained by the `tokenizers` crate.

use anyhow::{Result, anyhow};
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, Tokenizer};

/// Writes a `tokenizer.json` as GPT-2's with up to `merges` merges.
pub(crate) fn train<'a>(texts: impl Iterator<Item = &'a String> + Send, merges: usize) -> Result<Vec<u8>> {
    let failed = |error| anyhow!("training BPE: {error}");
    let alphabet = ByteLevel::alphabet();
    let special = vec![AddedToken::from("<|endoftext|>", true)];
    let trainer = BpeTrainer::builder()
        .show_progress(false)
        .vocab_size(special.len() + alphabet.len() + merges)
        .initial_alphabet(alphabet.into_iter().collect())
        .special_tokens(special)
        .build();
    let mut tokenizer = Tokenizer::new(BPE::default());
    tokenizer.with_pre_tokenizer(Some(ByteLevel::new(false, true, true)));
    tokenizer.train(&mut TrainerWrapper::BpeTrainer(trainer), texts).map_err(failed)?;
    Ok(tokenizer.to_string(false).map_err(failed)?.into_bytes())
}
