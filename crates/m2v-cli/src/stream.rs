//! Chunk after chunk from the input to the work.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel, sync_channel};
use std::thread;
use std::time::Duration;

use crate::chunk::{Chunk, Limits};
use crate::input::Input;
use crate::interrupt;
use crate::progress::Progress;
use crate::stop::Stop;

/// All texts of a file, in memory.
pub(crate) fn read_all(path: &Path) -> Result<Vec<String>, Stop> {
    let mut texts = Vec::new();
    for_each_chunk(Input::open(Some(path))?, Limits::default(), &Progress::hidden(), |chunk| {
        texts.extend(chunk.texts().into_iter().map(str::to_owned));
        Ok(())
    })?;
    Ok(texts)
}

/// Calls `work` with chunk after chunk of texts, in the order of the input.
///
/// A thread reads the next chunk while `work` is busy with one. That also keeps Ctrl-C working while a read
/// from a terminal or pipe blocks. Two chunks go back and forth, whatever the length of the input.
pub(crate) fn for_each_chunk(
    mut input: Input,
    limits: Limits,
    progress: &Progress,
    mut work: impl FnMut(&Chunk) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let (send_filled, filled) = sync_channel::<Result<Option<Chunk>, Stop>>(1);
    let (send_empty, empty) = channel::<Chunk>();
    for _ in 0..2 {
        send_empty.send(Chunk::default())?;
    }
    thread::Builder::new().name("reader".to_owned()).spawn(move || {
        for mut chunk in empty {
            let result = input.fill(&mut chunk, limits).map(|any| any.then_some(chunk));
            let is_last = !matches!(result, Ok(Some(_)));
            if send_filled.send(result).is_err() || is_last {
                return;
            }
        }
    })?;
    loop {
        interrupt::check()?;
        let chunk = match filled.recv_timeout(Duration::from_millis(50)) {
            Ok(chunk) => chunk?,
            Err(RecvTimeoutError::Timeout) => continue,
            // Not the end of the input, which is announced: nobody should take half of an answer for all of it.
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Stop::error("the thread that reads the input died"));
            }
        };
        let Some(chunk) = chunk else { return Ok(()) };
        work(&chunk)?;
        progress.advance(&chunk);
        // The reader may have ended: then it needs no more chunks.
        let _ = send_empty.send(chunk);
    }
}
