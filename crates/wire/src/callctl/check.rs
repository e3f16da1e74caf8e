//! What a limit means.
//!
//! Owns the rules that the options of a field name, and the three that they
//! cannot say. Which field has which limit is not known here: `build.rs` reads
//! it from `proto/` and calls these functions.
//!
//! Source: docs/protocols/callctl.md §3.

use super::pb::common::video::v1 as common;
use regex::Regex;
use std::sync::OnceLock;

/// A message that knows the limits of its fields and of all below it.
pub trait Check {
    /// Looks at every field.
    ///
    /// # Errors
    /// [`Offence`]: the first broken limit.
    fn check(&self) -> Result<(), Offence>;
}

/// A broken limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {broken}")]
pub struct Offence {
    /// The full name of the field.
    pub field: &'static str,
    /// What is wrong with it.
    pub broken: Broken,
}

/// How a field breaks its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    /// It has to be there and is not.
    #[error("missing")]
    Missing,
    /// The text does not match its pattern.
    #[error("not of the right form")]
    Pattern,
    /// Fewer bytes than allowed.
    #[error("too short")]
    TooShort,
    /// More bytes than allowed.
    #[error("too long")]
    TooLong,
    /// Fewer elements than allowed.
    #[error("too few")]
    TooFew,
    /// More elements than allowed.
    #[error("too many")]
    TooMany,
    /// A number below its range.
    #[error("too small")]
    TooSmall,
    /// A number above its range.
    #[error("too large")]
    TooLarge,
    /// Elements in the wrong order.
    #[error("not in order")]
    Order,
    /// The same person twice.
    #[error("the same twice")]
    Twice,
}

/// A pattern for a whole text, compiled when first used.
#[derive(Debug)]
pub struct Pattern {
    text: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// A pattern that carries its own anchors.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    /// Whether it matches; one that does not compile matches nothing.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| Regex::new(self.text).ok());
        compiled.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

/// The limits of one field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) mandatory: bool,
    pub(super) pattern: Option<&'static Pattern>,
    pub(super) min_byte_length: Option<usize>,
    pub(super) max_byte_length: Option<usize>,
    pub(super) min_repetitions: Option<usize>,
    pub(super) max_repetitions: Option<usize>,
    pub(super) min_val: Option<i64>,
    pub(super) max_val: Option<i64>,
}

impl Rules {
    pub(super) const NONE: Self = Self {
        mandatory: false,
        pattern: None,
        min_byte_length: None,
        max_byte_length: None,
        min_repetitions: None,
        max_repetitions: None,
        min_val: None,
        max_val: None,
    };
}

fn refuse_if(field: &'static str, offences: &[(bool, Broken)]) -> Result<(), Offence> {
    match offences.iter().find(|(is_broken, _)| *is_broken) {
        Some(&(_, broken)) => Err(Offence { field, broken }),
        None => Ok(()),
    }
}

pub(super) fn present(field: &'static str, is: bool, rules: &Rules) -> Result<(), Offence> {
    refuse_if(field, &[(rules.mandatory && !is, Broken::Missing)])
}

pub(super) fn bytes(field: &'static str, bytes: &[u8], rules: &Rules) -> Result<(), Offence> {
    let length = bytes.len();
    refuse_if(
        field,
        &[
            (rules.mandatory && length == 0, Broken::Missing),
            (rules.min_byte_length.is_some_and(|min| length < min), Broken::TooShort),
            (rules.max_byte_length.is_some_and(|max| length > max), Broken::TooLong),
        ],
    )
}

pub(super) fn text(field: &'static str, text: &str, rules: &Rules) -> Result<(), Offence> {
    bytes(field, text.as_bytes(), rules)?;
    let differs = rules.pattern.is_some_and(|pattern| !pattern.matches(text));
    refuse_if(field, &[(differs, Broken::Pattern)])
}

pub(super) fn list(field: &'static str, length: usize, rules: &Rules) -> Result<(), Offence> {
    refuse_if(
        field,
        &[
            (rules.mandatory && length == 0, Broken::Missing),
            (rules.min_repetitions.is_some_and(|min| length < min), Broken::TooFew),
            (rules.max_repetitions.is_some_and(|max| length > max), Broken::TooMany),
        ],
    )
}

pub(super) fn number(field: &'static str, value: i128, rules: &Rules) -> Result<(), Offence> {
    refuse_if(
        field,
        &[
            (rules.mandatory && value == 0, Broken::Missing),
            (rules.min_val.is_some_and(|min| value < i128::from(min)), Broken::TooSmall),
            (rules.max_val.is_some_and(|max| value > i128::from(max)), Broken::TooLarge),
        ],
    )
}

pub(super) fn ordered<'a>(
    field: &'static str,
    keys: impl Iterator<Item = &'a [u8]> + Clone,
    upwards: bool,
) -> Result<(), Offence> {
    let mut pairs = keys.clone().zip(keys.skip(1));
    let wrong = pairs.any(|(one, next)| if upwards { one > next } else { one < next });
    refuse_if(field, &[(wrong, Broken::Order)])
}

/// A conversation is of exactly one kind (REQ-1).
pub(super) fn has_a_kind(id: &common::ConvoId) -> Result<(), Offence> {
    refuse_if("common.video.v1.ConvoId.kind", &[(id.kind.is_none(), Broken::Missing)])
}

/// The two of a pair are two (REQ-3).
pub(super) fn two_people(pair: &common::OneToOneConvoId) -> Result<(), Offence> {
    let same = matches!(pair.users.as_slice(), [one, other] if one == other);
    refuse_if("common.video.v1.OneToOneConvoId.users", &[(same, Broken::Twice)])
}

/// A port that can be connected to, and a host that old clients can find the
/// end of (REQ-27, REQ-31).
pub(super) fn a_port(info: &common::ConferenceConnectionInfo) -> Result<(), Offence> {
    let field = "common.video.v1.ConferenceConnectionInfo.port";
    refuse_if(field, &[(info.port < 1, Broken::TooSmall), (info.port > 65_535, Broken::TooLarge)])?;
    let field = "common.video.v1.ConferenceConnectionInfo.host";
    refuse_if(field, &[(info.host.contains(':'), Broken::Pattern)])
}
