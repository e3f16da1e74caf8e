//! Messages on the wire of gRPC: read and looked at in one place, so that no
//! handler sees one that breaks a limit and none leaves (REQ-5).

use parlour_wire::callctl::{Check, MESSAGE_BYTES_MAX, Message};
use std::marker::PhantomData;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Bytes that a stream sets aside for what it sends; it grows with what is
/// sent. The library's own 8 KiB would be most of an idle stream.
const BUFFER_BYTES: usize = 512;

/// Bytes gathered before they are passed on.
const YIELD_BYTES: usize = 32 << 10;

/// Writes `T` and reads `U`.
#[derive(Debug)]
pub(crate) struct Checked<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Checked<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

/// One direction of [`Checked`].
#[derive(Debug)]
pub(crate) struct Half<T>(PhantomData<T>);

impl<T, U> Codec for Checked<T, U>
where
    T: Message + Check + Send + 'static,
    U: Message + Check + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = Half<T>;
    type Decoder = Half<U>;

    fn encoder(&mut self) -> Self::Encoder {
        Half(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        Half(PhantomData)
    }
}

impl<T: Message + Check> Encoder for Half<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, message: T, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        if let Err(offence) = message.check() {
            tracing::error!(%offence, "a message of ours breaks a limit");
            return Err(Status::internal("the answer would break a limit"));
        }
        message.encode(to).map_err(|_| Status::internal("the answer does not fit"))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER_BYTES, YIELD_BYTES)
    }
}

impl<U: Message + Check + Default> Decoder for Half<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        use bytes::Buf as _;
        if from.remaining() > MESSAGE_BYTES_MAX {
            return Err(Status::invalid_argument("message too long"));
        }
        let message =
            U::decode(from).map_err(|_| Status::invalid_argument("not such a message"))?;
        message.check().map_err(|offence| Status::invalid_argument(offence.to_string()))?;
        Ok(Some(message))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER_BYTES, YIELD_BYTES)
    }
}
