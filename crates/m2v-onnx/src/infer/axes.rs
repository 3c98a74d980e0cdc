//! Axes: counting, comparing and broadcasting them.

use super::{Result, expected};
use crate::value::{Axis, ElementType, Type};

/// The length of a vector of int64, if known.
pub(super) fn vector(shape: &Type, what: &'static str) -> Result<Option<usize>> {
    match (shape.element, shape.axes.as_deref()) {
        (ElementType::I64, None) => Ok(None),
        (ElementType::I64, Some([Axis::Length(length)])) => Ok(Some(*length)),
        (ElementType::I64, Some([_])) => Ok(None),
        _ => expected(what),
    }
}

/// The number of elements, if all lengths are known, and there are not more than a `usize` counts.
pub(super) fn count(axes: &[Axis]) -> Option<usize> {
    axes.iter().try_fold(1_usize, |count, axis| match axis {
        Axis::Length(length) => count.checked_mul(*length),
        _ => None,
    })
}

/// An axis that may count from the end.
pub(super) fn index(axis: i64, rank: usize) -> Option<usize> {
    let axis = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(axis).ok().filter(|&axis| axis < rank)
}

/// Whether two axes are known to be of different lengths.
pub(super) fn clash(one: &Axis, two: &Axis) -> bool {
    matches!((one, two), (Axis::Length(one), Axis::Length(two)) if one != two)
}

/// Numpy's rule. `None` is of any rank, and so is what it broadcasts to.
pub(super) fn broadcast(one: Option<&[Axis]>, two: Option<&[Axis]>) -> Result<Option<Vec<Axis>>, ()> {
    let (Some(one), Some(two)) = (one, two) else { return Ok(None) };
    let (long, short) = if one.len() >= two.len() { (one, two) } else { (two, one) };
    let mut axes = long.to_vec();
    for (axis, other) in axes.iter_mut().rev().zip(short.iter().rev()) {
        *axis = match (&*axis, other) {
            (one, two) if one == two => one.clone(),
            (Axis::Length(1), other) | (other, Axis::Length(1)) => other.clone(),
            (Axis::Length(_), Axis::Length(_)) => return Err(()),
            (Axis::Length(length), _) | (_, Axis::Length(length)) => Axis::Length(*length),
            _ => Axis::Unknown,
        };
    }
    Ok(Some(axes))
}

#[cfg(test)]
mod tests {
    use super::count;
    use crate::value::Axis;

    #[test]
    fn elements_are_counted_if_that_many_can_be() {
        let axes = |lengths: &[usize]| lengths.iter().copied().map(Axis::Length).collect::<Vec<_>>();
        assert_eq!(count(&axes(&[])), Some(1));
        assert_eq!(count(&axes(&[2, 3])), Some(6));
        assert_eq!(count(&axes(&[usize::MAX, 2])), None);
        assert_eq!(count(&[Axis::Length(2), Axis::Unknown]), None);
    }
}
