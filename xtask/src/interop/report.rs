//! The table.

use serde::Serialize;

use super::outcome::Outcome;

/// What ran, for people and programs.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) model: String,
    pub(crate) texts: String,
    pub(crate) cases: Vec<Outcome>,
}

impl Report {
    pub(crate) fn failures(&self) -> usize {
        self.cases.iter().filter(|case| !case.passed).count()
    }

    pub(crate) fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// A row for each case, and below the table why texts were not compared and what failed.
    pub(crate) fn markdown(&self) -> String {
        let mut out = format!("{}: {}\n\n", self.model, self.texts);
        out += "| client | version | reads | case | texts | largest difference (bound) | result |\n";
        out += "|---|---|---|---|---|---|---|\n";
        let mut notes: Vec<&str> = Vec::new();
        for case in &self.cases {
            let difference = match (case.largest_difference, case.bound) {
                (Some(difference), Some(bound)) => format!("{difference:.1e} ({bound:.0e})"),
                _ => String::new(),
            };
            let note = case.why.as_deref().map_or(String::new(), |why| {
                let known = notes.iter().position(|note| *note == why);
                let index = known.unwrap_or_else(|| {
                    notes.push(why);
                    notes.len() - 1
                });
                format!(" [{}]", index + 1)
            });
            let result = match &case.error {
                None => "ok".to_owned(),
                Some(error) => format!("**failed**: {}", error.replace('|', "/")),
            };
            out += &format!(
                "| {} | {} | {} | {} | {}{note} | {difference} | {result} |\n",
                case.client,
                case.version.as_deref().unwrap_or(""),
                case.file,
                case.case,
                case.texts,
            );
        }
        for (i, note) in notes.iter().enumerate() {
            out += &format!("\n[{}] other texts are not compared: {note}.\n", i + 1);
        }
        out
    }
}
