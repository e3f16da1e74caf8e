//! Who asked for something, and is told what came of it.

use crate::port::CallId;
use parlour_base::ConnId;

/// Who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// Nobody waits for an answer.
    Nobody,
    /// A client of a session.
    Conn(ConnId),
    /// A call.
    Call(CallId),
}
