//! Takes a model from the hub into a folder that needs no hub, and says how to get exactly this one again.
//!
//! ```sh
//! cargo run --release -p m2v-hub --example vendor -- minishlab/potion-base-8M target/potion
//! ```
//!
//! A third argument is the address of another hub.
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "an example talks to its user")]

use std::error::Error;
use std::path::Path;

use m2v_hub::Hub;
use m2v_hub::core::{Checkpoint, DirSink, Sink};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (id, out, endpoint) = match arguments.as_slice() {
        [id, out] => (id, out, m2v_hub::DEFAULT_ENDPOINT),
        [id, out, endpoint] => (id, out, endpoint.as_str()),
        _ => return Err("expected ORG/NAME[@REVISION][:SUBFOLDER] FOLDER [ENDPOINT]".into()),
    };
    let hub = Hub::builder()
        .endpoint(endpoint)
        .cache_dir(std::env::temp_dir().join("m2v-hub-example"))
        .progress(|file| eprintln!("{}: {} of {} bytes", file.file, file.done, file.total))
        .build()?;
    println!("{}", vendor(&hub, id, out.as_ref())?);
    Ok(())
}

/// What was written, and the call that gives it again, whatever happens to the branch.
pub(crate) fn vendor(hub: &Hub, id: &str, out: &Path) -> Result<String, Box<dyn Error>> {
    let model = hub.model(id)?.refresh(); // not what the cache says of the branch, but what it is now
    let checkpoint = Checkpoint::load(&model)?; // fetches what it reads, checked, and nothing else
    let mut folder = DirSink::create(out)?;
    checkpoint.save(&mut folder)?;
    folder.finish()?;

    let table = &checkpoint.table;
    let licence = checkpoint.card.map_or_else(Vec::new, |card| card.values("license")).join(", ");
    let files = model.files()?.into_iter().filter(|file| file.name.ends_with(".safetensors"));
    let hashes: String = files.map(|file| format!("\n{}  {}", file.digest, file.name)).collect();
    Ok(format!(
        "{}: {} × {} {}, licence: {licence}\nhub.model(\"{}\")?{hashes}",
        out.display(),
        table.rows(),
        table.dim(),
        table.dtype(),
        model.id().clone().with_revision(&model.commit_hash()?)?,
    ))
}
