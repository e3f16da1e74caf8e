//! Users' presence and who may see it.
//!
//! The place of the presence machine; nothing is in it yet. It will know users
//! and their contacts, and refuse to know rooms, protocols and clocks.
