//! Says how well a vocabulary fits some texts: tokens a word, bytes a token, and how often there is none.
//!
//! ```sh
//! cargo run -p m2v-tokenize --example coverage -- models/minilm-l6-64d/tokenizer.json README.md
//! ```
#![expect(clippy::print_stdout, reason = "it shows what it found")]

use std::collections::HashSet;
use std::fs;

use m2v_tokenize::{Scratch, from_json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [tokenizer, texts] = arguments.as_slice() else {
        return Err("expected TOKENIZER.JSON TEXTS".into());
    };
    let tokenizer = from_json(&fs::read(tokenizer)?)?;
    let texts = fs::read_to_string(texts)?;

    let (mut scratch, mut ids) = (Scratch::default(), Vec::new());
    for line in texts.lines() {
        tokenizer.encode_into(line, &mut scratch, &mut ids)?;
    }
    let words = texts.split_whitespace().count();
    let bytes: usize = texts.split_whitespace().map(str::len).sum();
    let unknown = ids.iter().filter(|id| Some(**id) == tokenizer.vocabulary().unk_id()).count();
    let used: HashSet<u32> = ids.iter().copied().collect();
    let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    println!("implementation   {}", tokenizer.implementation());
    println!("tokens           {} of {words} words, {:.2} a word", ids.len(), share(ids.len(), words));
    println!("bytes a token    {:.2}", share(bytes, ids.len()));
    println!("unknown          {unknown}, {:.2} %", 100.0 * share(unknown, ids.len()));
    println!("vocabulary used  {} of {}", used.len(), tokenizer.vocabulary().len());
    Ok(())
}
