//! Bytes to types and back, every protocol.

pub mod payload;
pub mod rtcp;
pub mod rtp;
