//! Several steps, and their text form.

mod step;
mod steps;

use std::fmt;
use std::str::FromStr;

use m2v_core::Checkpoint;

use crate::error::{Error, Result};
use crate::transform::{Context, Transform};
pub use step::Step;
pub use steps::Steps;

/// The key of `config.json` that says what a model has been through.
const KEY: &str = "recipe";

/// Steps that make a smaller model, applied one after the other, as in `prune=FILE+clusters=4096+int8+dims=128`.
///
/// ```text
/// recipe = step *( "+" step )
/// step   = name [ "=" value ]
/// value  = any characters, "+" written as %2B and "%" as %25
/// ```
///
/// | step | |
/// |---|---|
/// | `prune=NAME` | [`Prune`](crate::Prune) to the tokens of the texts that [`Context::with_texts`] gives for NAME |
/// | `prune-used=NAME` | the same, [without](crate::Prune::with_likely) those that other texts are likely to use |
/// | `clusters=N` | [`KMeans`](crate::KMeans) with N clusters, not after `int8` |
/// | `dims=N` | [`Truncate`](crate::Truncate) to the first N dimensions |
/// | `f64`, `f32`, `f16`, `bf16` | [`Cast`](crate::Cast) |
/// | `int8`, `int8=global` | [`Int8`](crate::Int8), [`Int8Global`](crate::Int8Global) |
///
/// Steps may come in any order, but none of these twice, and only one number type and one way of pruning: a second one
/// would only lose more. Others join through [`Steps`]. A recipe prints as it parses, if it has steps, and
/// [`Recipe::apply`] writes it into `config.json`, under `recipe`, behind what was done to the model before. (Of
/// several recipes that record need not be one: an int8 model may be cast to f16, and `int8+f16` is refused. Where
/// names of texts are paths it has the last part: the others are nobody's business who gets the model.)
///
/// ```
/// use m2v_quant::Recipe;
///
/// let recipe: Recipe = "prune=articles.txt+clusters=4096+int8+dims=128".parse()?;
/// assert_eq!(recipe.to_string(), "prune=articles.txt+clusters=4096+int8+dims=128");
/// assert!("int8+f16".parse::<Recipe>().is_err());
/// # Ok::<(), m2v_quant::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Recipe {
    steps: Vec<Step>,
}

impl Recipe {
    /// Adds a step at the end.
    ///
    /// # Errors
    /// [`Error::Order`] if it makes no sense after those before it, [`Error::Step`] for pruning to texts without a
    /// name, which would print as no step.
    pub fn then(mut self, step: impl Into<Step>) -> Result<Self> {
        let step = step.into();
        if step.prunes() && step.value().is_none_or(str::is_empty) {
            let expected = format!("{}=NAME of the texts", step.name());
            return Err(Error::Step { step: step.to_string(), expected });
        }
        for earlier in &self.steps {
            if let Some(reason) = step.refuses(earlier) {
                let (step, earlier) = (step.to_string(), earlier.to_string());
                return Err(Error::Order { step, earlier, reason });
            }
        }
        self.steps.push(step);
        Ok(self)
    }

    /// The steps, in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

impl Transform for Recipe {
    /// Applies the steps in order. A recipe without steps changes nothing.
    ///
    /// # Errors
    /// Those of its steps.
    fn apply(&self, mut checkpoint: Checkpoint, context: &mut Context<'_>) -> Result<Checkpoint> {
        for step in &self.steps {
            checkpoint = step.transform().apply(checkpoint, context)?;
            let earlier = checkpoint.config.get(KEY).and_then(|earlier| earlier.as_str());
            let step = step.as_recorded();
            let record = earlier.map_or_else(|| step.to_string(), |earlier| format!("{earlier}+{step}"));
            checkpoint.config.set(KEY, Some(record.into()));
        }
        Ok(checkpoint)
    }
}

/// Parses the steps of this crate; [`Steps::parse`] also knows others.
impl FromStr for Recipe {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Steps::default().parse(text)
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, step) in self.steps.iter().enumerate() {
            let joint = if nth == 0 { "" } else { "+" };
            write!(f, "{joint}{step}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipe({self})")
    }
}
