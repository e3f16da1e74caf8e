//! The store's thread and engine alone, doing the writes of joins: as many, in
//! as many rooms and with as many under way as in the server.

use super::made::{Made, commit, done, later, open, wall};
use super::{GUESTS, Rooms};
use crate::clock::instant;
use anyhow::{Context as _, Result, anyhow};
use parlour_base::Entropy;
use parlour_base::storage::{StoreRequest, Write};
use parlour_store::{DataFolder, Engine as _, SqliteEngine, Writer};
use std::num::NonZeroUsize;
use std::time::Duration;

/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Requests made durable together while the rooms are made.
const GROUP: usize = 1_000;

/// Joins per second.
///
/// # Errors
/// If the engine fails.
pub(super) fn joins_per_second(size: Rooms) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let mut engine = SqliteEngine::open(DataFolder::open(folder.path())?)?;
    let (rooms, joins) = work(size)?;
    for group in rooms.chunks(GROUP) {
        for reply in engine.execute(group.to_vec()) {
            done(reply)?;
        }
    }
    let lanes = size.connections.max(1);
    let (replies, heard) = flume::bounded(lanes);
    let queue = NonZeroUsize::new(lanes).context("no connections")?;
    let writer = Writer::spawn(engine, queue, move |reply| drop(replies.send(reply)))?;
    let all = joins.len();
    let mut joins = (0_u64..).zip(joins);
    let mut submit = || match joins.next() {
        Some((id, writes)) => {
            writer.try_submit(commit(id, writes)).map_err(|_| anyhow!("the store's queue is full"))
        }
        None => Ok(()),
    };
    let begun = instant();
    for _ in 0..lanes {
        submit()?;
    }
    for _ in 0..all {
        done(heard.recv_timeout(PATIENCE)?)?;
        submit()?;
    }
    Ok(all as f64 / begun.elapsed().as_secs_f64())
}

/// What makes the rooms, and the writes of each join; neighbours in time are in
/// different rooms.
fn work(size: Rooms) -> Result<(Vec<StoreRequest>, Vec<Vec<Write>>)> {
    let (mut entropy, now) = (Entropy::from_seed([7; 32]), wall());
    let (mut rooms, mut made) = (Vec::new(), Vec::new());
    for _ in 0..size.people.div_ceil(GUESTS) {
        let mut one = Made::new(&mut entropy, now, 5)?;
        rooms.push(open(0, one.id()));
        rooms.push(commit(0, std::mem::take(&mut one.writes)));
        made.push(one);
    }
    let mut joins = Vec::with_capacity(size.people);
    for at in 0..size.people {
        let room = at % made.len().max(1);
        let room = made.get_mut(room).context("no rooms")?;
        joins.push(room.join(&mut entropy, now, later(now, size.life))?);
    }
    Ok((rooms, joins))
}
