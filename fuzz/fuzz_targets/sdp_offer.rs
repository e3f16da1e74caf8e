#![no_main]
//! See `sdp_offer` in `fuzz/src/lib.rs`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parlour_fuzz::run("sdp_offer", bytes));
