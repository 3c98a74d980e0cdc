//! What operators make that work on each element, in shapes that broadcast.

use super::axes::index;
use super::{Call, Refusal, Result, expected};
use crate::value::{ElementType, Type};

impl Call<'_> {
    /// Inputs of one numeric type that broadcast.
    pub(super) fn arithmetic(&self, most: usize) -> Result<Type> {
        let what = "numbers of one type, in shapes that broadcast";
        let (Some(first), true) = (self.inputs.first(), self.inputs.len() <= most) else {
            return expected("other inputs");
        };
        if most == 2 && self.inputs.len() != 2 {
            return expected("two inputs");
        }
        let element = first.is.element;
        if element == ElementType::Bool || self.inputs.iter().any(|input| input.is.element != element) {
            return expected(what);
        }
        Ok(Type::new(element, self.broadcast(what)?))
    }

    pub(super) fn comparison(&self) -> Result<Type> {
        let what = "two inputs of one type, in shapes that broadcast";
        let [one, two] = self.take(what)?;
        if one.element != two.element {
            return expected(what);
        }
        Ok(Type::new(ElementType::Bool, self.broadcast(what)?))
    }

    pub(super) fn logic(&self, count: usize) -> Result<Type> {
        let what = "bools, in shapes that broadcast";
        let is_bool = self.inputs.iter().all(|input| input.is.element == ElementType::Bool);
        if self.inputs.len() != count || !is_bool {
            return expected(what);
        }
        Ok(Type::new(ElementType::Bool, self.broadcast(what)?))
    }

    pub(super) fn choice(&self) -> Result<Type> {
        let what = "bools and two inputs of one type, in shapes that broadcast";
        let [condition, one, two] = self.take(what)?;
        if condition.element != ElementType::Bool || one.element != two.element {
            return expected(what);
        }
        Ok(Type::new(one.element, self.broadcast(what)?))
    }

    pub(super) fn unary(&self, takes: impl Fn(ElementType) -> bool, what: &'static str) -> Result<Type> {
        let [input] = self.take(what)?;
        if !takes(input.element) {
            return expected(what);
        }
        Ok(input.clone())
    }

    pub(super) fn softmax(&self) -> Result<Type> {
        let what = "one float input that has the `axis`";
        let input = self.unary(ElementType::is_float, what)?;
        let axis = self.int("axis").unwrap_or(-1);
        let has = input.axes.as_ref().is_none_or(|axes| index(axis, axes.len()).is_some());
        if has { Ok(input) } else { expected(what) }
    }

    pub(super) fn cast(&self) -> Result<Type> {
        let [input] = self.take("one input")?;
        let to = self.int("to").and_then(ElementType::from_code);
        let to = to.ok_or(Refusal::Expected("the attribute `to`, an element type"))?;
        Ok(Type::new(to, input.axes.clone()))
    }
}
