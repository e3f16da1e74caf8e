//! Payload formats: what a media server must know about coded pictures.
//!
//! One file per codec, each with `keyframe_start`: whether an RTP payload
//! begins a keyframe, `None` if that cannot be told. VP8 and VP9 also have a
//! view of their descriptor. Refuses to know RTP headers and to decode
//! anything.

pub mod av1;
pub mod h264;
pub mod vp8;
pub mod vp9;

#[cfg(test)]
mod tests;

/// Takes bytes off the front of a payload; `None` when there are none left.
#[derive(Debug, Clone, Copy)]
struct Cursor<'a> {
    rest: &'a [u8],
    used: usize,
}

impl<'a> Cursor<'a> {
    fn new(rest: &'a [u8]) -> Self {
        Self { rest, used: 0 }
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        self.used = self.used.saturating_add(1);
        Some(byte)
    }

    fn take(&mut self, size: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(size)?;
        self.rest = rest;
        self.used = self.used.saturating_add(size);
        Some(taken)
    }

    /// A 7-bit number, or a 15-bit one if the first bit says so.
    fn picture_id(&mut self) -> Option<PictureId> {
        let first = self.byte()?;
        let value = u16::from(first & 0x7F);
        Some(if first & 0x80 == 0 {
            PictureId { value, long: false }
        } else {
            let value = value << 8 | u16::from(self.byte()?);
            PictureId { value, long: true }
        })
    }
}

/// Number of a picture, in one of its two widths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureId {
    /// 7 or 15 bits.
    pub value: u16,
    /// Whether it has 15 bits.
    pub long: bool,
}
