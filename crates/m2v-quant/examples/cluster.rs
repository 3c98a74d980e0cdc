//! Clusters the vocabulary of a model, and writes it with int8 rows too:
//!
//! ```sh
//! cargo run --release -p m2v-quant --example cluster -- models/minilm-l6-64d target/clusters 4096
//! ```
//!
//! Makes the folders `target/clusters/table`, of the model's type, and `target/clusters/int8`.

use std::path::Path;

use m2v_core::{Checkpoint, Dir, DirSink, Sink};
use m2v_quant::{Context, Int8, KMeans, Transform};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, out, clusters] = arguments.as_slice() else {
        return Err("expected MODEL OUT CLUSTERS".into());
    };
    let model = Checkpoint::load(&Dir::open(model)?)?;
    let clustered = KMeans::new(clusters.parse()?).apply(model, &mut Context::default())?;
    save(&clustered, &Path::new(out).join("table"))?;
    save(&Int8.apply(clustered, &mut Context::default())?, &Path::new(out).join("int8"))
}

fn save(checkpoint: &Checkpoint, folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut folder = DirSink::create(folder)?;
    checkpoint.save(&mut folder)?;
    Ok(folder.finish()?)
}
