//! Looks at the lengths of a model's rows: rare tokens often have short ones, and rows of zeros are tokens that say
//! nothing.
//!
//! ```sh
//! cargo run -p m2v-core --example norms -- models/minilm-l6-64d
//! ```
#![expect(clippy::print_stdout, reason = "it shows what it found")]

use m2v_core::ndarray::Array2;
use m2v_core::{Checkpoint, Dir};

/// Ids that are looked up at a time.
const BLOCK: usize = 4096;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = std::env::args().nth(1).ok_or("expected MODEL")?;
    let checkpoint = Checkpoint::load(&Dir::open(model)?)?;
    let table = &checkpoint.table;
    println!("{} × {} {}, {} ids", table.rows(), table.dim(), table.dtype(), table.id_count());

    // Rows as they count in a text: in f32, with mapping and weights.
    let ids: Vec<u32> = (0..u32::try_from(table.id_count())?).collect();
    let mut norms = Vec::with_capacity(ids.len());
    for ids in ids.chunks(BLOCK) {
        let mut rows = Array2::zeros((ids.len(), table.dim()));
        table.lookup_into(ids, rows.view_mut())?;
        norms.extend(rows.rows().into_iter().map(|row| row.dot(&row).sqrt()));
    }
    norms.sort_by(f32::total_cmp);
    for percent in [0, 1, 10, 50, 90, 99, 100] {
        if let Some(norm) = norms.get(percent * (norms.len() - 1) / 100) {
            println!("{percent:>3} % {norm:.4}");
        }
    }
    println!("{} rows of zeros", norms.iter().filter(|norm| **norm == 0.0).count());
    Ok(())
}
