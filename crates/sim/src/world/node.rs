//! The node in its world: what it is told, what it orders, and how it dies.

use super::{Coming, PATIENCE, World, config};
use crate::dice::{MS, SEC};
use crate::disk::Answer;
use crate::fault::Fault;
use crate::links::{Parcel, Sent, Way};
use parlour_base::{ConnId, Mono};
use parlour_node::Shard;
use parlour_node::port::{Input, Output, Reply};

/// Inputs at one instant; a flood has some hundred.
const AT_ONCE_MAX: u32 = 20_000;
/// How long the server's task tries to say goodbye at most.
const GOODBYE: u64 = 15 * SEC;

impl World {
    pub(super) fn start(&mut self) -> Result<(), String> {
        self.life += 1;
        let mut config = config();
        self.doors.iter_mut().for_each(|door| door.configure(&mut config));
        let mut shard = Shard::new(config, self.dice.entropy());
        shard.watch();
        self.shard = Some(shard);
        self.input(Input::Tick)
    }

    pub(super) fn input(&mut self, input: Input) -> Result<(), String> {
        let now = self.clock();
        let (at, before) = self.at_once;
        self.at_once = (self.now, if at == self.now { before + 1 } else { 0 });
        if self.at_once.1 > AT_ONCE_MAX {
            return Err("the node turns on the spot".to_owned());
        }
        let Some(shard) = &mut self.shard else { return Ok(()) };
        shard.handle(now, input);
        if self.checker.step(shard, &self.disk, &self.secrets, now.wall)? {
            self.review();
        }
        // A panic ends the process, as it does in the server.
        let panics = self.strikes(Fault::ShardPanic, 1);
        let mut left = if panics { self.dice.below(4) } else { usize::MAX };
        while left > 0 {
            let Some(output) = self.shard.as_mut().and_then(Shard::poll) else { break };
            self.output(output)?;
            left -= 1;
        }
        if panics { self.kill() } else { Ok(()) }
    }

    fn output(&mut self, output: Output) -> Result<(), String> {
        // What is stored is the store's to know; the rest may be logged.
        let stored = matches!(output, Output::Send { .. } | Output::Store(_));
        if !stored {
            self.secrets.absent("a log", format_args!("{output:?}"))?;
        }
        match output {
            Output::Send { conn, text } => {
                self.secrets.absent("a client", &text)?;
                self.note(conn.0, &text);
                self.trace(format_args!("{conn:?} hears {text}"));
                self.send(conn, text.as_ref().to_owned());
            }
            Output::Close { conn, code, reason } => {
                self.note(u64::from(code), &reason);
                self.trace(format_args!("{conn:?} is closed: {code} {reason}"));
                self.close(conn);
            }
            Output::Store(request) => {
                self.note(request.id.0, "store");
                self.trace(format_args!("{request:?}"));
                let submitted = self.disk.submit(
                    self.now,
                    self.life,
                    request,
                    &mut self.dice,
                    &self.swarm,
                    &mut self.tally,
                );
                match submitted {
                    Ok(at) => self.at(at, Coming::StoreWorks),
                    Err(answer) => self.soon(0, Coming::StoreAnswers(Box::new(answer))),
                }
            }
            Output::Check { errand, verifier, password } => {
                let after = self.dice.between(MS, 500 * MS);
                self.soon(after, Coming::Checked(self.life, errand, verifier, password));
            }
            Output::Hash { errand, .. } => {
                let after = self.dice.between(MS, 500 * MS);
                self.soon(after, Coming::Hashed(self.life, errand));
            }
            Output::ReadGroup { errand, name } => {
                let after = self.dice.between(10, 20 * MS);
                self.soon(after, Coming::GroupRead(self.life, errand, name));
            }
            Output::Media(worker, command) => self.ordered(worker, *command)?,
            Output::Reply(_, Reply::Gauges(gauges)) => self.gauges = Some(gauges),
            Output::Answer(call, reply) => self.answered(call, reply)?,
            Output::Busy(call) => self.busy(call)?,
            Output::Notice(notice) => self.told(&notice)?,
            other => return Err(format!("nobody asked for {other:?}")),
        }
        Ok(())
    }

    fn send(&mut self, conn: ConnId, text: String) {
        let sent = self.links.send(conn, Way::Down, self.now, Parcel::Text(text), &mut self.dice);
        match sent {
            Sent::Watch(at) => self.at(at, Coming::Flow(self.life, conn, Way::Down)),
            Sent::Fine => {}
            Sent::Broken => {
                self.tally.add(Fault::CutInside);
                self.cut(conn);
            }
            Sent::Overflow => {
                self.tally.add(Fault::Overflow);
                self.give_up(conn);
            }
        }
    }

    /// The server's task closes the connection after what waits; a client that
    /// is not polite goes on sending until the task has enough.
    fn close(&mut self, conn: ConnId) {
        if let Some(link) = self.links.all.get_mut(&conn) {
            link.ending = true;
        }
        // A goodbye that does not get through is not waited for for ever.
        let at = self.links.drained(conn, self.now).min(self.now + GOODBYE);
        let polite = !self.strikes(Fault::LateFrames, 300);
        let linger = if polite { 0 } else { self.dice.between(100 * MS, 3 * SEC) };
        self.at(at + linger, Coming::HangUp(conn));
        self.at(at + linger, Coming::Gone(self.life, conn));
    }

    /// The server's task ends by itself and says so.
    pub(super) fn give_up(&mut self, conn: ConnId) {
        self.trace(format_args!("{conn:?} is given up"));
        let Some(link) = self.links.all.get_mut(&conn) else { return };
        link.given_up = true;
        let soon = self.dice.between(10, 5 * MS);
        self.soon(soon, Coming::Gone(self.life, conn));
    }

    pub(super) fn store_works(&mut self) {
        let Self { disk, dice, swarm, tally, .. } = self;
        let Some(answer) = disk.work(self.now, dice, swarm, tally) else { return };
        let after = self.dice.between(10, MS);
        if self.strikes(Fault::StoreRepeatedReply, 60) {
            let later = after + self.dice.between(10, 2 * SEC);
            self.soon(later, Coming::StoreAnswers(Box::new(answer.clone())));
        }
        self.soon(after, Coming::StoreAnswers(Box::new(answer)));
    }

    pub(super) fn stored(&mut self, answer: Answer) -> Result<(), String> {
        if answer.life != self.life || self.shard.is_none() {
            return Ok(());
        }
        let patience = PATIENCE.0;
        let waited = Mono(self.now).since(Mono(answer.since));
        self.disk.answered(&answer, waited + patience / 50 >= patience);
        self.trace(format_args!("{:?}", answer.reply));
        self.input(Input::Stored(answer.reply))
    }

    /// The node dies and is started again a little later.
    pub(super) fn kill(&mut self) -> Result<(), String> {
        self.trace("the node dies");
        self.shard = None;
        // What was on its way to this life gets nowhere.
        self.life += 1;
        let late = self.disk.crash(&mut self.dice, &self.swarm, &mut self.tally);
        for _ in 0..late {
            let after = self.dice.between(500 * MS, 10 * SEC);
            self.soon(after, Coming::LateWrite);
        }
        self.checker.survives(&self.disk)?;
        self.checker.crash();
        self.workers.crash();
        if let Some(media) = &mut self.media {
            media.crash();
        }
        (self.paused_until, self.media_paused_until) = (0, 0);
        self.calls_lost();
        let conns: Vec<ConnId> = self.links.all.keys().copied().collect();
        for conn in conns {
            self.hang_up(conn);
            self.links.all.remove(&conn);
        }
        let after = self.dice.between(100 * MS, 3 * SEC);
        self.soon(after, Coming::Start);
        Ok(())
    }
}
