//! The arguments of all commands that read texts.

use std::path::PathBuf;
use std::str::FromStr;

use m2v_core::{Checkpoint, Source as _};
use m2v_infer::tokenize::TokenNames;
use m2v_infer::{Error, Pipeline, StaticModel, Task};

use crate::input::Input;
use crate::model::{Model, ModelArgs};
use crate::stop::Stop;

/// The arguments of all commands that read texts.
#[derive(Debug, clap::Args)]
pub(crate) struct TextArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// File with one text a line, or a .jsonl file of objects with a `text` field; absent or `-`: standard input,
    /// one text a line
    pub(crate) input: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

impl TextArgs {
    /// Opens the input and loads the model, and its tokens if they are `named`. The input comes first: a mistyped name
    /// should not cost a load.
    pub(crate) fn open(&self, named: bool) -> Result<(Input, StaticModel, Option<TokenNames>), Stop> {
        let input = Input::open(self.input.as_deref())?;
        let (_, checkpoint) = self.run.load(&self.model)?;
        let tokenizer = checkpoint.tokenizer.clone();
        let model = StaticModel::from_checkpoint(checkpoint)?;
        let names = named.then(|| TokenNames::from_json(&tokenizer)).transpose()?;
        Ok((input, model, names))
    }

    /// The same with a pipeline.
    pub(crate) fn open_pipeline(&self) -> Result<(Input, Pipeline), Stop> {
        let input = Input::open(self.input.as_deref())?;
        Ok((input, self.run.load_pipeline(&self.model)?))
    }
}

/// How texts are run through a model.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Tokens of a text that count, or `none` for all; longer texts are cut [default: the model's]
    #[arg(long, value_name = "N|none")]
    pub(crate) max_length: Option<MaxLength>,
    /// Number of threads, 1 to 1024 [default: one for each core]
    // Starting many more takes minutes and ends in an error of the system.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl RunArgs {
    fn load(&self, model: &ModelArgs) -> Result<(Model, Checkpoint), Stop> {
        if let Some(threads) = self.threads {
            rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build_global()?;
        }
        let (source, mut checkpoint) = model.load()?;
        if let Some(MaxLength(length)) = self.max_length {
            checkpoint.config.set_max_length(length);
        }
        Ok((source, checkpoint))
    }

    /// Loads a model with a head that can predict.
    pub(crate) fn load_pipeline(&self, model: &ModelArgs) -> Result<Pipeline, Stop> {
        let (source, checkpoint) = self.load(model)?;
        if checkpoint.head.is_none() {
            return Err(Error::NoHead { location: source.locate("") }.into());
        }
        let pipeline = Pipeline::from_checkpoint(checkpoint)?;
        // Rather than of each text.
        if pipeline.output().classes().is_none() && pipeline.output().task() != Task::Regression {
            return Err(Error::NoClasses.into());
        }
        Ok(pipeline)
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
