#![no_main]
//! See `worker_media` in `fuzz/src/lib.rs`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parlour_fuzz::run("worker_media", bytes));
