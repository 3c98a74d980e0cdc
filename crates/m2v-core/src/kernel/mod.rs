//! The hot loop: adding rows of a table.

mod block;
mod finish;
mod isa;
mod scalar;
mod widen;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub(crate) use block::{Block, Job, Rows};
pub use isa::Isa;

use half::{bf16, f16};

use crate::dtype::Dtype;
use isa::Set;
use scalar::Scalar;
use widen::Widen;

/// Pools a block of texts: `job.out` gets the mean of each, divided by its length if `job.normalize`.
///
/// Every id of the block has to be below the number of ids the table covers.
///
/// # Panics
/// If an id is not. The kernels check each row they read, so that a wrong id costs no more than a panic.
pub(crate) fn pool(isa: Isa, job: Job<'_>) {
    match isa.0 {
        Set::Scalar => run(Scalar, job),
        #[cfg(target_arch = "x86_64")]
        Set::Avx2(avx2) if job.block.rows.dim >= x86_64::Avx2::NARROWEST => run(avx2, job),
        #[cfg(target_arch = "x86_64")]
        Set::Avx2(_) => run(Scalar, job),
        #[cfg(target_arch = "x86_64")]
        Set::Avx512(avx512) if job.block.rows.dim >= x86_64::Avx512::NARROWEST => run(avx512, job),
        #[cfg(target_arch = "x86_64")]
        Set::Avx512(avx512) => pool(Isa(Set::Avx2(avx512.avx2())), job),
    }
}

/// The kernels of an instruction set.
trait Kernels {
    /// Pools a block of a table of `E`, with (`WEIGHTED`) or without weights.
    fn pool<E: Widen, const WEIGHTED: bool>(self, job: Job<'_>);
}

fn run(kernels: impl Kernels, job: Job<'_>) {
    let Rows { dtype, weights, .. } = job.block.rows;
    match (dtype, weights.is_some()) {
        (Dtype::F32, false) => kernels.pool::<f32, false>(job),
        (Dtype::F32, true) => kernels.pool::<f32, true>(job),
        (Dtype::F16, false) => kernels.pool::<f16, false>(job),
        (Dtype::F16, true) => kernels.pool::<f16, true>(job),
        (Dtype::BF16, false) => kernels.pool::<bf16, false>(job),
        (Dtype::BF16, true) => kernels.pool::<bf16, true>(job),
        (Dtype::I8, false) => kernels.pool::<i8, false>(job),
        (Dtype::I8, true) => kernels.pool::<i8, true>(job),
        // Nobody ships tables of doubles; what the compiler makes of them is good enough.
        (Dtype::F64, false) => Scalar.pool::<f64, false>(job),
        (Dtype::F64, true) => Scalar.pool::<f64, true>(job),
        // `EmbeddingTable::try_new` lets no other type through.
        (Dtype::I32 | Dtype::I64, _) => debug_assert!(false, "{dtype} is not the type of a table"),
    }
}
