//! What operators make that give the same elements other axes, or the axes themselves.

use super::axes::{broadcast, count, vector};
use super::{Call, Refusal, Result, expected};
use crate::graph::Attribute;
use crate::value::{Axis, ElementType, Type};

impl Call<'_> {
    pub(super) fn unsqueeze(&self) -> Result<Type> {
        let what = "an input, and the new axes, int64 [n], all different";
        let [input, new] = self.inputs else { return expected(what) };
        let Some(old) = &input.is.axes else { return Ok(Type::new(input.is.element, None)) };
        let rank = old.len() + new.ints.map_or(0, <[i64]>::len);
        let Some(new) = self.axes_at(1, rank, what)? else { return Ok(Type::new(input.is.element, None)) };
        let mut old = old.iter().cloned();
        let axis = |i| if new.contains(&i) { Some(Axis::Length(1)) } else { old.next() };
        Ok(Type::new(input.is.element, (0..rank).filter_map(axis).collect::<Vec<_>>()))
    }

    pub(super) fn squeeze(&self) -> Result<Type> {
        let what = "an input, and axes of length 1 that it has, int64 [n]";
        let [input, _] = self.inputs else { return expected(what) };
        let Some(old) = &input.is.axes else { return Ok(Type::new(input.is.element, None)) };
        let Some(gone) = self.axes_at(1, old.len(), what)? else {
            return Ok(Type::new(input.is.element, None));
        };
        if gone.iter().any(|&i| matches!(old[i], Axis::Length(length) if length != 1)) {
            return expected(what);
        }
        let kept = old.iter().enumerate().filter(|(i, _)| !gone.contains(i)).map(|(_, axis)| axis.clone());
        Ok(Type::new(input.is.element, kept.collect::<Vec<_>>()))
    }

    pub(super) fn reshape(&self) -> Result<Type> {
        let what = "data, and a shape, int64 [n], of as many elements, with at most one −1";
        let [data, shape] = self.inputs else { return expected(what) };
        let rank = vector(shape.is, what)?;
        let Some(ints) = shape.ints else {
            return Ok(Type::new(data.is.element, rank.map(|rank| vec![Axis::Unknown; rank])));
        };
        if ints.iter().filter(|&&n| n == -1).count() > 1 || ints.iter().any(|&n| n < -1) {
            return expected(what);
        }
        let mut axes = Vec::new();
        for (i, &n) in ints.iter().enumerate() {
            axes.push(match (n, &data.is.axes) {
                (0, Some(old)) => old.get(i).cloned().ok_or(Refusal::Expected(what))?,
                (0 | -1, _) => Axis::Unknown,
                _ => Axis::Length(n as usize),
            });
        }
        if let (Some(old), Some(new)) = (data.is.axes.as_deref().and_then(count), count(&axes))
            && old != new
        {
            return expected(what);
        }
        Ok(Type::new(data.is.element, axes))
    }

    pub(super) fn expand(&self) -> Result<Type> {
        let what = "data, and a shape, int64 [n], that it broadcasts with";
        let [data, shape] = self.inputs else { return expected(what) };
        let rank = vector(shape.is, what)?;
        let to = match shape.ints {
            Some(ints) => Some(ints.iter().map(|&n| Axis::Length(n.max(0) as usize)).collect::<Vec<_>>()),
            None => rank.map(|rank| vec![Axis::Unknown; rank]),
        };
        let axes = broadcast(data.is.axes.as_deref(), to.as_deref());
        Ok(Type::new(data.is.element, axes.map_err(|()| Refusal::Expected(what))?))
    }

    pub(super) fn transpose(&self) -> Result<Type> {
        let what = "data, and each of its axes once in `perm`";
        let [data] = self.take(what)?;
        let Some(axes) = &data.axes else { return Ok(data.clone()) };
        let order = self.attributes.iter().find_map(|(name, value)| match value {
            Attribute::Ints(order) if *name == "perm" => Some(order.clone()),
            _ => None,
        });
        let order = order.unwrap_or_else(|| (0..axes.len() as i64).rev().collect());
        let order: Vec<_> = order.iter().filter_map(|&axis| usize::try_from(axis).ok()).collect();
        if order.len() != axes.len() || (0..axes.len()).any(|axis| !order.contains(&axis)) {
            return expected(what);
        }
        Ok(Type::new(data.element, order.iter().map(|&axis| axes[axis].clone()).collect::<Vec<_>>()))
    }

    pub(super) fn shape(&self) -> Result<Type> {
        let [input] = self.take("one input")?;
        let length = input.axes.as_ref().map(|axes| {
            let rank = axes.len() as i64;
            let at = |axis: i64| if axis < 0 { (axis + rank).max(0) } else { axis.min(rank) };
            let (start, end) = (at(self.int("start").unwrap_or(0)), at(self.int("end").unwrap_or(rank)));
            Axis::Length(usize::try_from(end - start).unwrap_or(0))
        });
        Ok(Type::new(ElementType::I64, vec![length.unwrap_or(Axis::Unknown)]))
    }
}
