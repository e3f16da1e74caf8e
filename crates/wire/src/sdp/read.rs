//! The reader: limits, then lines, then sections.

use super::attribute::Attributes;
use super::section::from_media_line;
use super::{Description, LINE_BYTES_MAX, ParseError, Section};
use parlour_base::limits::{SDP_BYTES_MAX, SDP_LINES_MAX, SDP_SECTIONS_MAX};
use webrtc_sdp::error::SdpParserError;
use webrtc_sdp::{SdpType, parse_sdp_line};

/// Reads a session description.
///
/// Lines that are not used are skipped without a look at their value.
///
/// # Errors
/// [`ParseError`] when a limit is passed or a line that is used cannot be
/// read.
pub fn parse(text: &str) -> Result<Description, ParseError> {
    check_limits(text)?;
    let mut reader = Reader::default();
    for (index, line) in text.lines().enumerate() {
        let number = index.saturating_add(1);
        if !line.is_empty() {
            reader.line(number, line)?;
        }
    }
    reader.finish()
}

/// Bytes, lines, sections and characters: one pass, nothing parsed.
fn check_limits(text: &str) -> Result<(), ParseError> {
    if text.len() > SDP_BYTES_MAX {
        return Err(ParseError::Bytes(text.len()));
    }
    if text.lines().next().is_none_or(|line| line.trim_end() != "v=0") {
        return Err(ParseError::NotSdp);
    }
    let mut sections = 0usize;
    for (index, line) in text.lines().enumerate() {
        if index >= SDP_LINES_MAX {
            return Err(ParseError::Lines);
        }
        if line.chars().any(char::is_control) {
            return Err(ParseError::Control(index.saturating_add(1)));
        }
        sections = sections.saturating_add(usize::from(line.starts_with("m=")));
    }
    match sections > SDP_SECTIONS_MAX {
        true => Err(ParseError::Sections),
        false => Ok(()),
    }
}

/// Why the parser did not read a line.
pub(super) enum Unread {
    /// It does not know this kind of value.
    Unknown,
    /// The value is wrong.
    Wrong,
}

/// Hands one line to the parser, the only place that does. Host names cost it
/// more than their length, so neither other alphabets nor long lines reach it.
pub(super) fn read_line(line: &str) -> Result<SdpType, Unread> {
    if line.len() > LINE_BYTES_MAX || !line.is_ascii() {
        return Err(Unread::Wrong);
    }
    match parse_sdp_line(line, 0) {
        Ok(line) => Ok(line.sdp_type),
        Err(SdpParserError::Unsupported { .. }) => Err(Unread::Unknown),
        Err(_) => Err(Unread::Wrong),
    }
}

/// What has been read so far.
#[derive(Default)]
struct Reader {
    description: Description,
    /// Attributes before the first section.
    session: Attributes,
    /// The section that is being read.
    open: Option<(Section, Attributes)>,
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) -> Result<(), ParseError> {
        match line.split_once('=') {
            Some(("a", value)) => self.attribute(number, line, value),
            Some(("m", _)) => self.media(number, line),
            Some(("o", _)) => self.origin(number, line),
            Some((kind, _)) if kind.len() == 1 => Ok(()),
            _ => Err(ParseError::Line(number)),
        }
    }

    fn origin(&mut self, number: usize, line: &str) -> Result<(), ParseError> {
        match read_line(line) {
            Ok(SdpType::Origin(origin)) => {
                self.description.session = origin.session_id;
                self.description.version = origin.session_version;
                Ok(())
            }
            _ => Err(ParseError::Line(number)),
        }
    }

    fn media(&mut self, number: usize, line: &str) -> Result<(), ParseError> {
        self.close();
        // The parser knows few protocols; those that it refuses have no use
        // here either.
        let Ok(SdpType::Media(media)) = read_line(line) else {
            return Err(ParseError::Line(number));
        };
        self.open = Some((from_media_line(number, media)?, Attributes::default()));
        Ok(())
    }

    fn attribute(&mut self, number: usize, line: &str, value: &str) -> Result<(), ParseError> {
        let attributes = match &mut self.open {
            Some((_, attributes)) => attributes,
            None => &mut self.session,
        };
        attributes.read(number, line, value)
    }

    fn close(&mut self) {
        if let Some((mut section, attributes)) = self.open.take() {
            attributes.apply(&self.session, &mut section);
            self.description.sections.push(section);
        }
    }

    fn finish(mut self) -> Result<Description, ParseError> {
        self.close();
        self.description.ice_lite = self.session.ice_lite;
        self.description.allow_mixed = self.session.allow_mixed;
        self.description.bundle = self.session.bundle;
        Ok(self.description)
    }
}
