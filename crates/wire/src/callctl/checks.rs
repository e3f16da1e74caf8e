//! One check per message, made from the limits in `proto/`.

include!(concat!(env!("OUT_DIR"), "/callctl_checks.rs"));
