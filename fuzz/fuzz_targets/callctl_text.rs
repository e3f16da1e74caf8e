#![no_main]
//! See `callctl_text` in `fuzz/src/lib.rs`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parlour_fuzz::run("callctl_text", bytes));
