#![no_main]
//! See `rtp_header` in `fuzz/src/lib.rs`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parlour_fuzz::run("rtp_header", bytes));
