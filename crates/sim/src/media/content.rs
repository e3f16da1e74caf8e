//! What publishers put into packets: each tells whose it is and proves that it
//! was made in this world, so that a receiver can say what it got.

/// Bytes of the proof and what it covers.
const HEAD: usize = 40;

/// The descriptor in front of a picture: extended, with a long picture id and
/// the number of the base layer (RFC 7741 §4.2).
pub(crate) const DESCRIPTOR: usize = 5;

/// What one packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Content {
    /// A digest of the stream's name.
    pub stream: u64,
    /// 0 = sound, 1 = picture.
    pub track: u8,
    /// The simulcast layer, best first.
    pub layer: u8,
    /// Counts packets of a sound, frames of a picture.
    pub number: u64,
    pub part: u8,
    pub parts: u8,
    pub key: bool,
    /// Which making of the stream: numbers begin anew with each.
    pub life: u16,
}

/// A digest for names and proofs.
pub(crate) fn digest(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl Content {
    /// The payload, of about this size.
    pub(crate) fn write(&self, secret: u64, size: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(size.max(HEAD) + DESCRIPTOR);
        if self.track == 1 {
            let [.., high, low] = self.number.to_be_bytes();
            let start = if self.part == 0 { 0x90 } else { 0x80 };
            out.extend([start, 0xC0, 0x80 | high & 0x7F, low, low]);
        }
        // The first bit of a picture says whether it is a key frame.
        out.push(u8::from(!self.key));
        let [high, low] = self.life.to_be_bytes();
        out.extend([self.track, self.layer, self.part, self.parts, high, low, 0]);
        out.extend(self.stream.to_be_bytes());
        out.extend(self.number.to_be_bytes());
        let body = if self.track == 1 { DESCRIPTOR } else { 0 };
        let proof = digest(secret, &out[body..]);
        out.extend(proof.to_be_bytes());
        out.resize(out.len().max(size), 0x55);
        out
    }

    /// Reads a payload; `None` if nobody in this world made it.
    pub(crate) fn read(secret: u64, payload: &[u8], picture: bool) -> Option<Self> {
        let body = payload.get(if picture { DESCRIPTOR } else { 0 }..)?;
        let (claimed, rest) = body.split_at_checked(24)?;
        let proof = u64::from_be_bytes(*rest.first_chunk()?);
        let filled = rest.get(8..)?.iter().all(|byte| *byte == 0x55);
        let &[key, track, layer, part, parts, high, low, _, ..] = claimed else { return None };
        let number = |at: usize| claimed.get(at..)?.first_chunk().map(|b| u64::from_be_bytes(*b));
        let content = Self {
            stream: number(8)?,
            track,
            layer,
            number: number(16)?,
            part,
            parts,
            key: key == 0,
            life: u16::from_be_bytes([high, low]),
        };
        (proof == digest(secret, claimed) && filled && (track == 1) == picture).then_some(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let sound = Content {
            stream: 7,
            track: 0,
            layer: 0,
            number: 9,
            part: 0,
            parts: 1,
            key: true,
            life: 300,
        };
        let picture = Content { track: 1, layer: 1, part: 1, parts: 3, key: false, ..sound };
        for content in [sound, picture] {
            let bytes = content.write(5, 80);
            assert_eq!(bytes.len(), 80);
            let is_picture = content.track == 1;
            assert_eq!(Content::read(5, &bytes, is_picture), Some(content));
            assert_eq!(Content::read(6, &bytes, is_picture), None);
            let mut changed = bytes.clone();
            changed[20] ^= 1;
            assert_eq!(Content::read(5, &changed, is_picture), None);
            assert_eq!(Content::read(5, &bytes[..30], is_picture), None);
        }
    }
}
