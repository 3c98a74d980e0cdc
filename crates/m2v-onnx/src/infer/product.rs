//! What products of matrices make.

use super::axes::{broadcast, clash};
use super::{Call, Operand, Refusal, Result, expected};
use crate::value::{Axis, Type};

impl Call<'_> {
    pub(super) fn mat_mul(&self) -> Result<Type> {
        let what = "two inputs of one float type, [.., n, k] and [.., k, m]";
        let [one, two] = self.take(what)?;
        if one.element != two.element || !one.element.is_float() {
            return expected(what);
        }
        let (Some(left), Some(right)) = (&one.axes, &two.axes) else {
            return Ok(Type::new(one.element, None));
        };
        // A vector gets an axis of length 1, which the result loses again.
        let (rows, inner) = match left.as_slice() {
            [] => return expected(what),
            [inner] => (None, inner),
            [.., rows, inner] => (Some(rows.clone()), inner),
        };
        let (other, columns) = match right.as_slice() {
            [] => return expected(what),
            [other] => (other, None),
            [.., other, columns] => (other, Some(columns.clone())),
        };
        if clash(inner, other) {
            return expected(what);
        }
        let outer = |axes: &[Axis]| axes[..axes.len().saturating_sub(2)].to_vec();
        let axes =
            broadcast(Some(&outer(left)), Some(&outer(right))).map_err(|()| Refusal::Expected(what))?;
        let axes = axes.map(|axes| axes.into_iter().chain(rows).chain(columns).collect::<Vec<_>>());
        Ok(Type::new(one.element, axes))
    }

    pub(super) fn gemm(&self) -> Result<Type> {
        let what = "two or three inputs of one float type: [n, k], [k, m], and what broadcasts to [n, m]";
        let ([one, two] | [one, two, _]) = self.inputs else { return expected(what) };
        let element = one.is.element;
        if !element.is_float() || self.inputs.iter().any(|input| input.is.element != element) {
            return expected(what);
        }
        let matrix = |operand: &Operand<'_>, transposed: &str| match operand.is.axes.as_deref() {
            None => Ok([Axis::Unknown, Axis::Unknown]),
            Some([rows, columns]) if self.int(transposed).unwrap_or(0) == 0 => {
                Ok([rows.clone(), columns.clone()])
            }
            Some([rows, columns]) => Ok([columns.clone(), rows.clone()]),
            Some(_) => expected(what),
        };
        let ([rows, inner], [other, columns]) = (matrix(one, "transA")?, matrix(two, "transB")?);
        if clash(&inner, &other) {
            return expected(what);
        }
        let axes = vec![rows, columns];
        if let Some(Some(bias)) = self.inputs.get(2).map(|bias| &bias.is.axes) {
            let sum = broadcast(Some(&axes), Some(bias)).map_err(|()| Refusal::Expected(what))?;
            let grows =
                |sum: &[Axis]| sum.len() != 2 || sum.iter().zip(&axes).any(|(sum, axis)| clash(sum, axis));
            if sum.as_deref().is_some_and(grows) {
                return expected(what);
            }
        }
        Ok(Type::new(element, axes))
    }
}
