//! The bar of a file that is fetched or sent.

use std::io::{self, IsTerminal};
use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressStyle};
use m2v_hub::Progress;

/// A bar for each file, one after the other: on standard error, if that is a terminal.
pub(super) fn bar() -> impl Fn(&Progress<'_>) + Send + Sync + 'static {
    let current: Mutex<Option<(String, ProgressBar)>> = Mutex::new(None);
    let is_shown = io::stderr().is_terminal();
    move |progress| {
        let Ok(mut current) = current.lock() else { return };
        if !is_shown {
            return;
        }
        if current.as_ref().is_none_or(|(file, _)| file != progress.file) {
            let bar = ProgressBar::new(progress.total).with_message(progress.file.to_owned());
            let template = "{bar:30} {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  {msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            *current = Some((progress.file.to_owned(), bar));
        }
        if let Some((_, bar)) = &*current {
            bar.set_position(progress.done);
        }
        if progress.done == progress.total
            && let Some((_, bar)) = current.take()
        {
            bar.finish_and_clear();
        }
    }
}
