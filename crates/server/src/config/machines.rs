//! The tables that configure the machines below the edge.
//!
//! Defaults are those of the machines, see the test at the end; the sentences
//! and hard tops are here, because only the edge knows configuration.

use super::schema::section;
use parlour_base::{ByteSize, Span};

section! {
    /// Times and rates of the Galène door.
    "galene" Galene {
        /// A connection that says nothing this long after it was opened is closed.
        first_message: Span = Span::secs(15), in Span::millis(10), Span::secs(300);
        /// A connection that was silent this long is sent a `ping`.
        ping_after: Span = Span::secs(20), in Span::millis(10), Span::secs(3_600);
        /// A connection that was silent this long is closed as dead.
        dead_after: Span = Span::secs(45), in Span::millis(20), Span::secs(7_200);
        /// How long the answer to a failed join is held back.
        failure_delay: Span = Span::millis(200), in Span::millis(0), Span::secs(60);
        /// Messages a client may send at once before its rate counts.
        message_burst: u32 = 4_000, in 10, 1_000_000;
        /// Messages a client may send per second in the long run; one that goes on faster is closed.
        messages_per_second: u32 = 500, in 1, 100_000;
    }
}

section! {
    /// Limits of each room.
    "room" Room {
        /// Most members of one room, whatever its own capacity says.
        members: u32 = 5_000, in 1, 100_000;
        /// Most seats held in one room: people admitted by the rooms, call control and chat doors.
        seats: u32 = 5_000, in 1, 100_000;
        /// Most people in a call by the call control door, connecting ones included.
        conference: u32 = 6, in 1, 100;
        /// Most grants of one room.
        grants: u32 = 10_000, in 1, 1_000_000;
        /// How far ahead of use the clock of call states is made durable.
        clock_ahead: Span = Span::secs(60), in Span::millis(1), Span::secs(86_400);
        /// Most streams one member publishes at a time.
        streams_per_member: u32 = 16, in 1, 1_024;
        /// Chat entries kept for newcomers; the oldest goes when one is added.
        chat_entries: u32 = 50, in 0, 10_000;
        /// Longest chat or message value, as JSON.
        value_bytes: ByteSize = ByteSize::kib(256), in ByteSize(64), ByteSize::mib(1);
        /// Largest attributes of a member or of the room, as JSON.
        attribute_bytes: ByteSize = ByteSize::kib(16), in ByteSize(64), ByteSize::mib(1);
        /// Most labels in a member's table of wishes.
        wishes: u32 = 64, in 1, 4_096;
    }
}

section! {
    /// Limits of the control side.
    "control" Control {
        /// Most rooms in memory; a join that would open one more is refused.
        rooms: u32 = 200_000, in 1, 10_000_000;
        /// Most joins under way at a time; a further one is refused.
        entries: u32 = 2_000, in 1, 1_000_000;
        /// Most calls under way at a time: requests of doors without connections; a further one is refused as busy.
        calls: u32 = 20_000, in 1, 1_000_000;
        /// Most calls that wait for another one to be done with the same room, or with the same idempotency key; a further one is refused as busy.
        line_calls: u32 = 1_000, in 1, 1_000_000;
        /// Most records of the directory, and pages of a few, that are remembered after they were looked up; 0 remembers none.
        recent_records: u32 = 50_000, in 0, 100_000_000;
        /// How long somebody whom call control admitted may take to connect.
        connecting: Span = Span::secs(20), in Span::millis(10), Span::secs(3_600);
        /// Most commands of one room that wait for the store; a further one is refused, except leaving.
        waiting_commands: u32 = 10_000, in 1, 1_000_000;
        /// How long the store may take; what waits longer is refused.
        store_patience: Span = Span::secs(5), in Span::millis(10), Span::secs(300);
        /// How long an empty room stays in memory.
        idle_room: Span = Span::secs(300), in Span::millis(0), Span::secs(604_800);
        /// How long a publisher whose media stopped may take to bring it back before its stream ends.
        lost_stream: Span = Span::secs(30), in Span::millis(10), Span::secs(3_600);
    }
}

section! {
    /// Limits and times of the media workers.
    "sfu" Sfu {
        /// How long the packets of a frame may wait for its last one, so that they leave together.
        frame_hold: Span = Span::millis(1), in Span::millis(0), Span::millis(50);
        /// Without a valid ICE check for this long, nothing is sent to a peer any more.
        consent: Span = Span::secs(30), in Span::secs(1), Span::secs(300);
        /// How long a DTLS handshake may take.
        handshake: Span = Span::secs(30), in Span::secs(1), Span::secs(120);
        /// Most handshakes of one worker under way at once.
        handshakes: u32 = 4_096, in 1, 65_536;
        /// Most peers of one worker.
        peers: u32 = 65_536, in 1, 1_000_000;
        /// Packets kept per video layer for resending.
        video_ring: u32 = 512, in 16, 4_096;
        /// Packets kept per audio track.
        audio_ring: u32 = 64, in 16, 4_096;
        /// Time between two requests for a key frame on one track.
        keyframe_spacing: Span = Span::millis(500), in Span::millis(10), Span::secs(60);
        /// Rate told to publishers that negotiated no transport-wide feedback, in bits per second.
        remb_bits: u32 = 2_500_000, in 50_000, 1_000_000_000;
        /// Most bytes of one worker that wait to be sent.
        outbox: ByteSize = ByteSize::mib(16), in ByteSize::mib(1), ByteSize::mib(512);
    }
}

section! {
    /// The store's thread.
    "store" Store {
        /// Requests that may wait; a further one is refused as busy.
        queue: u32 = 4_096, in 16, 1_000_000;
        /// Largest database; what would make it larger is refused as on a full disk. `0B` means no limit but the disk's.
        size_max: ByteSize = ByteSize(0);
    }
}

/// Copies fields of the same name.
macro_rules! copy {
    ($from:expr => $to:expr; $($field:ident),*) => {
        $($to.$field = $from.$field;)*
    };
}

impl Galene {
    /// Puts the values where the machine takes them.
    pub fn apply(&self, node: &mut parlour_node::Config) {
        copy!(self => node.galene.config; first_message, ping_after, dead_after, failure_delay,
            message_burst, messages_per_second);
    }
}

impl Room {
    /// Puts the values where the machine takes them.
    pub fn apply(&self, node: &mut parlour_node::Config) {
        copy!(self => node.room; members, seats, conference, grants, streams_per_member, chat_entries, wishes);
        let bytes = |size: ByteSize| u32::try_from(size.0).unwrap_or(u32::MAX);
        node.room.clock_ahead_ms =
            u32::try_from(self.clock_ahead.0.as_millis()).unwrap_or(u32::MAX);
        node.room.value_bytes = bytes(self.value_bytes);
        node.room.attribute_bytes = bytes(self.attribute_bytes);
    }
}

impl Control {
    /// Puts the values where the machine takes them.
    pub fn apply(&self, node: &mut parlour_node::Config) {
        copy!(self => node.limits; rooms, entries, calls, line_calls, recent_records, connecting,
            waiting_commands, store_patience, idle_room, lost_stream);
    }
}

impl Sfu {
    /// The worker's configuration with these values.
    #[must_use]
    pub fn config(&self) -> parlour_sfu::Config {
        let mut config = parlour_sfu::Config::default();
        copy!(self => config; frame_hold, consent, handshake, handshakes, peers, video_ring,
            audio_ring, keyframe_spacing, remb_bits, outbox);
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_machines() {
        let media = parlour_node::config::Media {
            workers: 1,
            fingerprint: parlour_sfu::plan::Fingerprint([0; 32]),
            candidates: Vec::new(),
        };
        let plain = parlour_node::Config {
            galene: Default::default(),
            doors: Default::default(),
            room: Default::default(),
            limits: Default::default(),
            media,
            canonical_host: None,
            lobby: true,
            media_server: None,
        };
        let mut ours = plain.clone();
        Galene::default().apply(&mut ours);
        Room::default().apply(&mut ours);
        Control::default().apply(&mut ours);
        assert_eq!(format!("{ours:?}"), format!("{plain:?}"));
        assert_eq!(Sfu::default().config(), parlour_sfu::Config::default());
    }
}
