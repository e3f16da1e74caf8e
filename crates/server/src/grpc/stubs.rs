//! The services as they are made from the definitions when this crate is
//! built; their messages are those of `parlour_wire::callctl::pb`.

#![allow(
    missing_docs,
    clippy::all,
    clippy::use_self,
    clippy::or_fun_call,
    clippy::needless_pass_by_ref_mut,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    reason = "made from the definitions"
)]

include!(concat!(env!("OUT_DIR"), "/grpc.rs"));
