//! The copies that are made.

use clap::ValueEnum;
use m2v_core::Dtype;
use m2v_quant::{Cast, Int8, Recipe, Step};

/// A copy to make.
pub(crate) struct Target {
    /// The name of its folder.
    pub(crate) name: String,
    pub(crate) recipe: Recipe,
    /// How far it may be from the model it is made of; a recipe may go as far as it goes.
    pub(crate) bound: Option<Bound>,
}

/// What running an artefact may differ by: absolutely, for vectors of length 1, and in the cosine.
#[derive(Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) max_abs_diff: f64,
    pub(crate) cosine_min: Option<f64>,
}

impl Bound {
    /// What a copy may differ by from the model that its recipe made: the order of additions.
    pub(crate) const AS_MADE: Self = Self { max_abs_diff: 1e-6, cosine_min: None };
}

/// What the table becomes.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableDtype {
    F32,
    F16,
    Int8,
}

impl Target {
    /// A copy for each dtype.
    pub(crate) fn dtypes(dtypes: &[TableDtype]) -> Vec<Self> {
        let is_first = |(i, dtype): &(usize, &TableDtype)| !dtypes[..*i].contains(dtype);
        let target = |(_, dtype): (usize, &TableDtype)| {
            let (step, max_abs_diff, cosine_min): (Step, _, _) = match dtype {
                TableDtype::F32 => (Cast(Dtype::F32).into(), 1e-6, None),
                TableDtype::F16 => (Cast(Dtype::F16).into(), 2e-3, None),
                TableDtype::Int8 => (Int8.into(), 2e-2, Some(0.9998)),
            };
            let name = step.to_string();
            // One step goes with no other.
            let recipe = Recipe::default().then(step).unwrap_or_default();
            Self { name, recipe, bound: Some(Bound { max_abs_diff, cosine_min }) }
        };
        dtypes.iter().enumerate().filter(is_first).map(target).collect()
    }

    /// Whether it is the model itself, in another type that holds its numbers.
    pub(crate) fn is_model(&self) -> bool {
        self.bound.is_some_and(|bound| bound.max_abs_diff <= Bound::AS_MADE.max_abs_diff)
    }

    /// A copy for each recipe, in a folder of its name as far as folders may have it.
    pub(crate) fn recipes(recipes: &[Recipe]) -> Vec<Self> {
        let mut targets: Vec<Self> = Vec::new();
        for recipe in recipes {
            let text = recipe.to_string();
            if targets.iter().any(|target| target.recipe == *recipe) {
                continue;
            }
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "+=.-_".contains(c);
            let plain: String = text.chars().take(100).map(|c| if is_plain(c) { c } else { '-' }).collect();
            let is_free = |name: &String| targets.iter().all(|target| target.name != *name);
            let numbered = (2..).map(|n: usize| format!("{plain}-{n}"));
            let name = std::iter::once(plain.clone()).chain(numbered).find(is_free).unwrap_or(plain.clone());
            targets.push(Self { name, recipe: recipe.clone(), bound: None });
        }
        targets
    }
}

#[cfg(test)]
mod tests {
    use super::{TableDtype, Target};

    #[test]
    fn a_dtype_is_made_once() {
        let dtypes = [TableDtype::Int8, TableDtype::F32, TableDtype::Int8];
        let names: Vec<_> = Target::dtypes(&dtypes).into_iter().map(|target| target.name).collect();
        assert_eq!(names, ["int8", "f32"]);
    }

    #[test]
    fn recipes_have_folders_of_their_own() {
        let recipes = ["prune=a/b+int8", "int8", "prune=a-b+int8", "int8"].map(|text| text.parse().unwrap());
        let names: Vec<_> = Target::recipes(&recipes).into_iter().map(|target| target.name).collect();
        assert_eq!(names, ["prune=a-b+int8", "int8", "prune=a-b+int8-2"]);
    }
}
