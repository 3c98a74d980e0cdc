//! A typed, shaped view of shared bytes.

use bytemuck::PodCastError;
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use ndarray::{ArrayBase, ArrayD, ArrayViewD, CowArray, Data, Dimension, IxDyn};

use crate::buffer::Buffer;
use crate::dtype::{Dtype, Element};
use crate::error::{Error, Result, describe};

/// A dense row-major tensor over shared bytes. It keeps the dtype and the bytes it was given.
///
/// The bytes may start anywhere: a file baked into a binary is aligned to 1, and rows of a mapped file start
/// where its header ends. [`Tensor::try_view`] borrows when the address allows it, [`Tensor::to_array`] always
/// works.
///
/// ```
/// use m2v_core::{Buffer, Dtype, Tensor};
///
/// let tensor = Tensor::try_new(Dtype::I8, &[2, 2], Buffer::from(vec![1, 2, 3, 255]))?;
/// assert_eq!(tensor.to_f32()?, ndarray::array![[1.0, 2.0], [3.0, -1.0]].into_dyn());
/// # Ok::<(), m2v_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Buffer,
}

/// Elements, seen as their bytes.
struct Elements<T>(Vec<T>);

impl<T: Element> AsRef<[u8]> for Elements<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

/// Why a tensor cannot be borrowed as an array of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// The tensor holds another type.
    #[error("the tensor holds {found}, not {expected}")]
    Dtype {
        /// The type asked for.
        expected: Dtype,
        /// The type it holds.
        found: Dtype,
    },
    /// The bytes do not start at a multiple of the type's alignment.
    #[error("the tensor's bytes are not aligned for {0}")]
    Misaligned(Dtype),
}

impl Tensor {
    /// A tensor of `shape` over little-endian `bytes`.
    ///
    /// # Errors
    /// [`Error::Tensor`] if the shape overflows or does not take exactly `bytes.len()` bytes.
    pub fn try_new(dtype: Dtype, shape: &[usize], bytes: Buffer) -> Result<Self> {
        // Without its zeros a shape has to be countable too, or no array can have it.
        let countable = shape
            .iter()
            .filter(|&&n| n > 0)
            .try_fold(dtype.size(), |size, &n| size.checked_mul(n))
            .filter(|&size| isize::try_from(size).is_ok());
        let expected = countable.map(|size| if shape.contains(&0) { 0 } else { size });
        if expected == Some(bytes.len()) {
            return Ok(Self { dtype, shape: shape.to_vec(), bytes });
        }
        let expected = expected.map_or("fewer elements".to_owned(), |n| format!("{n} bytes"));
        Err(Error::tensor(describe(dtype, shape), expected, format!("{} bytes", bytes.len())))
    }

    /// A tensor of `shape` that takes its elements over, in row-major order; nothing is copied.
    ///
    /// ```
    /// use m2v_core::Tensor;
    ///
    /// let tensor = Tensor::from_vec(&[2, 2], vec![1.0f32, 2.0, 3.0, 4.0])?;
    /// assert_eq!(tensor.try_view::<f32>()?, ndarray::array![[1.0, 2.0], [3.0, 4.0]].into_dyn());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Tensor`] if the shape is that of another number of elements.
    pub fn from_vec<T: Element>(shape: &[usize], elements: Vec<T>) -> Result<Self> {
        Self::try_new(T::DTYPE, shape, Buffer::from_owner(Elements(elements)))
    }

    /// Copies an array.
    #[must_use]
    pub fn from_array<T: Element, S: Data<Elem = T>, D: Dimension>(array: &ArrayBase<S, D>) -> Self {
        let elements: Vec<T> = array.iter().copied().collect();
        let bytes = Buffer::from_owner(Elements(elements));
        Self { dtype: T::DTYPE, shape: array.shape().to_vec(), bytes }
    }

    /// The element type.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The length of each axis.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements, little-endian, row-major.
    #[must_use]
    pub fn bytes(&self) -> &Buffer {
        &self.bytes
    }

    /// The number of elements.
    #[must_use]
    pub fn element_count(&self) -> usize {
        self.bytes.len() / self.dtype.size()
    }

    /// Borrows the elements as an array.
    ///
    /// # Errors
    /// [`ViewError::Dtype`] if the tensor holds another type, [`ViewError::Misaligned`] if its bytes start
    /// where a `T` may not.
    pub fn try_view<T: Element>(&self) -> Result<ArrayViewD<'_, T>, ViewError> {
        self.expect_dtype::<T>()?;
        match bytemuck::try_cast_slice(&self.bytes) {
            Ok(values) => Ok(self.view_of(values)),
            Err(PodCastError::OutputSliceWouldHaveSlop) if self.bytes.is_empty() => Ok(self.view_of(&[])),
            Err(_) => Err(ViewError::Misaligned(self.dtype)),
        }
    }

    /// The elements as an array: borrowed when the alignment allows it, else copied.
    ///
    /// # Errors
    /// [`ViewError::Dtype`] if the tensor holds another type.
    pub fn to_array<T: Element>(&self) -> Result<CowArray<'_, T, IxDyn>, ViewError> {
        match self.try_view() {
            Ok(view) => Ok(view.into()),
            Err(ViewError::Misaligned(_)) => {
                Ok(self.array_of(bytemuck::allocation::pod_collect_to_vec(&self.bytes)).into())
            }
            Err(error) => Err(error),
        }
    }

    /// The elements as f32: borrowed when they are, else converted with one rounding to nearest even.
    ///
    /// # Errors
    /// [`Error::Tensor`] if the elements are neither floats nor int8.
    pub fn to_f32(&self) -> Result<CowArray<'_, f32, IxDyn>> {
        let wrong = |_| Error::tensor(describe(self.dtype, &self.shape), "floats or int8", self.dtype.name());
        Ok(match self.dtype {
            Dtype::F32 => self.to_array().map_err(wrong)?,
            Dtype::F64 => self.to_array::<f64>().map_err(wrong)?.mapv(|x| x as f32).into(),
            Dtype::I8 => self.to_array::<i8>().map_err(wrong)?.mapv(f32::from).into(),
            Dtype::F16 => {
                let mut values = vec![0.0; self.element_count()];
                let halves: Vec<f16> = bytemuck::allocation::pod_collect_to_vec(&self.bytes);
                halves.convert_to_f32_slice(&mut values);
                self.array_of(values).into()
            }
            Dtype::BF16 => self.to_array::<bf16>().map_err(wrong)?.mapv(bf16::to_f32).into(),
            Dtype::I32 | Dtype::I64 => {
                return Err(Error::tensor(
                    describe(self.dtype, &self.shape),
                    "floats or int8",
                    self.dtype.name(),
                ));
            }
        })
    }

    fn expect_dtype<T: Element>(&self) -> Result<(), ViewError> {
        if self.dtype == T::DTYPE {
            return Ok(());
        }
        Err(ViewError::Dtype { expected: T::DTYPE, found: self.dtype })
    }

    // The constructor checked that the shape takes exactly these elements, so neither call below can fail.
    #[expect(clippy::expect_used, reason = "checked by try_new")]
    fn view_of<'a, T>(&self, values: &'a [T]) -> ArrayViewD<'a, T> {
        ArrayViewD::from_shape(IxDyn(&self.shape), values).expect("shape checked when made")
    }

    #[expect(clippy::expect_used, reason = "checked by try_new")]
    fn array_of<T>(&self, values: Vec<T>) -> ArrayD<T> {
        ArrayD::from_shape_vec(IxDyn(&self.shape), values).expect("shape checked when made")
    }
}
