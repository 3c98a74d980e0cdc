//! Arrays in numpy's own format ([NEP 1](https://numpy.org/neps/nep-0001-npy-format.html)).

use std::borrow::Cow;

use ndarray::Array2;

use crate::buffer::Buffer;
use crate::dtype::Dtype;
use crate::error::{Error, Result};
use crate::label::Label;
use crate::tensor::Tensor;

/// An array that was read. Its elements are little-endian.
pub(super) struct Npy {
    file: String,
    place: String,
    header: Header,
    data: Buffer,
}

struct Header {
    descr: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl Npy {
    pub(super) fn parse(file: &str, place: &str, bytes: Cow<'_, [u8]>) -> Result<Self> {
        let wrong = |expected: &str, found: &str| Error::skops(file, place, expected, found);
        let (version, rest) = match bytes.strip_prefix(b"\x93NUMPY") {
            Some([major @ 1..=3, _, rest @ ..]) => (*major, rest),
            _ => return Err(wrong("a .npy array of version 1, 2 or 3", "other bytes")),
        };
        let split = if version == 1 {
            rest.split_first_chunk().map(|(length, rest)| (u16::from_le_bytes(*length) as usize, rest))
        } else {
            rest.split_first_chunk().map(|(length, rest)| (u32::from_le_bytes(*length) as usize, rest))
        };
        let split = split.and_then(|(length, rest)| rest.split_at_checked(length));
        let Some((header, data)) = split else {
            return Err(wrong("a whole header", "the end of the member"));
        };
        let header = String::from_utf8_lossy(header);
        let parsed = Header::parse(&header);
        let parsed =
            parsed.ok_or_else(|| wrong("{'descr': …, 'fortran_order': …, 'shape': …}", header.trim()))?;
        let Some(size) = element_size(&parsed.descr) else {
            let expected = "little-endian floats, integers, booleans or strings (objects would be pickles)";
            return Err(wrong(expected, &parsed.descr));
        };
        let expected = parsed.shape.iter().try_fold(size, |size, &n| size.checked_mul(n));
        if expected != Some(data.len()) {
            let expected = expected.map_or("fewer elements".to_owned(), |n| format!("{n} bytes"));
            return Err(wrong(
                &format!("{expected} of {} {:?}", parsed.descr, parsed.shape),
                &data.len().to_string(),
            ));
        }
        let data = data.to_vec().into();
        Ok(Self { file: file.to_owned(), place: place.to_owned(), header: parsed, data })
    }

    /// A matrix of floats `[in, out]` as `[out, in]`. In Fortran order that is how it is stored.
    pub(super) fn transposed(self) -> Result<Tensor> {
        let dtype = self.float()?;
        let [input, out] = self.header.shape[..] else {
            return Err(self.wrong("[in, out]"));
        };
        let tensor = |shape: &[usize]| Tensor::try_new(dtype, shape, self.data.clone());
        if self.header.fortran_order {
            return tensor(&[out, input]);
        }
        let rows = tensor(&[input, out])?;
        let transpose = |bytes: &[u8], size: usize| -> Vec<u8> {
            let places = Array2::from_shape_fn((out, input), |(i, j)| (j * out + i) * size);
            places.iter().flat_map(|&at| bytes[at..at + size].iter().copied()).collect()
        };
        Tensor::try_new(dtype, &[out, input], transpose(rows.bytes(), dtype.size()).into())
    }

    /// A vector of floats.
    pub(super) fn vector(self) -> Result<Tensor> {
        match self.header.shape[..] {
            [length] => Tensor::try_new(self.float()?, &[length], self.data.clone()),
            _ => Err(self.wrong("[out]")),
        }
    }

    /// A vector of strings, integers or booleans.
    pub(super) fn labels(&self) -> Result<Vec<Label>> {
        let (Some(size), [_]) = (element_size(&self.header.descr), &self.header.shape[..]) else {
            return Err(self.wrong("[classes]"));
        };
        let label = |bytes: &[u8]| {
            self.label(bytes).ok_or_else(|| self.wrong("strings, 64-bit integers or booleans"))
        };
        self.data.chunks_exact(size).map(label).collect()
    }

    fn label(&self, bytes: &[u8]) -> Option<Label> {
        let kind = self.header.descr.as_bytes().get(1)?;
        Some(match (kind, bytes) {
            (b'U', units) => text(units)?.into(),
            (b'b', &[byte]) => (byte != 0).into(),
            (b'i', &[byte]) => i64::from(byte.cast_signed()).into(),
            (b'u', &[byte]) => i64::from(byte).into(),
            (b'i', &[a, b]) => i64::from(i16::from_le_bytes([a, b])).into(),
            (b'u', &[a, b]) => i64::from(u16::from_le_bytes([a, b])).into(),
            (b'i', &[a, b, c, d]) => i64::from(i32::from_le_bytes([a, b, c, d])).into(),
            (b'u', &[a, b, c, d]) => i64::from(u32::from_le_bytes([a, b, c, d])).into(),
            (b'i', bytes) => i64::from_le_bytes(bytes.try_into().ok()?).into(),
            (b'u', bytes) => i64::try_from(u64::from_le_bytes(bytes.try_into().ok()?)).ok()?.into(),
            _ => return None,
        })
    }

    fn float(&self) -> Result<Dtype> {
        match &*self.header.descr {
            "<f2" => Ok(Dtype::F16),
            "<f4" => Ok(Dtype::F32),
            "<f8" => Ok(Dtype::F64),
            _ => Err(self.wrong("floats")),
        }
    }

    fn wrong(&self, expected: &str) -> Error {
        let found = format!("{} {:?}", self.header.descr, self.header.shape);
        Error::skops(&self.file, &self.place, expected, &found)
    }
}

/// Bytes of an element of the types that are read; numpy's strings are UTF-32 of a fixed length.
fn element_size(descr: &str) -> Option<usize> {
    Some(match descr {
        "|b1" | "|i1" | "|u1" => 1,
        "<i2" | "<u2" | "<f2" => 2,
        "<i4" | "<u4" | "<f4" => 4,
        "<i8" | "<u8" | "<f8" => 8,
        _ => descr.strip_prefix("<U")?.parse::<usize>().ok().filter(|&length| length > 0)?.checked_mul(4)?,
    })
}

/// A string of a fixed length, filled up with zeros.
fn text(units: &[u8]) -> Option<String> {
    let units = units.as_chunks::<4>().0.iter().map(|unit| u32::from_le_bytes(*unit));
    let units: Vec<u32> = units.collect();
    let length = units.iter().rposition(|&unit| unit != 0).map_or(0, |last| last + 1);
    units[..length].iter().map(|&unit| char::from_u32(unit)).collect()
}

impl Header {
    /// A Python dictionary of three entries, as numpy writes it.
    fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        while !rest.is_empty() {
            let (key, value) = rest.strip_prefix('\'')?.split_once("':")?;
            let value = value.trim_start();
            let after = match key {
                "descr" => {
                    let (found, after) = value.strip_prefix('\'')?.split_once('\'')?;
                    descr = Some(found.to_owned());
                    after
                }
                "fortran_order" => {
                    let (found, after) = [(true, "True"), (false, "False")]
                        .iter()
                        .find_map(|(found, word)| Some((*found, value.strip_prefix(word)?)))?;
                    fortran_order = Some(found);
                    after
                }
                "shape" => {
                    let (found, after) = value.strip_prefix('(')?.split_once(')')?;
                    let lengths = found.split(',').map(str::trim).filter(|length| !length.is_empty());
                    shape = Some(lengths.map(|length| length.parse().ok()).collect::<Option<Vec<usize>>>()?);
                    after
                }
                _ => return None,
            };
            let after = after.trim_start();
            rest = match after.strip_prefix(',') {
                Some(after) => after.trim_start(),
                None if after.is_empty() => after,
                None => return None,
            };
        }
        Some(Self { descr: descr?, fortran_order: fortran_order?, shape: shape? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Option<(String, bool, Vec<usize>)> {
        Header::parse(text).map(|header| (header.descr, header.fortran_order, header.shape))
    }

    #[test]
    fn headers_as_numpy_writes_them() {
        let text = "{'descr': '<f4', 'fortran_order': True, 'shape': (64, 32), }      \n";
        assert_eq!(header(text), Some(("<f4".to_owned(), true, vec![64, 32])));
        let text = "{'descr': '<U19', 'fortran_order': False, 'shape': (3,), }\n";
        assert_eq!(header(text), Some(("<U19".to_owned(), false, vec![3])));
        let text = "{'shape': (), 'descr': '|b1', 'fortran_order': False}";
        assert_eq!(header(text), Some(("|b1".to_owned(), false, vec![])));
        for wrong in [
            "",
            "{}",
            "{'descr': '<f4', 'fortran_order': True}",
            "{'descr': [('a', '<f4')], 'fortran_order': True, 'shape': (1,)}",
            "{'descr': '<f4', 'fortran_order': 1, 'shape': (1,)}",
            "{'descr': '<f4', 'fortran_order': True, 'shape': (-1,)}",
            "{'descr': '<f4', 'fortran_order': True, 'shape': (1,), 'more': 1}",
            "{'descr': '<f4' 'fortran_order': True, 'shape': (1,)}",
        ] {
            assert_eq!(header(wrong), None, "{wrong}");
        }
    }

    /// What `numpy.save` makes of `[[1, 2, 3], [4, 5, 6]]` in both orders.
    #[test]
    fn both_orders_are_transposed() {
        for (order, values) in
            [("False", [1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0]), ("True", [1.0, 4.0, 2.0, 5.0, 3.0, 6.0])]
        {
            let header = format!("{{'descr': '<f4', 'fortran_order': {order}, 'shape': (2, 3), }}\n");
            let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
            bytes.extend((header.len() as u16).to_le_bytes());
            bytes.extend(header.bytes());
            bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            let tensor = Npy::parse("f", "m", bytes.into()).unwrap().transposed().unwrap();
            let expected = ndarray::array![[1.0f32, 4.0], [2.0, 5.0], [3.0, 6.0]].into_dyn();
            assert_eq!(tensor.to_f32().unwrap(), expected, "{order}");
        }
    }
}
