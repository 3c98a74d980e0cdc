//! What was measured: a row a case, as a table and as JSON.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Throughput,
    Load,
    Memory,
    Scaling,
    Pathological,
}

impl Kind {
    /// Whether the ratio is to stay below the floor, being ours ÷ the other; else it is to reach it.
    fn is_cost(self) -> bool {
        matches!(self, Self::Memory | Self::Pathological)
    }
}

/// A case and what was found. What is empty in the table is null.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) case: String,
    pub(crate) kind: Kind,
    pub(crate) ours: Option<f64>,
    pub(crate) peer: Option<f64>,
    /// What ours is compared with where that is not the peer.
    pub(crate) base: Option<f64>,
    /// Python model2vec.
    pub(crate) python: Option<f64>,
    pub(crate) unit: &'static str,
    /// How many times better than the peer; for memory and pathological texts how many times the other's cost.
    pub(crate) ratio: Option<f64>,
    /// What the ratio is to be at least; for memory and pathological texts at most.
    pub(crate) floor: Option<f64>,
    /// What is hoped for.
    pub(crate) aim: Option<f64>,
    pub(crate) met: Option<bool>,
    pub(crate) note: String,
}

impl Row {
    pub(crate) fn new(case: impl Into<String>, kind: Kind, unit: &'static str) -> Self {
        Self {
            case: case.into(),
            kind,
            ours: None,
            peer: None,
            base: None,
            python: None,
            unit,
            ratio: None,
            floor: None,
            aim: None,
            met: None,
            note: String::new(),
        }
    }

    /// Judges the ratio, if that has not been done; without one the floor is missed.
    fn judge(&mut self) {
        self.ratio = self.ratio.filter(|ratio| ratio.is_finite());
        self.met = self.met.or(self.floor.map(|floor| match self.ratio {
            Some(ratio) if self.kind.is_cost() => ratio <= floor,
            Some(ratio) => ratio >= floor,
            None => false,
        }));
    }
}

/// The rows so far, each printed when it comes.
#[derive(Default)]
pub(crate) struct Report(Vec<Row>);

impl Report {
    /// Prints where and on what the numbers that follow were measured.
    pub(crate) fn start(lines: &[String]) -> Self {
        lines.iter().for_each(|line| println!("{line}  "));
        let head = [
            format!("{:46}", "case"),
            "ours".to_owned(),
            "peer".to_owned(),
            "python".to_owned(),
            "unit".to_owned(),
            "ratio".to_owned(),
            "floor (aim)".to_owned(),
            "met".to_owned(),
            "note".to_owned(),
        ];
        println!("\n| {} |\n|{}", head.join(" | "), "---|".repeat(head.len()));
        Self::default()
    }

    pub(crate) fn push(&mut self, mut row: Row) {
        row.judge();
        println!("{}", line(&row));
        // A reader of a pipe is to see the row now; if it is gone, the next line will tell.
        drop(io::stdout().flush());
        self.0.push(row);
    }

    /// The cases that have a floor and do not meet it.
    pub(crate) fn missed(&self) -> usize {
        self.0.iter().filter(|row| row.met == Some(false)).count()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let json = serde_json::to_string_pretty(&self.0)? + "\n";
        fs::write(path, json).with_context(|| path.display().to_string())
    }
}

fn line(row: &Row) -> String {
    let sign = if row.kind.is_cost() { "≤" } else { "≥" };
    let number = |value: Option<f64>| value.map_or("–".to_owned(), short);
    let ratio = row.ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
    let aim = row.aim.map_or(String::new(), |aim| format!(" ({aim})"));
    let floor = row.floor.map_or("–".to_owned(), |floor| format!("{sign} {floor}{aim}"));
    let met = row.met.map_or("–", |met| if met { "yes" } else { "**no**" });
    let other = match row.base {
        Some(base) => format!("({})", short(base)),
        None => number(row.peer),
    };
    let cells = [number(row.ours), other, number(row.python), row.unit.to_owned(), ratio, floor];
    format!("| {:46} | {} | {met} | {} |", row.case, cells.join(" | "), row.note)
}

/// Four digits or all before the point.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Says on stderr what is going on.
pub(crate) fn progress(message: &str) {
    eprintln!("… {message}");
}

#[cfg(test)]
mod tests {
    use super::{Kind, Row};

    fn judged(kind: Kind, ratio: Option<f64>, floor: Option<f64>) -> Option<bool> {
        let mut row = Row { ratio, floor, ..Row::new("", kind, "") };
        row.judge();
        row.met
    }

    #[test]
    fn a_floor_is_a_ceiling_of_costs() {
        assert_eq!(judged(Kind::Load, Some(8.0), Some(8.0)), Some(true));
        assert_eq!(judged(Kind::Load, Some(7.9), Some(8.0)), Some(false));
        assert_eq!(judged(Kind::Memory, Some(0.6), Some(0.65)), Some(true));
        assert_eq!(judged(Kind::Pathological, Some(21.0), Some(20.0)), Some(false));
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        assert_eq!(judged(Kind::Scaling, None, Some(1.7)), Some(false));
        assert_eq!(judged(Kind::Scaling, Some(f64::NAN), Some(1.7)), Some(false));
        assert_eq!(judged(Kind::Scaling, Some(1.0), None), None);
    }
}
