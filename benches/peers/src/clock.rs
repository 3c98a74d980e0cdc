//! What a piece of work costs: processor time of the whole process, and time on the clock.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// The cost of some work.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Processor time of all threads, in seconds: what to compare on a machine with other work on it.
    pub(crate) cpu: f64,
    /// Time on the clock, in seconds.
    pub(crate) wall: f64,
}

/// Does some work and says what it cost.
pub(crate) fn measure<T>(work: impl FnOnce() -> T) -> (Cost, T) {
    let (cpu, wall) = (cpu_time(), Instant::now());
    let result = work();
    let (wall, cpu) = (wall.elapsed(), cpu_time().saturating_sub(cpu));
    (Cost { cpu: cpu.as_secs_f64(), wall: wall.as_secs_f64() }, result)
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
