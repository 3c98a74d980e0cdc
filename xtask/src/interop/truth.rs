//! The texts, and what m2v-infer makes of them.

use std::fs;
use std::path::Path;

use m2v_core::{Dir, Dtype};
use m2v_infer::{EncoderExt, StaticModel};
use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::exact::exact;

/// Prose, other scripts, messy text, empty and unknown-only texts.
const SHIPPED: &str = "tests/fixtures/texts.json";
/// Texts in all.
const COUNT: usize = 1000;
/// Tokens of the longest text.
const LONGEST: usize = 8192;
/// Texts of a batch.
const BATCH: usize = 32;

/// Which vectors a case is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Those of the texts, cut as the model says.
    Texts,
    /// Those of all of their tokens, summed in f64: thousands of f32 show the order of their additions in the sixth
    /// digit.
    Tokens,
}

/// Texts a case is not compared on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum Apart {
    /// Without a known token.
    #[serde(rename = "without known tokens")]
    WithoutKnown,
    /// With an unknown token, or without any, or that are cut.
    #[serde(rename = "unknown")]
    Unknown,
}

/// Texts, their ids, and the vectors that m2v-infer gives them.
pub(crate) struct Truth {
    texts: Vec<String>,
    /// How many of them come with the repository; the others are made.
    shipped: usize,
    /// All of a text's ids, unknown ones too.
    ids: Vec<Vec<u32>>,
    cut: Array2<f32>,
    uncut: Array2<f32>,
    unk: Option<u32>,
    pad: u32,
    max_length: usize,
    /// How far the f32 sums of m2v-infer, added as the reference does, are from those in f64.
    own_sums: f32,
    pub(crate) dtype: Dtype,
}

/// A batch of ids, padded, and as bags.
#[derive(Serialize)]
struct Batch {
    input_ids: Vec<Vec<u32>>,
    attention_mask: Vec<Vec<u8>>,
    bag: Bag,
}

/// The ids of some texts one after another, and where each begins.
#[derive(Serialize)]
pub(crate) struct Bag {
    pub(crate) input_ids: Vec<u32>,
    pub(crate) offsets: Vec<usize>,
}

impl Truth {
    /// Makes the texts for a model and encodes them with it.
    pub(crate) fn new(folder: &Path, workspace: &Path) -> Result<Self> {
        let model = StaticModel::load(&Dir::open(folder)?)?;
        let vocabulary = model.tokenizer().vocabulary();
        let (unk, pad) = (vocabulary.unk_id(), vocabulary.pad().id);
        let options = model.options();
        let max_length = options.max_length.unwrap_or(usize::MAX);

        let shipped = shipped(&workspace.join(SHIPPED))?;
        let mut texts = Vec::with_capacity(COUNT);
        for text in &shipped {
            // The reference cuts at a code point first, clients only at a token: a text where that shows has
            // other last tokens there.
            let mut ids = model.tokenizer().encode(text)?;
            ids.truncate(max_length);
            ids.retain(|id| Some(*id) != unk);
            if ids == model.tokenize(text)? {
                texts.push(text.clone());
            }
        }
        let words = words(&model, &shipped)?;
        let shipped = texts.len();
        let made = COUNT.saturating_sub(texts.len() + 2);
        texts.extend((0..made).map(|tokens| sentence(&words, tokens)));
        // The longest, and beside it a short one that is padded by as much.
        texts.extend([LONGEST, 1].map(|tokens| sentence(&words, tokens)));

        let cut = model.encode(&texts)?;
        let whole = model.with_options(options.with_max_length(None));
        let uncut = exact(&whole, &texts, &|_| ())?;
        let own_sums = largest_difference(whole.encode(&texts)?.view(), uncut.view());
        let ids = texts.iter().map(|text| model.tokenizer().encode(text)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            texts,
            shipped,
            ids,
            cut,
            uncut,
            unk,
            pad,
            max_length,
            own_sums,
            dtype: model.table().dtype(),
        })
    }

    /// Writes `texts.json` and `tokens.json`.
    pub(crate) fn write(&self, work: &Path) -> Result<()> {
        let batches: Vec<Batch> = self.batches().map(|(texts, width)| self.batch(texts, width)).collect();
        let files =
            [("texts.json", serde_json::to_vec(&self.texts)), ("tokens.json", serde_json::to_vec(&batches))];
        for (name, json) in files {
            let path = work.join(name);
            let json = json.map_err(|source| Error::io(&path, source.into()))?;
            fs::write(&path, json).map_err(|source| Error::io(&path, source))?;
        }
        Ok(())
    }

    /// Batches of ids, and how wide they are: the shipped texts with up to four more columns than they need, the made
    /// ones, of 0, 1, 2, … tokens, as one, so that any amount of padding comes up, and the longest beside a short one.
    pub(crate) fn batches(&self) -> impl Iterator<Item = (&[Vec<u32>], usize)> {
        let width = |ids: &[Vec<u32>]| ids.iter().map(Vec::len).max().unwrap_or(0);
        let (shipped, rest) = self.ids.split_at(self.shipped);
        let (made, last) = rest.split_at(rest.len().saturating_sub(2));
        let blocks = shipped.chunks(BATCH).enumerate().map(move |(i, block)| (block, width(block) + i % 5));
        blocks.chain([(made, width(made)), (last, width(last))])
    }

    fn batch(&self, ids: &[Vec<u32>], width: usize) -> Batch {
        let padded =
            |ids: &Vec<u32>| (0..width).map(|i| ids.get(i).copied().unwrap_or(self.pad)).collect::<Vec<_>>();
        let mask = |ids: &Vec<u32>| (0..width).map(|i| u8::from(i < ids.len())).collect::<Vec<_>>();
        Batch {
            input_ids: ids.iter().map(padded).collect(),
            attention_mask: ids.iter().map(mask).collect(),
            bag: Self::bag(ids),
        }
    }

    pub(crate) fn bag(ids: &[Vec<u32>]) -> Bag {
        let offsets = ids.iter().scan(0, |end, ids| {
            let start = *end;
            *end += ids.len();
            Some(start)
        });
        Bag { offsets: offsets.collect(), input_ids: ids.concat() }
    }

    pub(crate) fn pad(&self) -> u32 {
        self.pad
    }

    pub(crate) fn shape(&self) -> [usize; 2] {
        [self.cut.nrows(), self.cut.ncols()]
    }

    /// The largest difference of `vectors`, which has [`Self::shape`], and how many texts were compared.
    pub(crate) fn compare(&self, kind: Kind, apart: Option<Apart>, vectors: &Array2<f32>) -> (f32, usize) {
        let expected = match kind {
            Kind::Texts => &self.cut,
            Kind::Tokens => &self.uncut,
        };
        let rows: Vec<usize> =
            (0..self.texts.len()).filter(|&i| !apart.is_some_and(|apart| self.is_apart(i, apart))).collect();
        let select = |array: &Array2<f32>| array.select(Axis(0), &rows);
        (largest_difference(select(vectors).view(), select(expected).view()), rows.len())
    }

    fn is_apart(&self, text: usize, apart: Apart) -> bool {
        let ids = &self.ids[text];
        let is_unknown = |id: &u32| Some(*id) == self.unk;
        match apart {
            Apart::WithoutKnown => ids.iter().take(self.max_length).all(is_unknown),
            Apart::Unknown => ids.is_empty() || ids.len() > self.max_length || ids.iter().any(is_unknown),
        }
    }

    /// What the texts are, in a sentence.
    pub(crate) fn summary(&self) -> String {
        let count = |apart| (0..self.texts.len()).filter(|&i| self.is_apart(i, apart)).count();
        let empty = self.ids.iter().filter(|ids| ids.is_empty()).count();
        let unknown = count(Apart::WithoutKnown) - empty;
        let longest = self.ids.iter().map(Vec::len).max().unwrap_or(0);
        format!(
            "{} texts, {empty} without tokens, {unknown} of unknown tokens only, the longest {longest} tokens, where \
             m2v-infer's own f32 sums are {:.1e} from the exact ones that `tokens` and `bag` are held to",
            self.texts.len(),
            self.own_sums,
        )
    }
}

/// Of two numbers at the same place; NaN if one is.
fn largest_difference(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>) -> f32 {
    // Not `max`, which would drop a NaN.
    let larger = |largest: f32, difference: f32| {
        if largest.is_nan() || difference <= largest { largest } else { difference }
    };
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, larger)
}

fn shipped(path: &Path) -> Result<Vec<String>> {
    let read = fs::read(path).map_err(|source| Error::io(path, source))?;
    serde_json::from_slice(&read).map_err(|source| Error::texts(path, source))
}

/// Words of one known token each, of the texts.
fn words(model: &StaticModel, texts: &[String]) -> Result<Vec<String>> {
    let mut words = Vec::new();
    for word in texts.iter().flat_map(|text| text.split_whitespace()) {
        let is_word = word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase());
        if is_word && model.tokenizer().encode(word)?.len() == 1 && model.tokenize(word)?.len() == 1 {
            words.push(word.to_owned());
        }
    }
    Ok(words)
}

/// A text of so many tokens.
fn sentence(words: &[String], tokens: usize) -> String {
    // Another start for each, so that texts are not beginnings of each other.
    let start = tokens * 37;
    let words: Vec<&str> = (start..start + tokens)
        .filter_map(|i| words.get(i % words.len().max(1)))
        .map(String::as_str)
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::{Apart, Kind, LONGEST, Truth, largest_difference};

    #[test]
    fn nan_is_the_largest_difference() {
        let found = array![[1.0, f32::NAN], [5.0, 1.0]];
        assert!(largest_difference(found.view(), array![[1.0, 1.0], [1.0, 1.0]].view()).is_nan());
        assert_eq!(largest_difference(array![[1.0, -2.0]].view(), array![[1.5, 2.0]].view()), 4.0);
    }

    #[test]
    fn texts_are_of_every_kind() {
        let workspace = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let truth = Truth::new(&workspace.join("models/minilm-l6-64d"), workspace).unwrap();
        assert_eq!((truth.texts.len(), truth.shape()), (1000, [1000, 64]));
        assert_eq!(truth.ids.iter().map(Vec::len).max(), Some(LONGEST));
        assert!((0..1000).any(|i| !truth.ids[i].is_empty() && truth.is_apart(i, Apart::WithoutKnown)));
        // Any amount of padding up to the width of the batch.
        let batches: Vec<_> = truth.batches().collect();
        assert_eq!(batches.iter().map(|(ids, _)| ids.len()).sum::<usize>(), 1000);
        let (made, width) = batches[batches.len() - 2];
        assert!(*made == truth.ids[truth.shipped..998] && width > 400);
        assert!((0..=width).all(|padding| made.iter().any(|ids| width - ids.len() == padding)));
        // A number that is wrong in one text is found, unless that text is set apart.
        let (mut found, empty) = (truth.cut.clone(), 0);
        assert_eq!(truth.compare(Kind::Texts, None, &found), (0.0, 1000));
        found[[empty, 3]] += 0.25;
        assert_eq!(truth.compare(Kind::Texts, None, &found), (0.25, 1000));
        let (largest, compared) = truth.compare(Kind::Texts, Some(Apart::WithoutKnown), &found);
        assert!(largest == 0.0 && compared < 1000);
    }
}
