//! Opening model folders.

use std::path::Path;

use m2v_core::Dir;

use crate::stop::Stop;

/// Opens the folder of a model.
pub(crate) fn open(path: &Path) -> Result<Dir, Stop> {
    if !path.exists() {
        let message = format!(
            "{}: no such folder; MODEL is the path of a model folder, with config.json, model.safetensors and \
             tokenizer.json (`hf download ORG/NAME --local-dir FOLDER` fetches one)",
            path.display()
        );
        return Err(Stop::error(message));
    }
    #[expect(
        unsafe_code,
        reason = "mapping a file is unsafe by nature; reading it would cost memory and time"
    )]
    // SAFETY: the contract is that nobody changes or shortens the files while they are mapped. This program
    // never writes to a file in place: files and folders it makes are new ones that are renamed, which leaves
    // mapped ones as they are, and `folder` refuses to replace the model. For other processes it cannot speak;
    // it has that in common with every program that maps or executes files, and it lives for seconds.
    let dir = unsafe { Dir::open_mapped(path)? };
    Ok(dir)
}
