//! The progress bar.

use std::cell::Cell;
use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use crate::chunk::Chunk;
use crate::input::Input;

/// Shows how far the input was read, and how fast: on standard error, if that is a terminal and the output (or
/// what somebody types) does not go to the same screen.
pub(crate) struct Progress {
    bar: ProgressBar,
    texts: Cell<u64>,
}

impl Progress {
    pub(crate) fn new(input: &Input, output_is_file: bool) -> Self {
        let screen_is_free = output_is_file || !io::stdout().is_terminal();
        let bar = if io::stderr().is_terminal() && screen_is_free && !input.is_terminal() {
            visible(input.len())
        } else {
            ProgressBar::hidden()
        };
        Self { bar, texts: Cell::new(0) }
    }

    /// Shows nothing.
    pub(crate) fn hidden() -> Self {
        Self { bar: ProgressBar::hidden(), texts: Cell::new(0) }
    }

    /// The texts of a chunk are done.
    pub(crate) fn advance(&self, chunk: &Chunk) {
        let texts = self.texts.get() + chunk.len() as u64;
        self.texts.set(texts);
        self.bar.inc(chunk.input_bytes());
        let rate = texts as f64 / self.bar.elapsed().as_secs_f64().max(1e-3);
        self.bar.set_message(format!("{} texts, {}/s", HumanCount(texts), HumanCount(rate as u64)));
    }
}

/// A finished or failed run leaves no bar behind.
impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn visible(len: Option<u64>) -> ProgressBar {
    let (bar, template) = match len {
        Some(len) => {
            (ProgressBar::new(len), "{bar:30} {decimal_bytes}/{decimal_total_bytes}  {eta} left  {msg}")
        }
        None => (ProgressBar::new_spinner(), "{spinner} {decimal_bytes}  {msg}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
