//! Bytes to types and back, every protocol.

pub mod api;
pub mod callctl;
pub mod galene;
pub mod json;
pub mod payload;
pub mod rooms;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
