//! One room as its people know it, and what a full view of it has to show.

use super::super::Under;
use super::{Seen, Who, ensure};
use crate::dice::{MS, SEC};
use parlour_base::Json;
use std::collections::{BTreeMap, BTreeSet};

/// How late an end may be noticed: the write takes its time, and one that
/// failed is tried again after a second.
pub(super) const LATE: u64 = 2 * SEC;

/// Where somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Inside at least until the first and at most until the second.
    In(u64, u64),
    Out,
    /// Nobody can say.
    Unsure,
}

impl Place {
    /// Inside for this long from some time between question and answer on. The
    /// server reads a clock of whole milliseconds.
    pub(super) const fn inside(life: u64, under: &Under, seen: &Seen<'_>) -> Self {
        Self::In(under.at / MS * MS + life, seen.at + life)
    }
}

/// Somebody in a room.
#[derive(Debug)]
pub(super) struct Person {
    pub place: Place,
    /// Empty where nobody can say.
    pub name: String,
    /// Requests of this one under way, and whether there were two at once.
    pub busy: u32,
    pub mixed: bool,
    /// When this was last heard of.
    pub heard: u64,
}

impl Person {
    pub(super) const fn new(place: Place, name: String, heard: u64) -> Self {
        Self { place, name, busy: 0, mixed: false, heard }
    }
}

/// Whether a room is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    There,
    /// A deletion may have happened.
    Unsure,
    /// Since this second of the wall clock, and this time of the world.
    Gone(i64, u64),
}

/// One room.
#[derive(Debug)]
pub(super) struct Known {
    pub owner: usize,
    pub life: Life,
    /// Since when its owner knows of it.
    pub made: u64,
    /// The largest size it may have had.
    pub size: u32,
    pub ctime: i64,
    pub ctime_at: u64,
    /// How often the server had failed before it was set, as far as is known:
    /// the visits of people at other doors are shown before they are on disk,
    /// and a write of them that failed is not done again.
    pub ctime_count: u64,
    /// How often the server had failed when it was looked at last.
    pub looked_count: u64,
    pub people: BTreeMap<Who, Person>,
    /// Every name that was used to come in, and how often: a join sent again
    /// by somebody without credentials is one more person of that name.
    pub names: BTreeMap<String, u32>,
    /// Other doors lead here too.
    pub shared: bool,
    /// Who is inside, as the owner was told last.
    pub last: Option<Vec<String>>,
}

impl Known {
    pub(super) const fn new(owner: usize, size: u32, made: u64) -> Self {
        Self {
            owner,
            life: Life::There,
            made,
            size,
            ctime: 0,
            ctime_at: 0,
            ctime_count: 0,
            looked_count: 0,
            people: BTreeMap::new(),
            names: BTreeMap::new(),
            shared: false,
            last: None,
        }
    }

    /// Somebody was shown everything.
    pub(super) fn full(
        &mut self,
        under: &Under,
        seen: &Seen<'_>,
        list: &[Json],
        steady: bool,
        exact: bool,
    ) -> Result<(), String> {
        let mut names: Vec<String> = list
            .iter()
            .map(|one| one["displayName"].as_str().unwrap_or_default().to_owned())
            .collect();
        names.sort_unstable();
        let ids: BTreeSet<&str> =
            list.iter().filter_map(|one| one["roomConnectionId"].as_str()).collect();
        ensure(ids.len() == list.len(), "two people are one connection")?;
        let ctime = seen.body["ctime"].as_i64().ok_or("no ctime")?;
        if steady && under.at >= self.ctime_at {
            let same = under.trouble.count == self.ctime_count;
            ensure(!same || ctime >= self.ctime, "ctime went back")?;
            if ctime != self.ctime {
                self.ctime_count = self.looked_count;
            }
            (self.ctime, self.ctime_at) = (ctime, seen.at);
            self.looked_count = under.trouble.count;
        }
        if !self.shared {
            ensure(names.len() <= self.size as usize, "more people than the room takes")?;
        }
        // What was heard of somebody meanwhile may be newer than this.
        let alone = |person: &Person| self.names.get(&person.name).is_none_or(|n| *n < 2);
        let settled = |person: &&Person| {
            let heard = person.busy == 0 && person.heard < under.at;
            exact && heard && !person.name.is_empty() && alone(person)
        };
        for person in self.people.values().filter(settled) {
            let listed = names.contains(&person.name);
            match person.place {
                Place::In(until, _) if seen.at < until && !listed => {
                    return Err(format!("{} is inside and not listed", person.name));
                }
                Place::In(_, until) if under.at > until + LATE && listed => {
                    return Err(format!("{} ran out at {until} and is listed", person.name));
                }
                Place::Out if listed => {
                    return Err(format!("{} has left and is listed", person.name));
                }
                _ => {}
            }
        }
        self.last = Some(names);
        Ok(())
    }
}
