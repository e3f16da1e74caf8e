//! The table that configures the rooms door.

use super::schema::section;
use crate::tls::write_private;
use parlour_base::{Entropy, Secret, Span};
use parlour_node::rooms;
use parlour_wire::rooms::Bounds;
use parlour_wire::rooms::identity::hex;
use parlour_wire::rooms::oauth::Params;
use std::path::{Path, PathBuf};

section! {
    /// The rooms door: Mozilla Loop's REST API.
    "rooms" Rooms {
        /// Whether the door is open.
        enabled: bool = true;
        /// Origins whose pages may ask, such as `https://app.example.org`; `*` admits all.
        origins: Vec<String> = vec!["http://localhost:3000".to_owned()];
        /// The page that leads into a room; `{token}` is its token, `{origin}` the address that the request came to.
        room_url: String = "{origin}/r/{token}".to_owned();
        /// Life of a room whose maker did not say, in hours.
        life_hours: u32 = 1_344, in 1, 100_000;
        /// Longest life that may be asked for, in hours.
        life_hours_max: u32 = 1_344, in 1, 100_000;
        /// Life of a room after somebody came or went, in hours.
        renewed_life_hours: u32 = 1_344, in 1, 100_000;
        /// Life of a participant who does not refresh.
        participant_life: Span = Span::secs(300), in Span::millis(10), Span::secs(86_400);
        /// How long deletions are told.
        deletion_memory: Span = Span::secs(1_620), in Span::secs(1), Span::secs(2_592_000);
        /// Most participants of a room.
        size_max: u32 = 5, in 1, 1_000;
        /// Most characters of a room's plain name.
        name_chars_max: u32 = 100, in 1, 255;
        /// Most characters of an owner's name.
        owner_chars_max: u32 = 255, in 1, 255;
        /// Most characters of a participant's name.
        display_name_chars_max: u32 = 1_000, in 1, 1_000;
        /// Life of a session that is not used.
        session_life: Span = Span::secs(2_592_000), in Span::secs(1), Span::secs(31_536_000);
        /// Life of a media token.
        token_life: Span = Span::secs(86_400), in Span::secs(1), Span::secs(2_592_000);
        /// Nonces of Hawk that are remembered, so that no request is taken twice within the 60 s its signature lasts; 0, as the protocol has it, takes it as often as it comes.
        hawk_nonces: u32 = 0, in 0, 10_000_000;
        /// File with the secret that accounts of participants are sealed with in the store; empty means `rooms.secret` in the data folder, made if it is not there.
        account_secret: PathBuf = PathBuf::new();
        /// Most rooms of one bulk deletion.
        bulk_max: u32 = 7_000, in 1, 10_000;
        /// Most rooms, and most deletions, in one list; of more rooms those that changed last.
        listed_max: u32 = 10_000, in 1, 100_000;
        /// Most devices of one user that are notified.
        devices_max: u32 = 100, in 1, 10_000;
        /// What `Retry-After` says when the store or another service fails, in seconds.
        retry_after: u32 = 30, in 1, 86_400;
        /// What clients are told as `apiKey`.
        api_key: String = "parlour".to_owned();
        /// Whether the version is shown.
        show_version: bool = true;
        /// Time for the body of a request to arrive.
        body_timeout: Span = Span::secs(10), in Span::millis(100), Span::secs(120);
        /// Whether each request is written to the log, without tokens.
        request_log: bool = false;
        /// Whether the log of requests says which sites were shared, and not only how often; they may be personal.
        request_log_domains: bool = false;
        /// Whether usage events are taken; they are counted and not kept.
        analytics: bool = false;
        /// Push servers that clients are told of, one of them at random.
        push_servers: Vec<String> = Vec::new();
        /// Hosts that notifications may go to, with port where it is not the usual one; empty for all.
        push_hosts: Vec<String> = Vec::new();
        /// Notifications that may wait; further ones are dropped.
        push_pending: u32 = 10_000, in 1, 1_000_000;
        /// Notifications under way at once.
        push_parallel: u32 = 32, in 1, 1_000;
        /// Address of the service people log in at, with its path; empty turns login by OAuth off.
        oauth_uri: String = String::new();
        /// Address of the profile service, with its path.
        profile_uri: String = String::new();
        /// Address of the pages people log in on.
        content_uri: String = String::new();
        /// Where the login returns to.
        redirect_uri: String = "urn:ietf:wg:oauth:2.0:fx:webchannel".to_owned();
        /// What a login asks for.
        scope: String = "profile".to_owned();
        /// The name of this server at the login service.
        client_id: String = String::new();
        /// File with the secret shown to the login service.
        client_secret: PathBuf = PathBuf::new();
        /// Address that assertions are verified at; empty turns login by assertion off.
        verifier_url: String = String::new();
        /// Whom an assertion may be for.
        audiences: Vec<String> = Vec::new();
        /// Whose assertions are believed.
        issuers: Vec<String> = Vec::new();
        /// One-to-one calls: time from one side's hello to the other's.
        call_supervisory: Span = Span::secs(10), in Span::millis(10), Span::secs(600);
        /// One-to-one calls: time from the callee's hello to its accepting.
        call_ringing: Span = Span::secs(30), in Span::millis(10), Span::secs(600);
        /// One-to-one calls: time from accepting to media on both sides.
        call_connection: Span = Span::secs(10), in Span::millis(10), Span::secs(600);
        /// One-to-one calls: life of a call that nobody says hello to.
        call_life: Span = Span::secs(60), in Span::millis(10), Span::secs(3_600);
        /// WebSockets of one-to-one calls at once; further ones are refused.
        call_sockets_max: u32 = 5_000, in 1, 1_000_000;
    }
}

impl Rooms {
    /// What the door is started with.
    ///
    /// # Errors
    /// If the file with the secret cannot be read.
    pub fn door(&self, account_secret: Secret<Vec<u8>>) -> std::io::Result<rooms::Config> {
        let small = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        let bounds = Bounds {
            name_chars: small(self.name_chars_max),
            owner_chars: small(self.owner_chars_max),
            display_name_chars: small(self.display_name_chars_max),
            size: self.size_max,
            life_hours: self.life_hours_max,
        };
        Ok(rooms::Config {
            origins: self.origins.clone(),
            room_url: self.room_url.clone(),
            bounds,
            default_life_hours: self.life_hours,
            renewed_life: Span::secs(u64::from(self.renewed_life_hours) * 3_600),
            participant_life: self.participant_life,
            deletion_memory: self.deletion_memory,
            session_life: self.session_life,
            token_life: self.token_life,
            bulk_max: self.bulk_max,
            listed_max: self.listed_max,
            devices_max: self.devices_max,
            retry_after: self.retry_after,
            api_key: self.api_key.clone(),
            push_servers: self.push_servers.clone(),
            version: self.show_version.then(|| env!("CARGO_PKG_VERSION").to_owned()),
            analytics: self.analytics,
            nonces: self.hawk_nonces,
            account_secret,
            oauth: self.oauth()?,
            verifier: self.verifier(),
        })
    }

    /// The secret in this file; a new one, kept there, if there is none.
    ///
    /// # Errors
    /// If it can be neither read nor made.
    pub fn account_secret(path: &Path, entropy: &mut Entropy) -> std::io::Result<Secret<Vec<u8>>> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text.trim().to_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut bytes = [0; 16];
                entropy.fill(&mut bytes);
                let text = hex(&bytes);
                write_private(path, &format!("{text}\n"))?;
                text
            }
            Err(error) => return Err(error),
        };
        Ok(Secret::new(text.into_bytes()))
    }

    fn oauth(&self) -> std::io::Result<Option<rooms::OauthConfig>> {
        if self.oauth_uri.is_empty() {
            return Ok(None);
        }
        let client_secret = match self.client_secret.as_os_str().is_empty() {
            true => String::new(),
            false => std::fs::read_to_string(&self.client_secret)?.trim().to_owned(),
        };
        let params = Params {
            client_id: self.client_id.clone(),
            redirect_uri: self.redirect_uri.clone(),
            profile_uri: self.profile_uri.clone(),
            content_uri: self.content_uri.clone(),
            oauth_uri: self.oauth_uri.clone(),
            scope: self.scope.clone(),
        };
        Ok(Some(rooms::OauthConfig { params, client_secret: Secret::new(client_secret) }))
    }

    fn verifier(&self) -> Option<rooms::VerifierConfig> {
        (!self.verifier_url.is_empty()).then(|| rooms::VerifierConfig {
            url: self.verifier_url.clone(),
            audiences: self.audiences.clone(),
            issuers: self.issuers.clone(),
        })
    }

    /// The times of one-to-one calls.
    #[must_use]
    pub const fn call_timers(&self) -> rooms::Timers {
        rooms::Timers {
            supervisory: self.call_supervisory.0,
            ringing: self.call_ringing.0,
            connection: self.call_connection.0,
            life: self.call_life.0,
        }
    }
}
