#![no_main]
//! See `galene_group` in `fuzz/src/lib.rs`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parlour_fuzz::run("galene_group", bytes));
