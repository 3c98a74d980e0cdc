//! `m2v encode`: texts to vectors.

use std::path::{Path, PathBuf};

use m2v_infer::tokenize::TokenNames;
use m2v_infer::{Encoder, EncoderExt, StaticModel};
use ndarray::{Array2, s};

use crate::args::{MaxLength, TextArgs};
use crate::chunk::{Chunk, Limits};
use crate::input::has_extension;
use crate::lines::{Lines, push_ids, push_tokens, push_vector};
use crate::npy::Npy;
use crate::output::{Output, refuse_same};
use crate::progress::Progress;
use crate::stop::Stop;
use crate::stream::for_each_chunk;

/// Embed texts: one vector for each text, or with --per-token for each token
///
/// Lines of INPUT end at a line feed (a carriage return before it is dropped); nothing else is trimmed, and an
/// empty line is an empty text. Without -o, vectors are printed as lines of JSON: {"embedding": […]}, with
/// --per-token {"ids": […], "embeddings": [[…], …]}, and with --tokens "tokens": […] between the two. Texts are
/// read, embedded and written a few thousand at a time, so INPUT may be of any length.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  m2v encode models/minilm-l6-64d texts.txt -o vectors.npy
  m2v encode models/minilm-l6-64d reviews.jsonl -o vectors.jsonl --normalize false
  echo 'Take this.' | m2v encode models/minilm-l6-64d --per-token --tokens")]
pub(crate) struct Encode {
    #[command(flatten)]
    texts: TextArgs,
    /// File to write: .npy (float32, one row a text) or .jsonl; it appears when all is done
    /// [default: JSON lines on standard output]
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Whether to divide each vector by its length [default: the model's]
    #[arg(long, value_name = "true|false", conflicts_with = "per_token", action = clap::ArgAction::Set)]
    normalize: Option<bool>,
    /// One vector for each token, never normalised; texts are cut only if --max-length is given
    #[arg(long)]
    per_token: bool,
    /// With --per-token: the tokens too, as they stand in the vocabulary
    #[arg(long, requires = "per_token")]
    tokens: bool,
}

impl Encode {
    pub(crate) fn run(self) -> Result<(), Stop> {
        let output = self.output.as_deref();
        let npy = npy_path(output, self.per_token)?;
        refuse_same(self.texts.input.as_deref(), output)?;
        let (input, model, names) = self.texts.open(self.tokens)?;
        let progress = Progress::new(&input, output.is_some());
        if self.per_token {
            let length = self.texts.run.max_length.and_then(|MaxLength(length)| length);
            let mut lines = Lines::new(Output::create(output)?);
            for_each_chunk(input, small_chunks(model.dim()), &progress, |chunk| {
                write_tokens(&model, names.as_ref(), length, chunk, &mut lines)
            })?;
            return lines.finish();
        }
        let normalize = self.normalize.unwrap_or(model.options().normalize);
        let model = model.with_options(model.options().with_normalize(normalize));
        let mut sink = match npy {
            Some(path) => Sink::Npy(Npy::create(path, model.dim())?),
            None => Sink::Lines(Lines::new(Output::create(output)?)),
        };
        let mut rows = Array2::zeros((Limits::default().texts, model.dim()));
        for_each_chunk(input, Limits::default(), &progress, |chunk| {
            let mut rows = rows.slice_mut(s![..chunk.len(), ..]);
            model.encode_into(&chunk.texts(), rows.view_mut()).map_err(|error| in_texts(chunk, error))?;
            sink.write(chunk, &rows.view())
        })?;
        sink.finish()
    }
}

/// Checks the extension of OUT; gives the path if it is `.npy`.
fn npy_path(output: Option<&Path>, per_token: bool) -> Result<Option<&Path>, Stop> {
    let Some(path) = output else { return Ok(None) };
    if has_extension(path, "jsonl") {
        return Ok(None);
    }
    let found = path.display();
    if !has_extension(path, "npy") {
        let message =
            format!("-o {found}: OUT must end in .npy or .jsonl; without -o, JSON lines are printed");
        return Err(Stop::Usage(message));
    }
    if per_token {
        let message =
            format!("-o {found}: texts have different numbers of tokens, which .npy cannot hold; use .jsonl");
        return Err(Stop::Usage(message));
    }
    Ok(Some(path))
}

/// Where the vectors of texts go.
enum Sink {
    Npy(Npy),
    Lines(Lines),
}

impl Sink {
    fn write(&mut self, chunk: &Chunk, rows: &ndarray::ArrayView2<'_, f32>) -> Result<(), Stop> {
        match self {
            Self::Npy(npy) => npy.write(rows.reborrow()),
            Self::Lines(lines) => lines.write(chunk.len(), |i, line| {
                line.extend_from_slice(b"{\"embedding\":");
                push_row(line, rows.row(i), chunk.number(i))
                    .map_err(|stop| stop.hint("-o OUT.npy can hold it"))?;
                line.push(b'}');
                Ok(())
            }),
        }
    }

    fn finish(self) -> Result<(), Stop> {
        match self {
            Self::Npy(npy) => npy.finish(),
            Self::Lines(lines) => lines.finish(),
        }
    }
}

fn write_tokens(
    model: &StaticModel,
    names: Option<&TokenNames>,
    length: Option<usize>,
    chunk: &Chunk,
    lines: &mut Lines,
) -> Result<(), Stop> {
    let texts = chunk.texts();
    lines.write(texts.len(), |i, line| {
        let number = chunk.number(i);
        let tokens = model.encode_as_sequence(texts[i], length);
        let tokens = tokens.map_err(|error| Stop::error(format!("text {number}: {error}")))?;
        line.extend_from_slice(b"{\"ids\":");
        push_ids(line, &tokens.ids);
        if let Some(names) = names {
            line.extend_from_slice(b",\"tokens\":");
            push_tokens(line, &tokens.ids, names);
        }
        line.extend_from_slice(b",\"embeddings\":[");
        for (token, row) in tokens.embeddings.rows().into_iter().enumerate() {
            if token > 0 {
                line.push(b',');
            }
            push_row(line, row, number)?;
        }
        line.extend_from_slice(b"]}");
        Ok(())
    })
}

/// The vectors of all tokens of a chunk are in memory, as text: some 4 million numbers, should every byte be a
/// token.
fn small_chunks(dim: usize) -> Limits {
    Limits { bytes: (1 << 22) / dim.max(1), ..Limits::default() }
}

pub(crate) fn push_row(
    line: &mut Vec<u8>,
    row: ndarray::ArrayView1<'_, f32>,
    number: u64,
) -> Result<(), Stop> {
    let row = row.to_slice().ok_or_else(|| Stop::error("a row with gaps"))?;
    let wrong =
        |value| Stop::error(format!("text {number}: its vector holds {value}, which JSON cannot write"));
    push_vector(line, row).map_err(wrong)
}

/// An error of a chunk's texts, with the text's number where it is one's.
pub(crate) fn in_texts(chunk: &Chunk, error: m2v_infer::Error) -> Stop {
    let (text, error) = match &error {
        m2v_infer::Error::Text { text, source } => (*text, &**source),
        error if chunk.len() == 1 => (0, error),
        // Of none of them alone.
        error => return Stop::error(crate::stop::explain(error)),
    };
    Stop::error(format!("text {}: {}", chunk.number(text), crate::stop::explain(error)))
}
