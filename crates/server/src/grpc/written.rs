//! A message as it is on the wire already: what is said to many is written
//! once.

use bytes::{BufMut, Bytes};
use parlour_wire::callctl::{Check, Message, Offence};
use prost::DecodeError;
use prost::bytes::Buf;
use prost::encoding::{DecodeContext, WireType, skip_field};

/// The bytes of a message that was within its limits.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Written(Bytes);

impl Written {
    /// Writes a message.
    ///
    /// # Errors
    /// [`Offence`] if it breaks a limit.
    pub(super) fn of(message: &(impl Message + Check)) -> Result<Self, Offence> {
        message.check()?;
        Ok(Self(message.encode_to_vec().into()))
    }
}

impl Check for Written {
    fn check(&self) -> Result<(), Offence> {
        Ok(())
    }
}

impl Message for Written {
    fn encode_raw(&self, to: &mut impl BufMut) {
        to.put_slice(&self.0);
    }

    /// It is only sent: nothing that comes is kept.
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        from: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        skip_field(wire_type, tag, from, context)
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}
