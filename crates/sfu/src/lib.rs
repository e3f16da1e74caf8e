//! The media worker: peers, tracks, forwarding.

pub mod plan;
