//! Which kernels a machine can run.

use std::fmt;

#[cfg(target_arch = "x86_64")]
use super::x86_64::{Avx2, Avx512};

/// An instruction set that kernels are written for *and* this machine has: no other value can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(pub(super) Set);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Set {
    /// What the target has in any case.
    Scalar,
    /// AVX2 and F16C.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// AVX-512 F and BW.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Isa {
    /// All that this machine has, narrowest first.
    pub fn all() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let wider = [Avx2::detect().map(Set::Avx2), Avx512::detect().map(Set::Avx512)];
        #[cfg(not(target_arch = "x86_64"))]
        let wider: [Option<Set>; 0] = [];
        std::iter::once(Set::Scalar).chain(wider.into_iter().flatten()).map(Self)
    }

    /// The widest that this machine has. `std` asks the processor once in a process and remembers the answer.
    #[must_use]
    pub fn best() -> Self {
        Self::all().last().unwrap_or(Self(Set::Scalar))
    }
}

/// `scalar`, `avx2`, `avx512`.
impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Set::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(_) => "avx512",
        })
    }
}
