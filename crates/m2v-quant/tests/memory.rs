//! A cast takes no more memory than its source and its result.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use m2v_core::{Checkpoint, Config, Dtype, EmbeddingTable, Tensor};
use m2v_quant::{Cast, Context, Int8, Int8Global, Transform};

/// A line of `/proc/self/status`, in bytes.
fn status(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<usize>().unwrap() * 1024
}

// One test in this process: others would be counted too.
#[test]
fn casts_need_room_for_their_result_alone() {
    let (rows, dim) = (1 << 16, 256);
    let bytes: Vec<u8> = (0..rows * dim).flat_map(|i| (i as f32).sin().to_le_bytes()).collect();
    let table = Tensor::try_new(Dtype::F32, &[rows, dim], bytes.into()).unwrap();
    let table = EmbeddingTable::try_new(table, None, None).unwrap();
    let source = Checkpoint::new(Config::default(), table, b"{}");
    for transform in [&Cast(Dtype::F16) as &dyn Transform, &Cast(Dtype::F64), &Int8, &Int8Global] {
        // Sets the peak back to what is held now.
        fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = status("VmHWM:");
        let result = transform.apply(source.clone(), &mut Context::default()).unwrap();
        let grown = status("VmHWM:") - before;
        let held = result.table.embeddings().bytes().len();
        // Row scales, weights, threads' stacks.
        let slack = 6 << 20;
        assert!(grown <= held + slack, "{}: {grown} bytes for a result of {held}", result.table.dtype());
        assert!(grown + slack >= held, "the peak of {grown} bytes was not measured");
    }
}
