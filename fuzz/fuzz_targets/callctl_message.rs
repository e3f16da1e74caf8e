#![no_main]
//! See `callctl_message` in `fuzz/src/lib.rs`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parlour_fuzz::run("callctl_message", bytes));
