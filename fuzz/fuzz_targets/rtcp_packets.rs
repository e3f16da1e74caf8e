#![no_main]
//! See `rtcp_packets` in `fuzz/src/lib.rs`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parlour_fuzz::run("rtcp_packets", bytes));
