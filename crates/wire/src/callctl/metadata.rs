//! The headers of a call, whose values are messages.
//!
//! Source: docs/protocols/callctl.md §2.

use super::check::Check;
use super::message::{MessageError, read};
use super::pb::common::{XiBareUserJid, XiDeviceId, XiRequestId, XiRoutingToken};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use prost::Message;

/// Who is calling, as a trusted bridge says it.
pub const USER: &str = "common.xibareuserjid-bin";
/// The device of the caller.
pub const DEVICE: &str = "common.xideviceid-bin";
/// The request, the same when it is repeated.
pub const REQUEST: &str = "common.xirequestid-bin";
/// Where calls about the same thing should end up.
pub const ROUTE: &str = "common.xiroutingtoken-bin";

/// Longest header value, in base64 characters.
pub const VALUE_CHARS_MAX: usize = 512;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose =
    GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT.with_encode_padding(false));

/// Reads base64 of either alphabet, padded or not; `None` if it is none or
/// says more than `bytes_max` bytes.
#[must_use]
pub fn read_base64(text: &str, bytes_max: usize) -> Option<Vec<u8>> {
    let chars_max = bytes_max.div_ceil(3).saturating_mul(4);
    if text.len() > chars_max {
        return None;
    }
    let engine = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    engine.decode(text).ok().filter(|bytes| bytes.len() <= bytes_max)
}

/// Writes base64 as clients read it: the URL-safe alphabet, not padded.
#[must_use]
pub fn write_base64(bytes: &[u8]) -> String {
    URL_SAFE.encode(bytes)
}

/// A message that travels as a header.
pub trait Header: Message + Default + Check {
    /// The key of the header.
    const KEY: &'static str;
}

impl Header for XiBareUserJid {
    const KEY: &'static str = USER;
}
impl Header for XiDeviceId {
    const KEY: &'static str = DEVICE;
}
impl Header for XiRequestId {
    const KEY: &'static str = REQUEST;
}
impl Header for XiRoutingToken {
    const KEY: &'static str = ROUTE;
}

/// Reads the value of a header.
///
/// # Errors
/// [`MessageError`] if it is not base64 of a message within its limits.
pub fn read_header<H: Header>(value: &str) -> Result<H, MessageError> {
    let bytes = read_base64(value, VALUE_CHARS_MAX / 4 * 3).ok_or(MessageError::Malformed)?;
    read(&bytes)
}

/// Writes the value of a header.
#[must_use]
pub fn write_header<H: Header>(header: &H) -> String {
    write_base64(&header.encode_to_vec())
}

/// The 128 bits of a request id.
#[must_use]
pub fn request_bits(id: &XiRequestId) -> Option<u128> {
    let uuid = id.id.as_ref()?;
    let half = |signed: i64| u128::from(u64::from_ne_bytes(signed.to_ne_bytes()));
    Some(half(uuid.msb) << 64 | half(uuid.lsb))
}

/// A request id of 128 bits.
#[must_use]
pub fn request_id(bits: u128) -> XiRequestId {
    let [h0, h1, h2, h3, h4, h5, h6, h7, l0, l1, l2, l3, l4, l5, l6, l7] = bits.to_be_bytes();
    let msb = i64::from_be_bytes([h0, h1, h2, h3, h4, h5, h6, h7]);
    let lsb = i64::from_be_bytes([l0, l1, l2, l3, l4, l5, l6, l7]);
    XiRequestId { id: Some(super::pb::common::XiUuid { msb, lsb }) }
}
