//! What is inside our packets: enough codec to be taken for real, and a mark
//! that tells which publisher sent it when.
//!
//! Sources: RFC 7741 §§4.2, 4.3 (VP8), RFC 6716 §3.1 (Opus).

/// Bytes in front of the mark in a VP8 packet: descriptor with a picture id of
/// 15 bits, and the frame header of a key frame.
const VIDEO_HEAD: usize = 4 + 10;

/// The byte that tells Opus: CELT, 20 ms, one frame.
const OPUS_TOC: u8 = 0xFC;

/// The mark: magic, publisher, nanoseconds.
const MARK_BYTES: usize = 4 + 4 + 8;

/// Says that a mark follows.
const MAGIC: [u8; 4] = *b"plbn";

/// Shortest payload that carries everything.
pub const ROOM: usize = VIDEO_HEAD + MARK_BYTES;

/// What a mark tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The publisher's number.
    pub publisher: u32,
    /// When it was sent, on the machine's monotonic clock.
    pub sent_ns: u64,
}

/// Where a VP8 packet stands.
#[derive(Debug, Clone, Copy)]
pub struct Picture {
    /// Number of the frame.
    pub frame: u16,
    /// Whether the packet begins it.
    pub first: bool,
    /// Whether it is a key frame.
    pub key: bool,
}

/// An Opus payload of `bytes` bytes.
#[must_use]
pub fn audio(mark: Mark, bytes: usize) -> Vec<u8> {
    let mut payload = Vec::with_capacity(bytes.max(ROOM));
    payload.push(OPUS_TOC);
    write(mark, &mut payload);
    payload.resize(bytes.max(ROOM), 0x55);
    payload
}

/// A VP8 payload of `bytes` bytes.
#[must_use]
pub fn video(mark: Mark, picture: Picture, bytes: usize) -> Vec<u8> {
    let [high, low] = picture.frame.to_be_bytes();
    let start = if picture.first { 0x90 } else { 0x80 };
    let mut payload = Vec::with_capacity(bytes.max(ROOM));
    payload.extend_from_slice(&[start, 0x80, 0x80 | high, low]);
    // Frame tag: shown, version 0, and P unless it is a key frame; then start
    // code and 640x480. In later packets the same bytes mean nothing.
    payload.extend_from_slice(&[0x10 | u8::from(!picture.key), 0, 0]);
    payload.extend_from_slice(&[0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01]);
    write(mark, &mut payload);
    payload.resize(bytes.max(ROOM), 0x55);
    payload
}

/// The mark of a payload that was sent as one of the two above.
#[must_use]
pub fn read(payload: &[u8]) -> Option<Mark> {
    let at = if payload.first() == Some(&OPUS_TOC) { 1 } else { VIDEO_HEAD };
    let [m0, m1, m2, m3, p0, p1, p2, p3, sent @ ..] =
        payload.get(at..)?.first_chunk::<MARK_BYTES>()?;
    (MAGIC == [*m0, *m1, *m2, *m3]).then(|| Mark {
        publisher: u32::from_be_bytes([*p0, *p1, *p2, *p3]),
        sent_ns: u64::from_be_bytes(*sent),
    })
}

fn write(mark: Mark, payload: &mut Vec<u8>) {
    payload.extend_from_slice(&MAGIC);
    payload.extend_from_slice(&mark.publisher.to_be_bytes());
    payload.extend_from_slice(&mark.sent_ns.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlour_wire::payload::vp8;

    const MARK: Mark = Mark { publisher: 7, sent_ns: 1 << 40 };

    #[test]
    fn a_mark_is_read_back_from_both_kinds() {
        assert_eq!(read(&audio(MARK, 30)), Some(MARK));
        let picture = Picture { frame: 300, first: false, key: false };
        assert_eq!(read(&video(MARK, picture, 1_000)), Some(MARK));
        assert_eq!(read(b"something else that is long enough"), None);
    }

    #[test]
    fn our_pictures_are_taken_for_vp8() {
        for key in [true, false] {
            let bytes = video(MARK, Picture { frame: 0x1234, first: true, key }, 200);
            let descriptor = vp8::Descriptor::parse(&bytes).expect("a descriptor");
            assert_eq!(bytes.len(), 200);
            assert_eq!(descriptor.picture_id.map(|id| id.value), Some(0x1234));
        }
    }
}
