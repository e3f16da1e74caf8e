//! Networks with names.
//!
//! The figures are our own choice, in the middle of what people measure on
//! such networks, rounded so that a reader can tell what a run should show.
//! docs/reference/impairments.md is written from here.

use crate::profile::{Burst, Course, Path, Profile, Tcp};
use crate::share::Share;
use crate::window::{Moment, Window};
use parlour_base::{ByteSize, Span};
use std::fmt::Write as _;
use std::str::FromStr;

macro_rules! presets {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal,)*) => {
        /// A network with a name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Preset {
            $($(#[doc = $doc])* $name,)*
        }

        impl Preset {
            /// All of them, the best first.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it stands for.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc,)*).trim_ascii(),)* }
            }
        }
    };
}

presets! {
    /// Nothing happens to anything: for comparison.
    Clean = "clean",
    /// A DSL line: quick and slow to send, little is lost.
    Dsl = "dsl",
    /// Wi-Fi with neighbours: jitter, and losses that come together.
    Wifi = "wifi",
    /// A phone in a city: long queues instead of losses.
    Lte = "lte",
    /// Every twentieth datagram is lost, both ways, and nothing else is scarce.
    Lossy = "lossy",
    /// Everything that datagrams can suffer, a little of each: order, copies, bits.
    Rough = "rough",
    /// The other side of the world.
    Far = "far",
    /// As much as an old phone line carries.
    Narrow = "narrow",
    /// A train: little room, bursts, a tunnel every half minute, another address every minute.
    Train = "train",
}

/// A name that no preset has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no network is called {0:?}; there are {names}", names = names())]
pub struct Unknown(String);

fn names() -> String {
    let all: Vec<_> = Preset::ALL.iter().map(|preset| preset.name()).collect();
    all.join(", ")
}

impl FromStr for Preset {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        let found = Self::ALL.iter().find(|preset| preset.name() == text);
        found.copied().ok_or_else(|| Unknown(text.to_owned()))
    }
}

const KBIT: u64 = 1_000;
const MBIT: u64 = 1_000_000;

impl Preset {
    /// What it does.
    #[must_use]
    pub fn profile(self) -> Profile {
        match self {
            Self::Clean => Profile::default(),
            Self::Dsl => dsl(),
            Self::Wifi => wifi(),
            Self::Lte => lte(),
            Self::Lossy => lossy(),
            Self::Rough => rough(),
            Self::Far => far(),
            Self::Narrow => narrow(),
            Self::Train => train(),
        }
    }
}

fn path(delay_ms: u64, jitter_ms: u64, rate_bps: u64) -> Path {
    Path {
        delay: Span::millis(delay_ms),
        jitter: Span::millis(jitter_ms),
        rate_bps,
        ..Path::default()
    }
}

/// A stream on the same network: its delay with half of the jitter, its rate.
fn course(path: &Path) -> Course {
    let delay = path.delay.0.as_millis() + path.jitter.0.as_millis() / 2;
    let delay = Span::millis(u64::try_from(delay).unwrap_or(u64::MAX));
    Course { delay, rate_bps: path.rate_bps, ..Course::default() }
}

fn network(up: Path, down: Path) -> Profile {
    let tcp = Tcp { up: course(&up), down: course(&down) };
    Profile { up, down, tcp, ..Profile::default() }
}

fn dsl() -> Profile {
    let each = |rate, queue| Path {
        loss: Share::permille(1),
        queue: Span::millis(queue),
        ..path(12, 3, rate)
    };
    network(each(MBIT, 300), each(16 * MBIT, 100))
}

fn wifi() -> Profile {
    let burst =
        Burst { enter: Share::permille(3), leave: Share::percent(25), loss: Share::percent(60) };
    let each = |rate| Path {
        loss: Share::permille(2),
        burst,
        queue: Span::millis(150),
        ..path(3, 20, rate)
    };
    network(each(15 * MBIT), each(30 * MBIT))
}

fn lte() -> Profile {
    let each = |rate| Path {
        loss: Share::permille(1),
        queue: Span::millis(800),
        queue_bytes: ByteSize::mib(1),
        ..path(30, 25, rate)
    };
    network(each(5 * MBIT), each(20 * MBIT))
}

fn lossy() -> Profile {
    let each = Path { loss: Share::percent(5), ..path(20, 40, 0) };
    network(each.clone(), each)
}

fn rough() -> Profile {
    let each = Path {
        loss: Share::percent(1),
        reorder: Share::percent(1),
        duplicate: Share::percent(1),
        corrupt: Share::permille(2),
        keep_order: false,
        ..path(20, 30, 0)
    };
    network(each.clone(), each)
}

fn far() -> Profile {
    let each = Path { loss: Share::permille(5), ..path(150, 20, 0) };
    network(each.clone(), each)
}

fn narrow() -> Profile {
    let each = |rate| Path { queue: Span::millis(600), ..path(40, 10, rate) };
    network(each(300 * KBIT), each(300 * KBIT))
}

fn train() -> Profile {
    let burst =
        Burst { enter: Share::percent(1), leave: Share::percent(20), loss: Share::percent(50) };
    let each = |rate| Path {
        loss: Share::percent(1),
        burst,
        queue: Span::millis(800),
        ..path(45, 50, rate)
    };
    let tunnel = Window { at: Span::secs(15), lasting: Span::secs(3), every: Some(Span::secs(30)) };
    let mut profile = network(each(2 * MBIT), each(5 * MBIT));
    for course in [&mut profile.tcp.up, &mut profile.tcp.down] {
        course.stalls = vec![tunnel];
    }
    let rebinds = vec![Moment { at: Span::secs(40), every: Some(Span::secs(60)) }];
    Profile { blackouts: vec![tunnel], rebinds, ..profile }
}

/// The page about the presets.
#[must_use]
pub fn page() -> String {
    let mut text = HEAD.to_owned();
    for preset in Preset::ALL {
        let profile = preset.profile();
        for (way, path) in [("up", &profile.up), ("down", &profile.down)] {
            row(&mut text, *preset, way, path);
        }
    }
    text.push_str(TAIL);
    for preset in Preset::ALL {
        let name = preset.name();
        write!(text, "\n### {name}\n\n{}\n", preset.meaning()).expect("a text takes all");
    }
    text.push_str(WRITE_ONE);
    text.push_str(&format!("\n```toml\n{}```\n", Preset::Train.profile().to_toml()));
    text
}

fn row(text: &mut String, preset: Preset, way: &str, path: &Path) {
    let (enter, leave) = (path.burst.enter.as_f64(), path.burst.leave.as_f64());
    let bad = if enter > 0.0 { enter / (enter + leave) * path.burst.loss.as_f64() } else { 0.0 };
    let rate = match path.rate_bps {
        0 => "–".to_owned(),
        rate if rate >= MBIT => format!("{} Mb/s, {}", rate / MBIT, path.queue),
        rate => format!("{} kb/s, {}", rate / KBIT, path.queue),
    };
    let others = [path.reorder, path.duplicate, path.corrupt];
    let others: Vec<_> = others.iter().map(ToString::to_string).collect();
    writeln!(
        text,
        "| `{}` | {way} | {} | {:.1} % | {} | {} | {rate} | {} |",
        preset.name(),
        path.loss,
        bad * 100.0,
        path.delay,
        path.jitter,
        others.join(", "),
    )
    .expect("a text takes all");
}

const HEAD: &str = "# Bad networks with names

Written by `parlour-impair presets`; do not edit. The figures are our own choice, in the middle of what \
people measure on such networks. The simulator, `parlour bench call --impair NAME` and the proxy \
`parlour-impair --profile NAME` of the browser tests use the same model, `crates/impair`.

Loss counts datagrams lost each by itself, *bursts* those lost together, as a share of all. Delay is one \
way; jitter is up to so much more, equally likely. The queue in front of the rate loses what would wait \
longer.

| Preset | Way | Loss | Bursts | Delay | Jitter | Rate, queue | Out of order, twice, broken |
| --- | --- | --- | --- | --- | --- | --- | --- |
";

const TAIL: &str = "
Streams (TCP) have the delay with half of the jitter and the rate; loss shows in them as waiting, and is \
not modelled. In `train` they stand still while it is dark.

## What they stand for
";

const WRITE_ONE: &str = "
## Writing one

A profile is TOML or JSON. Everything has a default that changes nothing; unknown keys are refused. \
Times are `\"20ms\"` or `\"5s\"`, shares are numbers from 0 to 1, `rate_bps = 0` is no limit. `[up]` is \
from the client to the server, `[tcp.up]` the same for streams; those also know `half_close_after` and \
`reset_after`, sizes after which a direction or the connection ends, and `piece_max`, the most bytes that \
arrive at once. All of `train`:
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_has_a_name_that_finds_it_and_makes_sense() {
        for preset in Preset::ALL {
            assert_eq!(preset.name().parse::<Preset>().as_ref(), Ok(preset));
            assert_eq!(preset.profile().check(), Ok(()));
            let text = preset.profile().to_toml();
            assert_eq!(Profile::read(&text).as_ref(), Ok(&preset.profile()), "{text}");
            assert!(page().contains(preset.meaning()));
        }
        let unknown = "moon".parse::<Preset>().expect_err("no network");
        assert!(unknown.to_string().contains("train"), "{unknown}");
    }
}
