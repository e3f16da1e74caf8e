//! Writers for recordings.
//!
//! Their place; nothing is in it yet. They will turn packets into container
//! files as bytes, and refuse to know where these are kept.
