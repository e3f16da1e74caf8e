#![no_main]
//! See `rooms_progress` in `fuzz/src/lib.rs`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parlour_fuzz::run("rooms_progress", bytes));
