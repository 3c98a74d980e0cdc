//! A tokenizer on top of another.

use m2v_tokenize::{Error, Scratch, Tokenizer, Vocabulary};

/// Drops words that look like URLs before another tokenizer sees the text.
pub struct WithoutUrls(
    /// The other one.
    pub Box<dyn Tokenizer>,
);

impl Tokenizer for WithoutUrls {
    fn encode_into(&self, text: &str, scratch: &mut Scratch, ids: &mut Vec<u32>) -> Result<(), Error> {
        if !text.contains("://") {
            return self.0.encode_into(text, scratch, ids);
        }
        let words: Vec<&str> = text.split(' ').filter(|word| !word.contains("://")).collect();
        self.0.encode_into(&words.join(" "), scratch, ids)
    }

    fn vocabulary(&self) -> &Vocabulary {
        self.0.vocabulary()
    }
}
