//! What operators make that run along axes: sums, maxima, where the maximum is.

use super::axes::index;
use super::{Call, Refusal, Result, expected};
use crate::value::{Axis, ElementType, Type};

impl Call<'_> {
    pub(super) fn reduce(&self, of_integers: bool) -> Result<Type> {
        let what = "numbers, and the axes, int64 [n], that the input has";
        let ([input] | [input, _]) = self.inputs else { return expected(what) };
        if !(input.is.element.is_float() || of_integers && input.is.element.is_index()) {
            return expected(what);
        }
        let keep = self.int("keepdims").unwrap_or(1) != 0;
        let Some(axes) = &input.is.axes else { return Ok(Type::new(input.is.element, None)) };
        let reduced = self.axes_at(1, axes.len(), what)?;
        let result = match reduced {
            None if keep => Some(vec![Axis::Unknown; axes.len()]),
            None => None,
            Some(reduced) => {
                let is_reduced = |i: usize| reduced.is_empty() || reduced.contains(&i);
                let axis = |(i, axis): (usize, &Axis)| match is_reduced(i) {
                    false => Some(axis.clone()),
                    true => keep.then_some(Axis::Length(1)),
                };
                Some(axes.iter().enumerate().filter_map(axis).collect())
            }
        };
        Ok(Type::new(input.is.element, result))
    }

    pub(super) fn arg(&self) -> Result<Type> {
        let what = "numbers, and an `axis` they have";
        let [input] = self.take(what)?;
        let Some(mut axes) = input.axes.clone() else { return Ok(Type::new(ElementType::I64, None)) };
        let at =
            index(self.int("axis").unwrap_or(0), axes.len()).filter(|_| input.element != ElementType::Bool);
        let at = at.ok_or(Refusal::Expected(what))?;
        if self.int("keepdims").unwrap_or(1) != 0 {
            axes[at] = Axis::Length(1)
        } else {
            drop(axes.remove(at))
        }
        Ok(Type::new(ElementType::I64, axes))
    }

    pub(super) fn cum_sum(&self) -> Result<Type> {
        let what = "numbers, and an axis, int32 or int64, without an axis of its own";
        let [input, axis] = self.take(what)?;
        let is_scalar = axis.axes.as_ref().is_none_or(Vec::is_empty);
        let is_number = input.element.is_float() || input.element.is_index();
        let axis_is = self.inputs[1].ints.and_then(|ints| ints.first());
        let has =
            |axes: &Vec<Axis>| axis_is.map_or(!axes.is_empty(), |&axis| index(axis, axes.len()).is_some());
        if !axis.element.is_index() || !is_scalar || !is_number || !input.axes.as_ref().is_none_or(has) {
            return expected(what);
        }
        Ok(input.clone())
    }
}
