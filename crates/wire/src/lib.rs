//! Bytes to types and back, every protocol.

pub mod galene;
pub mod json;
pub mod payload;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
