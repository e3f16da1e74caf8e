//! Identities: rooms and users by 64 random bits, printed as 11 characters.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Why a text is not an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// Not 11 base64url characters, or with stray bits in the last one.
    #[error("not a canonical id")]
    NotCanonical,
    /// All zero bits or all one bits: never issued.
    #[error("reserved id")]
    Reserved,
}

macro_rules! wide_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// Takes 64 bits as an id; `None` for the two reserved values.
            #[must_use]
            pub const fn new(bits: u64) -> Option<Self> {
                if bits == 0 || bits == u64::MAX { None } else { Some(Self(bits)) }
            }

            /// The 64 bits, in printed (big-endian) order.
            #[must_use]
            pub const fn bits(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&URL_SAFE_NO_PAD.encode(self.0.to_be_bytes()))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| IdError::NotCanonical)?;
                let bytes = <[u8; 8]>::try_from(bytes).map_err(|_| IdError::NotCanonical)?;
                Self::new(u64::from_be_bytes(bytes)).ok_or(IdError::Reserved)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = String::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

wide_id! {
    /// A room. Its text is also the Loop room token and the chatd chat id.
    RoomId
}
wide_id! {
    /// A stored user, or a guest for as long as it is here.
    UserId
}

/// One client connection of this process; never reused while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// Which opening of a room an event belongs to; grows each time it is loaded.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Epoch(pub u64);

/// The place of an event within its epoch, from 1, without gaps.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Seq(pub u64);

impl Seq {
    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_prints_as_eleven_characters_and_reads_back() {
        let id = RoomId::new(0x0123_4567_89ab_cdef).expect("not reserved");
        assert_eq!(id.to_string(), "ASNFZ4mrze8");
        assert_eq!("ASNFZ4mrze8".parse(), Ok(id));
    }

    #[test]
    fn an_id_whose_last_character_has_stray_bits_is_refused() {
        assert_eq!("ASNFZ4mrze9".parse::<RoomId>(), Err(IdError::NotCanonical));
        for bad in ["", "ASNFZ4mrze", "ASNFZ4mrze8=", "ASNFZ4mrze8A", "ASNFZ4mrz+8", "ASNFZ4mrz 8"]
        {
            assert_eq!(bad.parse::<RoomId>(), Err(IdError::NotCanonical), "{bad}");
        }
    }

    #[test]
    fn the_reserved_ids_are_refused() {
        assert_eq!("AAAAAAAAAAA".parse::<UserId>(), Err(IdError::Reserved));
        assert_eq!("__________8".parse::<UserId>(), Err(IdError::Reserved));
        assert_eq!(RoomId::new(0), None);
        assert_eq!(RoomId::new(u64::MAX), None);
    }
}
