//! How far the pipeline is, how fast, and how long it will take.

use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{DecimalBytes, HumanCount, HumanDuration, ProgressBar, ProgressStyle};

use super::clock::{Clock, Kind};
use crate::error::Result;
use crate::interrupt;

/// What is counted within a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Bytes,
    Rows,
    Texts,
    /// Texts too, each compared with every other: how fast that goes says nothing of the model.
    Compared,
}

/// The steps on standard error, if that is a terminal: a bar, and above it a line for each that was done. A terminal
/// that can draw no bar gets a line for each that begins; anything else gets nothing.
pub(crate) struct Progress {
    screen: Screen,
    state: Mutex<State>,
}

enum Screen {
    Bar(ProgressBar),
    Lines,
    Nothing,
}

struct State {
    clock: Clock,
    label: String,
    work: Option<Work>,
    /// How fast the work of this step went at its best, a second.
    best: Option<(Unit, f64)>,
    /// Bytes that this step has written.
    bytes: usize,
}

/// Work that is counted.
struct Work {
    unit: Unit,
    since: Instant,
    done: usize,
    total: usize,
}

impl Progress {
    pub(crate) fn new(plan: Vec<Kind>) -> Self {
        let steps = plan.len();
        let state = State { clock: Clock::new(plan), label: String::new(), work: None, best: None, bytes: 0 };
        Self { screen: Screen::new(steps), state: Mutex::new(state) }
    }

    /// The step before is done, the next one of the plan begins.
    pub(crate) fn step(&self, kind: Kind, label: &str) -> Result<()> {
        interrupt::check()?;
        self.change(|state| {
            self.end(state);
            state.clock.begin(kind);
            state.label = label.to_owned();
            if let Screen::Lines = self.screen {
                eprintln!("{} {label}", state.clock.position());
            }
        });
        Ok(())
    }

    /// Within the step, so much is to be done.
    pub(crate) fn work(&self, unit: Unit, total: usize) {
        self.change(|state| state.work = Some(Work { unit, since: Instant::now(), done: 0, total }));
    }

    /// So much of it is done.
    pub(crate) fn done(&self, done: usize) {
        self.change(|state| state.done(done));
    }

    /// So many of the step's rows, or texts, are done.
    pub(crate) fn rows(&self, done: usize, total: usize) {
        let is_same = |work: &Work| work.unit == Unit::Rows && work.total == total && work.done <= done;
        self.change(|state| {
            if !state.work.as_ref().is_some_and(is_same) {
                state.work = Some(Work { unit: Unit::Rows, since: Instant::now(), done: 0, total });
            }
            state.done(done);
        });
    }

    /// So much more of it is done.
    pub(crate) fn more(&self, more: usize) {
        self.change(|state| {
            let Some(Work { unit, done, .. }) = state.work else { return };
            if unit == Unit::Bytes {
                state.bytes += more;
            }
            state.done(done + more);
        });
    }

    /// All is done; what was done stays on the screen.
    pub(crate) fn finish(&self) {
        self.change(|state| self.end(state));
        self.clear();
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        if let Screen::Nothing = self.screen {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        if let Screen::Bar(bar) = &self.screen {
            bar.set_position(state.thousandths());
            bar.set_message(state.message());
        }
    }

    fn end(&self, state: &mut State) {
        let written = state.written();
        let rate = written.or(state.best).map_or(String::new(), |(unit, rate)| unit.rate(rate));
        (state.work, state.best, state.bytes) = (None, None, 0);
        if let (Some(took), Screen::Bar(bar)) = (state.clock.end(), &self.screen) {
            let (label, seconds) = (shortened(&state.label, 44), took.as_secs_f64());
            bar.println(format!("{label:<44}{rate:>22}{seconds:>9.2} s"));
        }
    }

    fn clear(&self) {
        if let Screen::Bar(bar) = &self.screen {
            bar.finish_and_clear();
        }
    }
}

/// A failed run leaves no bar behind either.
impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Screen {
    fn new(steps: usize) -> Self {
        if !io::stderr().is_terminal() {
            return Self::Nothing;
        }
        let bar = ProgressBar::new(steps as u64 * 1000);
        if bar.is_hidden() {
            return Self::Lines;
        }
        // The template is a constant of this file; should it be wrong, the default style will do.
        if let Ok(style) = ProgressStyle::with_template("{bar:8} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self::Bar(bar)
    }
}

impl State {
    fn done(&mut self, done: usize) {
        let Some(work) = &mut self.work else { return };
        work.done = done;
        if done >= work.total && work.unit != Unit::Compared {
            let best = self.best.map_or(0.0, |(_, best)| best);
            self.best = Some((work.unit, work.rate().max(best)));
        }
    }

    /// Bytes a second of the whole step: what a disk has taken shows when it was asked to keep it, which is counted
    /// nowhere.
    fn written(&self) -> Option<(Unit, f64)> {
        let seconds = self.clock.elapsed().as_secs_f64();
        (self.bytes > 0).then(|| (Unit::Bytes, self.bytes as f64 / seconds.max(1e-6)))
    }

    fn thousandths(&self) -> u64 {
        let part = self.work.as_ref().map_or(0.0, Work::share);
        self.clock.done() as u64 * 1000 + (part * 1000.0) as u64
    }

    /// `5/14, 4s left  f16: verify onnx/model.onnx  98,211 texts/s`.
    fn message(&self) -> String {
        let mut message = self.clock.position();
        let of_step = self.work.as_ref().and_then(Work::left);
        if let Some(left) = self.clock.left(of_step) {
            message += &format!(", {:#} left", HumanDuration(left));
        } else if let Some(left) = of_step {
            message += &format!(", step {:#} left", HumanDuration(left));
        }
        message += &format!("  {}", shortened(&self.label, 30));
        let Some(work) = &self.work else { return message };
        let rate = match work.unit {
            Unit::Compared => format!("comparing {}", HumanCount(work.total as u64)),
            _ if work.done == 0 => return message,
            unit => self.written().map_or_else(|| unit.rate(work.rate()), |(unit, rate)| unit.rate(rate)),
        };
        message + "  " + &rate
    }
}

impl Work {
    fn share(&self) -> f64 {
        if self.total == 0 { 0.0 } else { (self.done as f64 / self.total as f64).min(1.0) }
    }

    /// What is left of it at this speed; not known before a part of it is done, nor when all is, as more may follow.
    fn left(&self) -> Option<Duration> {
        let share = self.share();
        let is_known = share > 0.0 && share < 1.0;
        is_known.then(|| self.since.elapsed().mul_f64((1.0 - share) / share))
    }

    fn rate(&self) -> f64 {
        self.done as f64 / self.since.elapsed().as_secs_f64().max(1e-6)
    }
}

impl Unit {
    /// So many a second.
    fn rate(self, rate: f64) -> String {
        let (count, bytes) = (HumanCount(rate as u64), DecimalBytes(rate as u64));
        match self {
            Self::Bytes => format!("{bytes}/s"),
            Self::Rows => format!("{count} rows/s"),
            Self::Texts | Self::Compared => format!("{count} texts/s"),
        }
    }
}

/// A text without its middle, if it is longer.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_owned();
    }
    let (front, back) = (most / 2, most - most / 2 - 1);
    text.chars().take(front).chain(['…']).chain(text.chars().skip(length - back)).collect()
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn a_long_name_keeps_both_ends() {
        assert_eq!(shortened("int8/onnx/model.onnx", 20), "int8/onnx/model.onnx");
        assert_eq!(shortened("int8/ŏnnx/model.onnx", 11), "int8/….onnx");
    }
}
