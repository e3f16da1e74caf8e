//! How much of everything a description may have, and what else is refused.

use parlour_base::limits::{SDP_BYTES_MAX, SDP_LINES_MAX, SDP_SECTIONS_MAX};
use thiserror::Error;

/// Most payload types in one section: they are seven bits.
pub const CODECS_MAX: usize = 128;

/// Most header extensions in one section; ids are eight bits, browsers use
/// fifteen.
pub const EXTENSIONS_MAX: usize = 64;

/// Most `a=ssrc` sources, and groups of them, in one section.
pub const SOURCES_MAX: usize = 64;

/// Most simulcast layers in one section.
pub const RIDS_MAX: usize = 8;

/// Most candidates kept of one section; later ones are dropped.
pub const CANDIDATES_MAX: usize = 64;

/// Longest line that is used, in bytes; a line of 128 formats has 600.
pub const LINE_BYTES_MAX: usize = 4_096;

/// Longest mid, layer name, msid part, CNAME, ICE fragment or password that is
/// accepted, in bytes. RFC 8839 §5.4 allows 256 for the password.
pub const TOKEN_BYTES_MAX: usize = 256;

/// Why text is not a session description we can use. Lines count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ParseError {
    /// More bytes than [`SDP_BYTES_MAX`].
    #[error("description of {0} bytes, at most {SDP_BYTES_MAX} are allowed")]
    Bytes(usize),
    /// More lines than [`SDP_LINES_MAX`].
    #[error("description of more than {SDP_LINES_MAX} lines")]
    Lines,
    /// More sections than [`SDP_SECTIONS_MAX`].
    #[error("description of more than {SDP_SECTIONS_MAX} sections")]
    Sections,
    /// The text does not begin with `v=0`.
    #[error("not a session description")]
    NotSdp,
    /// A control character.
    #[error("control character in line {0}")]
    Control(usize),
    /// A line that is not `x=value`, longer than [`LINE_BYTES_MAX`], or whose value its
    /// type refuses.
    #[error("line {0} cannot be read")]
    Line(usize),
    /// A second value where there may be one.
    #[error("line {line} repeats {what}")]
    Repeated {
        /// The line.
        line: usize,
        /// What it repeats.
        what: &'static str,
    },
    /// More of something than its named limit.
    #[error("line {line} is one too many of {what}")]
    TooMany {
        /// The line.
        line: usize,
        /// Of what.
        what: &'static str,
    },
}
