//! The steps that a recipe may have, by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use m2v_core::Dtype;

use super::Recipe;
use super::step::{DTYPES, OTHERS, PRUNE, PRUNE_USED, Step, check_name};
use crate::cast::Cast;
use crate::error::{Error, Result};
use crate::int8::Int8;
use crate::int8_global::Int8Global;
use crate::prune::Prune;
use crate::transform::Transform;
use crate::truncate::Truncate;

/// The steps that a [`Recipe`] may have: those of this crate, and those that are added.
///
/// ```
/// use m2v_quant::core::Checkpoint;
/// use m2v_quant::{Context, Error, Steps, Transform};
///
/// /// Cuts texts after other numbers of tokens.
/// struct MaxLength(usize);
///
/// impl Transform for MaxLength {
///     fn apply(&self, mut checkpoint: Checkpoint, _: &mut Context<'_>) -> Result<Checkpoint, Error> {
///         checkpoint.config.set_max_length(Some(self.0));
///         Ok(checkpoint)
///     }
/// }
///
/// let steps = Steps::default().with("max-length", |value: Option<&str>| {
///     let length = value.and_then(|value| value.parse().ok());
///     length.map(MaxLength).ok_or_else(|| "a number of tokens".to_owned())
/// })?;
/// let recipe = steps.parse("dims=64+max-length=100")?;
/// assert_eq!(recipe.to_string(), "dims=64+max-length=100");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Steps {
    added: BTreeMap<String, Arc<Make>>,
}

/// Makes a transform of the value of a step, or says what is expected.
type Make =
    dyn Fn(Option<&str>) -> std::result::Result<Arc<dyn Transform + Send + Sync>, String> + Send + Sync;

impl Steps {
    /// Adds a step. `make` gets what stands behind the `=`, if anything does, and gives the transform, or else what it
    /// expected: `a number of tokens`. Under a name that was added before, the new one counts.
    ///
    /// # Errors
    /// [`Error::Step`] if the name is one of this crate's, or is not made of a to z, 0 to 9, `-` and `_`.
    pub fn with<T: Transform + Send + Sync + 'static>(
        mut self,
        name: &str,
        make: impl Fn(Option<&str>) -> std::result::Result<T, String> + Send + Sync + 'static,
    ) -> Result<Self> {
        check_name(name)?;
        let make = move |value: Option<&str>| Ok(Arc::new(make(value)?) as Arc<dyn Transform + Send + Sync>);
        self.added.insert(name.to_owned(), Arc::new(make));
        Ok(self)
    }

    /// Parses a recipe; [`Recipe`] has the grammar.
    ///
    /// # Errors
    /// [`Error::Step`] with the step and what was expected instead, [`Error::Order`] for steps that make no sense one
    /// after the other.
    pub fn parse(&self, text: &str) -> Result<Recipe> {
        text.split('+').try_fold(Recipe::default(), |recipe, step| recipe.then(self.step(step)?))
    }

    fn step(&self, text: &str) -> Result<Step> {
        let wrong = |expected: String| Error::Step { step: text.to_owned(), expected };
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(unescape(value).ok_or_else(|| wrong(ESCAPES.to_owned()))?)),
            None => (text, None),
        };
        if let Some(make) = self.added.get(name) {
            let transform = make(value.as_deref()).map_err(wrong)?;
            return Ok(Step::shared(name, value, transform));
        }
        let count = |value: Option<String>| {
            let count = value.and_then(|value| value.parse::<usize>().ok()).filter(|&count| count > 0);
            count.ok_or_else(|| wrong(format!("{name}=N, a whole number from 1")))
        };
        let step = match name {
            PRUNE | PRUNE_USED => {
                let texts = value.ok_or_else(|| wrong(format!("{name}=NAME of the texts")))?;
                return Ok(Prune::new(texts).with_likely(name == PRUNE).into());
            }
            "clusters" => return Ok(Step::clusters(count(value)?)),
            "dims" => return Ok(Truncate { dim: count(value)? }.into()),
            "f64" => Cast(Dtype::F64).into(),
            "f32" => Cast(Dtype::F32).into(),
            "f16" => Cast(Dtype::F16).into(),
            "bf16" => Cast(Dtype::BF16).into(),
            "int8" => match value.as_deref() {
                None => return Ok(Int8.into()),
                Some("global") => return Ok(Int8Global.into()),
                Some(_) => return Err(wrong("int8 or int8=global".to_owned())),
            },
            _ => {
                let added = self.added.keys().map(String::as_str);
                let names: Vec<_> = OTHERS.into_iter().chain(DTYPES).chain(added).collect();
                return Err(wrong(format!("one of {}", names.join(", "))));
            }
        };
        match value {
            None => Ok(step),
            Some(_) => Err(wrong(format!("{name} without a value"))),
        }
    }
}

const ESCAPES: &str = "% only where two digits follow: %25 is %, %2B is +";

/// Takes escapes out; `None` if one is broken.
fn unescape(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut parts = value.split('%');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| is_hexadecimal)?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Steps").field("added", &self.added.keys()).finish()
    }
}
