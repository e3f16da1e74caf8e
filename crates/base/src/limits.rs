//! Limits that several crates must agree on. A crate's own limits sit in its
//! configuration; these are hard tops that no configuration passes.

/// Longest JSON text accepted from a client, in bytes. Galène allows 1 MiB
/// (docs/protocols/galene.md §2.4).
pub const FRAME_BYTES_MAX: usize = 1 << 20;

/// Deepest nesting of JSON accepted from anybody.
pub const JSON_DEPTH_MAX: usize = 16;

/// Longest SDP accepted, in bytes.
pub const SDP_BYTES_MAX: usize = 64 << 10;

/// Most lines in an SDP.
pub const SDP_LINES_MAX: usize = 2_000;

/// Most `m=` sections in an SDP.
pub const SDP_SECTIONS_MAX: usize = 128;

/// Largest datagram that is looked at, in bytes; larger ones are dropped.
pub const DATAGRAM_BYTES_MAX: usize = 1_500;

/// Longest group name, user name or identifier a client may choose, in bytes.
pub const NAME_BYTES_MAX: usize = 256;
