//! What operators make that pick elements, join them, or make new ones.

use super::axes::{clash, index};
use super::{Call, Refusal, Result, expected};
use crate::value::{Axis, ElementType, Type};

impl Call<'_> {
    pub(super) fn gather(&self) -> Result<Type> {
        let what = "data that has the `axis`, and indices, int32 or int64";
        let [data, indices] = self.take(what)?;
        if !indices.element.is_index() {
            return expected(what);
        }
        let (Some(axes), Some(indices)) = (&data.axes, &indices.axes) else {
            return Ok(Type::new(data.element, None));
        };
        let at = index(self.int("axis").unwrap_or(0), axes.len()).ok_or(Refusal::Expected(what))?;
        if let (Axis::Length(length), Some(ints)) = (&axes[at], self.inputs[1].ints)
            && ints.iter().any(|&i| index(i, *length).is_none())
        {
            return expected("indices that the axis has");
        }
        let axes = axes[..at].iter().chain(indices).chain(&axes[at + 1..]).cloned();
        Ok(Type::new(data.element, axes.collect::<Vec<_>>()))
    }

    pub(super) fn slice(&self) -> Result<Type> {
        let what = "data, starts, ends, axes that it has and perhaps steps, int64 [n]";
        let (Some(data), 4..=5) = (self.inputs.first(), self.inputs.len()) else { return expected(what) };
        if self.inputs[1..].iter().any(|input| !input.is.element.is_index()) {
            return expected(what);
        }
        let Some(axes) = &data.is.axes else { return Ok(Type::new(data.is.element, None)) };
        let sliced = self.axes_at(3, axes.len(), what)?;
        let is_sliced = |i: usize| sliced.as_ref().is_none_or(|sliced| sliced.contains(&i));
        let axis = |(i, axis): (usize, &Axis)| if is_sliced(i) { Axis::Unknown } else { axis.clone() };
        Ok(Type::new(data.is.element, axes.iter().enumerate().map(axis).collect::<Vec<_>>()))
    }

    pub(super) fn concat(&self) -> Result<Type> {
        let what =
            "inputs of one type and rank, which has the `axis`, and of the same lengths along the others";
        let Some(first) = self.inputs.first() else { return expected(what) };
        let mut result = first.is.clone();
        let axis = self.int("axis").ok_or(Refusal::Expected("the attribute `axis`"))?;
        for input in &self.inputs[1..] {
            if input.is.element != result.element {
                return expected(what);
            }
            let (Some(axes), Some(more)) = (&mut result.axes, &input.is.axes) else {
                result.axes = None;
                continue;
            };
            let at = index(axis, axes.len()).filter(|_| axes.len() == more.len());
            let at = at.ok_or(Refusal::Expected(what))?;
            for (i, (axis, more)) in axes.iter_mut().zip(more).enumerate() {
                match (&*axis, more) {
                    (Axis::Length(one), Axis::Length(two)) if i == at => {
                        *axis = Axis::Length(one.checked_add(*two).ok_or(Refusal::Expected(what))?);
                    }
                    _ if i == at => *axis = Axis::Unknown,
                    (Axis::Length(one), Axis::Length(two)) if one != two => return expected(what),
                    (Axis::Length(_), _) => {}
                    _ => *axis = more.clone(),
                }
            }
        }
        let fits = result.axes.as_ref().is_none_or(|axes| index(axis, axes.len()).is_some());
        if fits { Ok(result) } else { expected(what) }
    }

    pub(super) fn non_zero(&self) -> Result<Type> {
        let [input] = self.take("one input")?;
        let rank = input.axes.as_ref().map_or(Axis::Unknown, |axes| Axis::Length(axes.len()));
        Ok(Type::new(ElementType::I64, vec![rank, Axis::Unknown]))
    }

    pub(super) fn range(&self) -> Result<Type> {
        let what = "start, end and step of one type of numbers, none of which has an axis";
        let [start, end, step] = self.take(what)?;
        let is_scalar = |input: &Type| input.axes.as_ref().is_none_or(Vec::is_empty);
        let same = start.element == end.element && end.element == step.element;
        if !same || start.element == ElementType::Bool || ![start, end, step].into_iter().all(is_scalar) {
            return expected(what);
        }
        Ok(Type::new(start.element, vec![Axis::Unknown]))
    }

    pub(super) fn one_hot(&self) -> Result<Type> {
        let what = "indices, their number, one number or a vector of one, and two values [2]";
        let [indices, depth, values] = self.take(what)?;
        let one = |axes: &Vec<Axis>| axes.is_empty() || axes.len() == 1 && !clash(&axes[0], &Axis::Length(1));
        let two = |axes: &Vec<Axis>| axes.len() == 1 && !clash(&axes[0], &Axis::Length(2));
        let fits = indices.element.is_index()
            && depth.element.is_index()
            && depth.axes.as_ref().is_none_or(one)
            && values.axes.as_ref().is_none_or(two);
        if !fits {
            return expected(what);
        }
        let Some(mut axes) = indices.axes.clone() else { return Ok(Type::new(values.element, None)) };
        let at = index(self.int("axis").unwrap_or(-1), axes.len() + 1).ok_or(Refusal::Expected(what))?;
        axes.insert(at, Axis::Unknown);
        Ok(Type::new(values.element, axes))
    }
}
