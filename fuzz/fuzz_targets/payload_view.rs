#![no_main]
//! See `payload_view` in `fuzz/src/lib.rs`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parlour_fuzz::run("payload_view", bytes));
