#![no_main]
//! See `galene_client` in `fuzz/src/lib.rs`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parlour_fuzz::run("galene_client", bytes));
