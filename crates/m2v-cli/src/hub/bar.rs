//! What is said while files are fetched or sent: a bar, and why nothing happens.

use std::io::{self, IsTerminal, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use m2v_hub::{HubBuilder, Progress, Retry};

use crate::stop::explain;

/// Waits up to this are not worth a word.
const SHORT: Duration = Duration::from_secs(1);

/// A bar for each file, one after the other: on standard error, if that is a terminal. Where it waits to ask again, a
/// line says why.
pub(super) fn show(hub: HubBuilder) -> HubBuilder {
    let bar = Arc::new(Mutex::new(Bar::default()));
    let shared = Arc::clone(&bar);
    let is_shown = io::stderr().is_terminal();
    // A panic of the bar leaves nothing that the next call could not do with.
    hub.progress(move |progress| {
        if is_shown {
            shared.lock().unwrap_or_else(PoisonError::into_inner).set(progress);
        }
    })
    .on_retry(move |retry| {
        if retry.after > SHORT {
            bar.lock().unwrap_or_else(PoisonError::into_inner).say(retry);
        }
    })
}

/// The bar of the current file.
#[derive(Default)]
struct Bar(Option<(String, ProgressBar)>);

impl Bar {
    fn set(&mut self, progress: &Progress<'_>) {
        if self.0.as_ref().is_none_or(|(file, _)| file != progress.file) {
            let bar = ProgressBar::new(progress.total).with_message(progress.file.to_owned());
            let template = "{bar:30} {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  {msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            self.0 = Some((progress.file.to_owned(), bar));
        }
        if let Some((_, bar)) = &self.0 {
            bar.set_position(progress.done);
        }
        if progress.done == progress.total
            && let Some((_, bar)) = self.0.take()
        {
            bar.finish_and_clear();
        }
    }

    fn say(&self, retry: &Retry<'_>) {
        let (why, after) = (explain(retry.error), HumanDuration(retry.after));
        let say = || drop(writeln!(io::stderr(), "{why}; again in {after}"));
        match &self.0 {
            Some((_, bar)) => bar.suspend(say),
            None => say(),
        }
    }
}
