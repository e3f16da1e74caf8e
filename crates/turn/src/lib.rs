//! A TURN relay (RFC 8656) as a machine without sockets.
//!
//! Its place; nothing is in it yet. By default it will relay to this server's
//! own media addresses and to nothing else.
