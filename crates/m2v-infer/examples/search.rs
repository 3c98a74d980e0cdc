//! Finds the lines of a file that are nearest in meaning to a query.
//!
//! ```sh
//! cargo run --release -p m2v-infer --example search -- models/minilm-l6-64d README.md "make a model smaller"
//! ```
#![expect(clippy::print_stdout, reason = "it shows what it found")]

use std::fs;

use m2v_infer::core::Dir;
use m2v_infer::{EncoderExt, StaticModel};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, file, query] = arguments.as_slice() else {
        return Err("expected MODEL FILE QUERY".into());
    };
    let model = StaticModel::load(&Dir::open(model)?)?;
    // Unit vectors, whatever the model does: then a scalar product is a cosine.
    let model = model.with_options(model.options().with_normalize(true));

    let text = fs::read_to_string(file)?;
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let similarities = model.encode(&lines)?.dot(&model.encode_one(query)?);

    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by(|&a, &b| similarities[b].total_cmp(&similarities[a]));
    for line in order.into_iter().take(5) {
        println!("{:.3}  {}", similarities[line], lines[line]);
    }
    Ok(())
}
