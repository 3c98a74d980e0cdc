//! The arguments of all commands that read texts.

use std::path::PathBuf;
use std::str::FromStr;

use m2v_infer::StaticModel;

use crate::input::Input;
use crate::model;
use crate::stop::Stop;

/// The arguments of all commands that read texts.
#[derive(Debug, clap::Args)]
pub(crate) struct TextArgs {
    /// Folder of the model
    pub(crate) model: PathBuf,
    /// File with one text a line, or a .jsonl file of objects with a `text` field; absent or `-`: standard input,
    /// one text a line
    pub(crate) input: Option<PathBuf>,
    /// Tokens of a text that count, or `none` for all; longer texts are cut [default: the model's]
    #[arg(long, value_name = "N|none")]
    pub(crate) max_length: Option<MaxLength>,
    /// Number of threads, 1 to 1024 [default: one for each core]
    // Starting many more takes minutes and ends in an error of the system.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl TextArgs {
    /// Opens the input and loads the model. The input comes first: a mistyped name should not cost a load.
    pub(crate) fn open(&self) -> Result<(Input, StaticModel), Stop> {
        let input = Input::open(self.input.as_deref())?;
        if let Some(threads) = self.threads {
            rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build_global()?;
        }
        let model = model::load(&self.model)?;
        let options = match self.max_length {
            Some(MaxLength(length)) => model.options().with_max_length(length),
            None => model.options(),
        };
        Ok((input, model.with_options(options)))
    }
}

/// A `max_length` that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MaxLength(pub(crate) Option<usize>);

impl FromStr for MaxLength {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self(None)),
            _ => {
                text.parse().map(|length| Self(Some(length))).map_err(|_| "expected a whole number or `none`")
            }
        }
    }
}
