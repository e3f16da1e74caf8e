//! The table that configures the integration API.

use super::schema::section;
use parlour_base::{ByteSize, Span};
use parlour_node::api;

section! {
    /// The integration API under `/api/v1`.
    "api" Api {
        /// Whether the API is there.
        enabled: bool = true;
        /// Largest body of a request.
        body_bytes_max: ByteSize = ByteSize::kib(64), in ByteSize::kib(1), ByteSize::mib(1);
        /// Time for a body to come.
        body_timeout: Span = Span::secs(10), in Span::millis(100), Span::secs(120);
        /// Requests at once; further ones are answered 503.
        in_flight: u32 = 512, in 1, 20_000;
        /// Rounds of PBKDF2 for passwords of rooms.
        password_rounds: u32 = 100_000, in 1_000, 10_000_000;
        /// How long what came of a request with an `Idempotency-Key` is kept.
        repeat_life: Span = Span::secs(86_400), in Span::secs(1), Span::secs(604_800);
        /// Most such requests of one key in a day.
        repeats_per_day: u32 = 100_000, in 0, 10_000_000;
        /// Most tokens that one key mints or revokes in a day.
        tokens_per_day: u32 = 100_000, in 0, 10_000_000;
        /// Life of a token if nobody says.
        token_life: Span = Span::secs(3_600), in Span::secs(1), Span::secs(31_536_000);
        /// Longest life of a minted token.
        token_life_max: Span = Span::secs(2_592_000), in Span::secs(1), Span::secs(315_360_000);
        /// Most keys.
        keys_max: u32 = 1_000, in 1, 10_000;
        /// Most contacts of one user.
        contacts_max: u32 = 1_000, in 0, 100_000;
    }
}

impl Api {
    /// The settings of the door.
    #[must_use]
    pub const fn door(&self) -> api::Config {
        api::Config {
            password_rounds: self.password_rounds,
            repeat_life: self.repeat_life,
            repeats_per_day: self.repeats_per_day,
            tokens_per_day: self.tokens_per_day,
            token_life: self.token_life,
            token_life_max: self.token_life_max,
            keys_max: self.keys_max,
            contacts_max: self.contacts_max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_door() {
        let (ours, theirs) = (Api::default().door(), api::Config::default());
        assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
    }
}
