//! One step of a recipe.

use std::fmt;
use std::sync::Arc;

use m2v_core::Dtype;

use crate::cast::Cast;
use crate::error::{Error, Result};
use crate::int8::Int8;
use crate::int8_global::Int8Global;
use crate::kmeans::KMeans;
use crate::prune::Prune;
use crate::transform::Transform;
use crate::truncate::Truncate;

/// A step of a [`Recipe`](super::Recipe): a transform and how it is written.
///
/// The transforms of this crate know how they are written: `Step::from(Truncate { dim: 128 })` is `dims=128`.
#[derive(Clone)]
pub struct Step {
    name: String,
    value: Option<String>,
    transform: Arc<dyn Transform + Send + Sync>,
}

/// Names of steps that are number types.
pub(super) const DTYPES: [&str; 5] = ["f64", "f32", "f16", "bf16", "int8"];

/// Names of the other steps of this crate.
pub(super) const OTHERS: [&str; 4] = [PRUNE, PRUNE_USED, "clusters", "dims"];

/// Names of the two forms of pruning.
pub(super) const PRUNE: &str = "prune";
pub(super) const PRUNE_USED: &str = "prune-used";

impl Step {
    /// A step of somebody else's. Give it the name and value that [`Steps`](super::Steps) know it by.
    ///
    /// # Errors
    /// [`Error::Step`] if the name is one of this crate's, or is not made of a to z, 0 to 9, `-` and `_`.
    pub fn new(
        name: &str,
        value: Option<&str>,
        transform: impl Transform + Send + Sync + 'static,
    ) -> Result<Self> {
        check_name(name)?;
        Ok(Self::shared(name, value.map(str::to_owned), Arc::new(transform)))
    }

    /// [`KMeans`] with so many clusters and its usual settings.
    #[must_use]
    pub fn clusters(clusters: usize) -> Self {
        Self::shared("clusters", Some(clusters.to_string()), Arc::new(KMeans::new(clusters)))
    }

    pub(super) fn shared(
        name: &str,
        value: Option<String>,
        transform: Arc<dyn Transform + Send + Sync>,
    ) -> Self {
        Self { name: name.to_owned(), value, transform }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What stands behind the `=`, not escaped.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// What it does.
    #[must_use]
    pub fn transform(&self) -> &dyn Transform {
        &*self.transform
    }

    /// Whether it is one of the two forms of pruning.
    pub(super) fn prunes(&self) -> bool {
        [PRUNE, PRUNE_USED].contains(&self.name())
    }

    /// The step as a model tells of it: texts without the folders they are in.
    pub(super) fn as_recorded(&self) -> Self {
        let mut step = self.clone();
        if step.prunes() {
            // Of a name that ends in one: a step without texts would be none.
            let last = |name: String| match name.rsplit(['/', '\\']).next() {
                None | Some("") => name,
                Some(last) => last.to_owned(),
            };
            step.value = step.value.map(last);
        }
        step
    }

    /// Why it makes no sense after an earlier step.
    pub(super) fn refuses(&self, earlier: &Self) -> Option<&'static str> {
        let is_dtype = |step: &Self| DTYPES.contains(&step.name());
        if is_dtype(self) && is_dtype(earlier) {
            return Some("a table has one number type, and what the first has lost stays lost");
        }
        if self.name == "clusters" && earlier.name == "int8" {
            return Some("clusters of int8 rows are float32 again; make them before");
        }
        let is_same = self.name == earlier.name || self.prunes() && earlier.prunes();
        (is_same && OTHERS.contains(&self.name())).then_some("a step can be taken once")
    }
}

/// Whether a step of somebody else's may have a name.
pub(super) fn check_name(name: &str) -> Result<()> {
    let is_own = DTYPES.contains(&name) || OTHERS.contains(&name);
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    if is_own || name.is_empty() || !name.bytes().all(is_plain) {
        let expected = "a name of a to z, 0 to 9, - and _ that is none of this crate's".to_owned();
        return Err(Error::Step { step: name.to_owned(), expected });
    }
    Ok(())
}

impl From<Prune> for Step {
    fn from(prune: Prune) -> Self {
        let name = if prune.keeps_likely() { PRUNE } else { PRUNE_USED };
        Self::shared(name, Some(prune.texts().to_owned()), Arc::new(prune))
    }
}

impl From<Truncate> for Step {
    fn from(truncate: Truncate) -> Self {
        Self::shared("dims", Some(truncate.dim.to_string()), Arc::new(truncate))
    }
}

impl From<Cast> for Step {
    fn from(cast: Cast) -> Self {
        let name = match cast.0 {
            Dtype::F64 => "f64",
            Dtype::F32 => "f32",
            Dtype::F16 => "f16",
            Dtype::BF16 => "bf16",
            // An error when it is applied, and nothing that parses.
            other => return Self::shared("cast", Some(other.name().to_owned()), Arc::new(cast)),
        };
        Self::shared(name, None, Arc::new(cast))
    }
}

impl From<Int8> for Step {
    fn from(int8: Int8) -> Self {
        Self::shared("int8", None, Arc::new(int8))
    }
}

impl From<Int8Global> for Step {
    fn from(int8: Int8Global) -> Self {
        Self::shared("int8", Some("global".to_owned()), Arc::new(int8))
    }
}

/// Two steps that are written the same are the same.
impl PartialEq for Step {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.value) == (&other.name, &other.value)
    }
}

impl Eq for Step {}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.value {
            Some(value) => write!(f, "={}", value.replace('%', "%25").replace('+', "%2B")),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Step({self})")
    }
}
