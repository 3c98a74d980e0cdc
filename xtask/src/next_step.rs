//! What to do next about an error. Each has something: there is no other way to end a message.

use std::io;

use crate::error::Error;

const MODEL: &str = "give --model a folder with config.json, model.safetensors and tokenizer.json, or an id on the hub, \
                     ORG/NAME";
const BROKEN: &str =
    "fetch the model again, or save it again with Python model2vec, and look at it with `m2v inspect`";
const REPORT: &str = "this is a fault of m2v: report it, with the command and the model";
const OUT: &str = "choose another --out";

impl Error {
    /// What to do next.
    pub(crate) fn next_step(&self) -> String {
        match self {
            Self::Data(error) => of_model(error).to_owned(),
            Self::Infer(error) => of_encoder(error).to_owned(),
            Self::Tokenize(error) => of_tokenizer(error).to_owned(),
            Self::Quant(error) => of_transform(error),
            Self::Export(error) => of_export(error).to_owned(),
            Self::Io { source, .. } => of_reading(source).to_owned(),
            Self::Texts { .. } => {
                "correct the file, or leave --texts out to take those of the repository".to_owned()
            }
            Self::NoFolder { .. } => MODEL.to_owned(),
            Self::NotCached { model } => format!("fetch it first: m2v pull {model}; or leave --dry-run out"),
            Self::HoldsModel { .. } => OUT.to_owned(),
            Self::Out(m2v_core::Error::Io { source, .. }) => of_out(source).to_owned(),
            Self::Out(_) => OUT.to_owned(),
            Self::Write { source, .. } => of_out(source).to_owned(),
            Self::Graph { .. } => {
                format!("with --no-onnx the pipeline makes the tables without graphs; {REPORT}")
            }
            Self::Bounds { recipes, .. } if recipes.is_empty() => REPORT.to_owned(),
            Self::Bounds { recipes, .. } => format!(
                "leave it out with --dtype, or take what it loses: recipes have no bound (--recipe {})",
                recipes.join(" ")
            ),
            Self::NotFinite { .. } => BROKEN.to_owned(),
            Self::Signals(_) => "run it again, from another terminal".to_owned(),
            Self::Start { program, .. } => {
                format!("install it, or put it on the PATH, and see that `{program}` runs")
            }
            Self::Ended { .. } => "do what the lines above say, and run this again".to_owned(),
            Self::Clients { .. } => {
                "the table says which and why; --only NAME runs one of them again".to_owned()
            }
            Self::Interrupted => "run it again".to_owned(),
        }
    }
}

fn of_model(error: &m2v_core::Error) -> &'static str {
    use m2v_core::Error::{InFile, Io, NoModel, SkopsType};
    match error {
        InFile { source, .. } => of_model(source),
        Io { source, .. } if source.kind() == io::ErrorKind::NotADirectory => MODEL,
        Io { source, .. } => of_reading(source),
        NoModel { .. } => "name the folder that holds these, or an id on the hub, ORG/NAME",
        SkopsType { .. } => "save it with Python model2vec 0.9 or later, as head.safetensors",
        _ => BROKEN,
    }
}

fn of_encoder(error: &m2v_infer::Error) -> &'static str {
    use m2v_infer::Error::{Data, HeadInput, MappingAndTokens, NotFinite, RowsAndTokens, Text, Tokenize};
    match error {
        Text { source, .. } => of_encoder(source),
        Data(error) => of_model(error),
        Tokenize(error) => of_tokenizer(error),
        RowsAndTokens { .. } | MappingAndTokens { .. } | HeadInput { .. } => {
            "take all files of one model: these are of different ones"
        }
        NotFinite { .. } => "train or save the model again: its numbers are broken",
        _ => REPORT,
    }
}

fn of_tokenizer(error: &m2v_infer::tokenize::Error) -> &'static str {
    use m2v_infer::tokenize::Error::Encode;
    match error {
        Encode { .. } => "take that text out of --texts",
        _ => "take the tokenizer.json that was saved with the model: save or fetch it again",
    }
}

fn of_transform(error: &m2v_quant::Error) -> String {
    use m2v_quant::Error as E;
    let step = match error {
        E::Data(error) => of_model(error),
        E::Tokenize(error) => of_tokenizer(error),
        E::Value { .. } => "leave that type out with --dtype, or repair the model: its numbers are broken",
        E::Dims { columns, .. } => return format!("give dims a number from 1 to {columns}"),
        E::Clusters { rows, .. } => return format!("give clusters a number from 1 to {rows}"),
        E::Mapped { .. } => "leave clusters out of the recipe",
        E::HeadInput { .. } => "leave dims out; clusters and prune make such a model smaller too",
        E::Texts { .. } => "give the step the path of a file with one text a line",
        E::Pruned { .. } => "take that text out of the file, or leave prune out of the recipe",
        E::CastTo(_) | E::Step { .. } | E::Order { .. } => {
            "`m2v quantize --help` and docs/quantise.md list the steps"
        }
        _ => REPORT,
    };
    step.to_owned()
}

fn of_export(error: &m2v_onnx::Error) -> &'static str {
    use m2v_onnx::Error::{Data, Ids, Tokenize, TooLarge};
    match error {
        Data(error) => of_model(error),
        Tokenize(error) => of_tokenizer(error),
        Ids { .. } => "take all files of one model: these are of different ones",
        TooLarge { .. } => "make it smaller (--dims, or clusters and prune in a --recipe), or pass --no-onnx",
        _ => REPORT,
    }
}

fn of_reading(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "check the path: there is nothing there",
        io::ErrorKind::PermissionDenied => "get the right to read it, or name another",
        io::ErrorKind::IsADirectory => "name a file: one text a line, or .jsonl",
        io::ErrorKind::InvalidData => "save it as UTF-8",
        _ => "check that it can be read, and run this again",
    }
}

fn of_out(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AlreadyExists => {
            "choose another --out, or move that away (only a folder that an earlier run wrote is replaced)"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room, or choose an --out on another disk; --dry-run says how much it takes"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "choose an --out that you may write to"
        }
        _ => OUT,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use crate::error::Error;

    #[test]
    fn what_no_test_can_cause_has_a_next_step_too() {
        let written = |kind: io::ErrorKind| {
            Error::of_writing(
                "int8",
                m2v_core::Error::Io { file: "model.safetensors".to_owned(), source: kind.into() },
            )
        };
        let full = written(io::ErrorKind::StorageFull);
        assert!(full.to_string().starts_with("int8/model.safetensors: "), "{full}");
        assert!(full.next_step().contains("make room") && full.next_step().contains("--dry-run"));
        assert!(written(io::ErrorKind::PermissionDenied).next_step().contains("you may write to"));
        let graph = Error::Graph { file: "model.onnx".to_owned(), message: "no such operator".to_owned() };
        assert!(graph.next_step().contains("--no-onnx"));
        let of_text = |source: m2v_infer::Error| {
            Error::Infer(m2v_infer::Error::Text { text: 3, source: source.into() })
        };
        let encode = m2v_infer::tokenize::Error::Encode { bytes: 1, source: "none".into() };
        assert!(of_text(encode.into()).next_step().contains("--texts"));
        assert!(of_text(m2v_infer::Error::NotFinite { value: f32::NAN }).next_step().contains("its numbers"));
        // A copy that holds the model's numbers has no reason to miss a bound.
        let bounds = |recipes: &[&str]| Error::Bounds {
            failures: vec!["f32/onnx/model.onnx".to_owned()],
            recipes: recipes.iter().map(|recipe| (*recipe).to_owned()).collect(),
        };
        assert!(bounds(&[]).next_step().contains("report it"));
        assert!(bounds(&["dims=8+int8", "f16"]).next_step().contains("--recipe dims=8+int8 f16"));
    }
}
