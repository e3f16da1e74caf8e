//! Every rule of `parlour_base::storage`, checked against every engine.
//! Random histories that all engines must answer alike are in `histories.rs`.

/// Runs each rule once for each engine.
macro_rules! rules {
    ($($rule:ident),* $(,)?) => {
        mod memory {
            $(#[test] fn $rule() { super::$rule(&mut parlour_store::MemoryEngine::default()); })*
        }
        mod sqlite {
            $(#[test] fn $rule() { super::$rule(&mut crate::support::Disk::new().engine()); })*
        }
    };
}

mod chat;
mod commits;
mod expect;
mod lists;
mod names;
mod records;
mod rooms;
#[path = "../support/mod.rs"]
mod support;
