//! Lines of JSON, made in parallel and written in order.

use m2v_infer::tokenize::TokenNames;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};

use crate::output::Output;
use crate::stop::Stop;

/// Writes one line for each item, in the items' order. Printing numbers takes longer than making most of them,
/// so lines are made in parallel.
pub(crate) struct Lines {
    output: Output,
    /// One for each block of items, used again for the next items.
    buffers: Vec<Vec<u8>>,
}

impl Lines {
    pub(crate) fn new(output: Output) -> Self {
        Self { output, buffers: Vec::new() }
    }

    /// Calls `line` with the index of each item, to append its line without the line end.
    pub(crate) fn write(
        &mut self,
        items: usize,
        line: impl Fn(usize, &mut Vec<u8>) -> Result<(), Stop> + Sync,
    ) -> Result<(), Stop> {
        let block = items.div_ceil(4 * rayon::current_num_threads()).clamp(1, 64);
        let blocks = items.div_ceil(block);
        if self.buffers.len() < blocks {
            self.buffers.resize_with(blocks, Vec::new);
        }
        let fill = |(i, buffer): (usize, &mut Vec<u8>)| {
            buffer.clear();
            for item in i * block..items.min((i + 1) * block) {
                line(item, buffer)?;
                buffer.push(b'\n');
            }
            Ok(())
        };
        // Not `try_for_each`: of several errors the first text's is the one to report, in every run.
        let results: Vec<_> = self.buffers[..blocks].par_iter_mut().enumerate().map(fill).collect();
        results.into_iter().collect::<Result<(), Stop>>()?;
        self.buffers[..blocks].iter().try_for_each(|buffer| self.output.write(buffer))
    }

    pub(crate) fn finish(self) -> Result<(), Stop> {
        self.output.finish()
    }
}

/// Appends `[0.25,-1.0,…]`: of each number the fewest digits that are the same f32 again. `Err` gives a number
/// that JSON has no way to write.
pub(crate) fn push_vector(buffer: &mut Vec<u8>, vector: &[f32]) -> Result<(), f32> {
    if let Some(&value) = vector.iter().find(|value| !value.is_finite()) {
        return Err(value);
    }
    push_json(buffer, vector);
    Ok(())
}

/// Appends `[1,2,…]`.
pub(crate) fn push_ids(buffer: &mut Vec<u8>, ids: &[u32]) {
    push_json(buffer, ids);
}

/// Appends `["one","two",…]`, with `null` for an id that has no token.
pub(crate) fn push_tokens(buffer: &mut Vec<u8>, ids: &[u32], names: &TokenNames) {
    let tokens: Vec<_> = ids.iter().map(|id| names.id_to_token(*id)).collect();
    push_json(buffer, &tokens);
}

fn push_json<T: serde::Serialize + ?Sized>(buffer: &mut Vec<u8>, value: &T) {
    let result = serde_json::to_writer(buffer, value);
    debug_assert!(result.is_ok(), "numbers and strings always serialise, and a Vec takes any bytes");
}

#[cfg(test)]
mod tests {
    use super::push_vector;

    #[test]
    fn numbers_are_the_shortest_that_come_back() {
        let numbers = [0.1, -0.0, 1.0, f32::MIN_POSITIVE, f32::MAX, 1.0e-45, 16_777_216.0, 0.300_000_04];
        let mut buffer = Vec::new();
        push_vector(&mut buffer, &numbers).unwrap();
        let text = String::from_utf8(buffer).unwrap();
        assert!(text.starts_with("[0.1,-0.0,1.0,"), "{text}");
        let back: Vec<f32> =
            text[1..text.len() - 1].split(',').map(|number| number.parse().unwrap()).collect();
        assert_eq!(back.map_bits(), numbers.to_vec().map_bits());
        assert!(push_vector(&mut Vec::new(), &[1.0, f32::INFINITY]).unwrap_err().is_infinite());
    }

    trait MapBits {
        fn map_bits(self) -> Vec<u32>;
    }

    impl MapBits for Vec<f32> {
        fn map_bits(self) -> Vec<u32> {
            self.into_iter().map(f32::to_bits).collect()
        }
    }
}
