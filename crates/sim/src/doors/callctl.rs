//! The call-control door as its clients know it: bytes of requests as the gRPC
//! edge takes them in, bytes of answers as it hands them out, and people who
//! watch conversations, some of them slowly.

mod book;

use super::{Asked, Desk, Door, Trouble, Truth, hall};
use crate::dice::Dice;
use crate::fault::Fault;
use book::{Book, Spy, key_of};
use parlour_base::Span;
use parlour_node::callctl as door;
use parlour_session::call::Notice;
use parlour_session::{Call, Reply};
use parlour_wire::callctl::pb::common::VoidResponse;
use parlour_wire::callctl::pb::common::video::v1::MediaServerConnectionToken;
use parlour_wire::callctl::pb::mobile::video::v1 as pb;
use parlour_wire::callctl::pb::selfhost::video::v1::SetGroupMembersRequest;
use parlour_wire::callctl::{self as wire, Check, ConvoId, GroupName, LocalPart, Message};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Who there is; the first two belong to the hall.
const PEOPLE: [&str; 4] = ["alice_a1b", "bob.b_z9z", "carol_c3c", "dan_d4d"];
/// Conversations: two groups and a pair, and the hall once it is open.
const CONVOS: [&str; 4] =
    ["1234567890123_g", "2234567890123_g", "alice_a1b:bob.b_z9z", hall::CONVO];

/// A request under way.
#[derive(Debug)]
pub(super) struct Under {
    what: What,
    who: usize,
    convo: String,
    at: u64,
    trouble: Trouble,
    /// How often the members had been set, or were about to be.
    version: u64,
    /// The latest list that was pushed before.
    stamp: u64,
    keys: Spy,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Join,
    Leave,
    Force,
    Query,
    Members(Vec<usize>),
}

/// The clients of this door.
#[derive(Debug)]
pub(crate) struct Callctl {
    rules: Arc<door::Config>,
    under: BTreeMap<u64, Under>,
    book: Book,
    /// A request that is sent once more.
    again: Option<(What, usize, String, Vec<u8>)>,
    looked: usize,
    left: usize,
}

impl Callctl {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let rules = door::Config {
            app: "kik".to_owned(),
            media_host: "media.example.org".to_owned(),
            media_port: 8443,
            token_life: Span::secs(30 + dice.between(0, 600)),
            ask: None,
        };
        let rules = Arc::new(rules);
        Self {
            rules,
            under: BTreeMap::new(),
            book: Book::default(),
            again: None,
            looked: 0,
            left: 0,
        }
    }

    /// A call for a request that came as these bytes; `None` if the edge
    /// refuses them.
    fn begin(
        &self,
        what: &What,
        who: usize,
        bytes: &[u8],
    ) -> Result<Option<Box<dyn Call>>, String> {
        let caller = LocalPart::parse(PEOPLE[who]).map_err(|o| o.to_string())?;
        let rules = || Arc::clone(&self.rules);
        let convo = |id: Option<_>| ConvoId::try_from(id.unwrap_or_default()).ok();
        let call: Option<Box<dyn Call>> = match what {
            What::Join => wire::read::<pb::JoinConvoConferenceRequest>(bytes)
                .ok()
                .and_then(|request| convo(request.convo_id))
                .map(|convo| -> Box<dyn Call> {
                    Box::new(door::Join::new(rules(), caller, convo, door::Authority::Here))
                }),
            What::Leave => wire::read::<pb::LeaveConvoConferenceNotification>(bytes)
                .ok()
                .and_then(|request| Some((convo(request.convo_id)?, request.connection_token)))
                .map(|(convo, token)| -> Box<dyn Call> {
                    Box::new(door::Leave::new(caller, convo, token.map(|token| token.payload)))
                }),
            What::Query => wire::read::<pb::BatchedGetConvoStateRequest>(bytes)
                .ok()
                .and_then(|request| {
                    request.convo_ids.into_iter().map(|id| convo(Some(id))).collect()
                })
                .map(|convos| -> Box<dyn Call> {
                    Box::new(door::Query::new(rules(), caller, convos))
                }),
            What::Force => {
                let convo = wire::read::<pb::JoinConvoConferenceRequest>(bytes).ok();
                convo
                    .and_then(|request| convo_of(request.convo_id))
                    .map(|convo| -> Box<dyn Call> { Box::new(door::Force::new(caller, convo)) })
            }
            What::Members(_) => wire::read::<SetGroupMembersRequest>(bytes)
                .ok()
                .and_then(|request| {
                    let group = GroupName::try_from(request.group?).ok()?;
                    let members = request.members.into_iter().map(LocalPart::try_from);
                    Some((group, members.collect::<Result<Vec<_>, _>>().ok()?))
                })
                .map(|(group, members)| -> Box<dyn Call> {
                    Box::new(door::SetMembers::new(group, members))
                }),
        };
        Ok(call)
    }

    /// The bytes of a request.
    fn bytes(&self, what: &What, convo: &str, token: Option<String>) -> Vec<u8> {
        let id = ConvoId::parse_key(convo).ok().map(|convo| convo.to_pb());
        match what {
            What::Join | What::Force => {
                pb::JoinConvoConferenceRequest { convo_id: id }.encode_to_vec()
            }
            What::Leave => pb::LeaveConvoConferenceNotification {
                convo_id: id,
                connection_token: token
                    .map(|token| MediaServerConnectionToken { payload: token.into_bytes() }),
            }
            .encode_to_vec(),
            What::Query => pb::BatchedGetConvoStateRequest { convo_ids: id.into_iter().collect() }
                .encode_to_vec(),
            What::Members(list) => {
                let members = list.iter().filter_map(|n| LocalPart::parse(PEOPLE[*n]).ok());
                let group = GroupName::parse(convo).ok();
                SetGroupMembersRequest {
                    group: group.map(|group| parlour_wire::callctl::pb::common::XiGroupJid {
                        local_part: group.as_str().to_owned(),
                    }),
                    members: members.map(|name| name.to_pb()).collect(),
                }
                .encode_to_vec()
            }
        }
    }

    fn send(
        &mut self,
        number: u64,
        desk: &Desk<'_>,
        (what, who, convo): (What, usize, &str),
        bytes: &[u8],
    ) -> Asked {
        let keys = Spy::default();
        let Some(call) = self.begin(&what, who, bytes)? else { return Ok(None) };
        if matches!(what, What::Members(_)) {
            self.book.members_change(convo);
        }
        let under = Under {
            version: self.book.version(convo),
            stamp: self.book.pushed(convo),
            what,
            who,
            convo: convo.to_owned(),
            at: desk.at(),
            trouble: desk.trouble,
            keys: keys.clone(),
        };
        self.under.insert(number, under);
        Ok(Some(keys.around(call)))
    }

    /// A wish, and the token that goes with it.
    fn wish(&mut self, desk: &mut Desk<'_>) -> (What, usize, String, Option<String>) {
        let most = if desk.hall.is_some() { CONVOS.len() } else { CONVOS.len() - 1 };
        let convo = CONVOS[desk.dice.below(most)].to_owned();
        let who = desk.dice.below(PEOPLE.len());
        let open = self.book.is_described(&convo);
        let group = !convo.contains(':') && convo != hall::CONVO;
        let what = match desk.dice.below(20) {
            _ if group && !open => self.members(desk),
            0 if group => self.members(desk),
            1 if !desk.swarm.over => What::Force,
            2..=9 => What::Join,
            10..=14 => What::Leave,
            _ => What::Query,
        };
        let token = match what {
            What::Leave => self.token(desk, who, &convo),
            _ => None,
        };
        (what, who, convo, token)
    }

    fn members(&self, desk: &mut Desk<'_>) -> What {
        What::Members((0..PEOPLE.len()).filter(|_| desk.dice.chance(750)).collect())
    }

    /// The newest token, or one that was replaced, somebody else's, or none.
    fn token(&mut self, desk: &mut Desk<'_>, who: usize, convo: &str) -> Option<String> {
        if desk.strikes(Fault::LateLeave, 300) {
            return self.book.old_token(who, convo);
        }
        if desk.strikes(Fault::ForeignToken, 100) {
            return self.book.foreign_token(who, convo);
        }
        if desk.strikes(Fault::ForgedToken, 100) {
            let mut token = self.book.token(who, convo)?.into_bytes();
            let at = desk.dice.below(token.len());
            token[at] ^= 1;
            return Some(String::from_utf8_lossy(&token).into_owned());
        }
        self.book.token(who, convo)
    }
}

fn convo_of(id: Option<parlour_wire::callctl::pb::common::video::v1::ConvoId>) -> Option<ConvoId> {
    ConvoId::try_from(id.unwrap_or_default()).ok()
}

/// A message as it travels: it fits its own limits and is read as it was
/// written.
fn carried<M: Message + Check + Default>(message: &M) -> Result<M, String> {
    let bytes = message.encode_to_vec();
    wire::read(&bytes).map_err(|fault| format!("an answer that no client reads: {fault}"))
}

impl Door for Callctl {
    fn ask(&mut self, number: u64, desk: &mut Desk<'_>) -> Asked {
        if let Some((what, who, convo, bytes)) = self.again.take() {
            return self.send(number, desk, (what, who, &convo), &bytes);
        }
        if desk.strikes(Fault::SlowWatcher, 100) {
            self.book.reads_later(desk.dice.below(CONVOS.len()), desk.at() + 10_000_000);
        }
        self.book.read(desk.at())?;
        let (what, who, convo, token) = self.wish(desk);
        let mut bytes = self.bytes(&what, &convo, token);
        if desk.strikes(Fault::BrokenRequest, 60) {
            // The edge refuses it, or it asks for something else: of what
            // comes of it nothing is known.
            let at = desk.dice.below(bytes.len().max(1));
            bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 0x55);
            if wire::read::<pb::BatchedGetConvoStateRequest>(&bytes).is_err() {
                return Ok(None);
            }
            return self.send(number, desk, (What::Query, who, &convo), &bytes);
        }
        if desk.strikes(Fault::RequestRepeated, 60) {
            self.again = Some((what.clone(), who, convo.clone(), bytes.clone()));
        }
        self.send(number, desk, (what, who, &convo), &bytes)
    }

    fn says(&self, number: u64, _: &dyn Call) -> String {
        let under = self.under.get(&number);
        format!("{:?}", under.map(|under| (&under.what, PEOPLE[under.who], &under.convo)))
    }

    fn answered(&mut self, number: u64, reply: Reply, desk: &mut Desk<'_>) -> Result<(), String> {
        let under = self.under.remove(&number).ok_or("an answer to nothing")?;
        let alone = self.under.values().all(|other| other.convo != under.convo);
        let alone = self.book.was_alone(&under, alone, desk.at());
        let wrong = "another door's reply";
        let reader = PEOPLE[under.who];
        let excused = under.trouble.excuses(desk.trouble);
        let failed = |trouble: door::Trouble| match excused {
            true => Ok(()),
            false => Err(format!("{under:?}: {trouble} without a reason")),
        };
        match &under.what {
            What::Join => {
                let answer: Result<pb::JoinConvoConferenceResponse, door::Trouble> =
                    reply.open().ok_or(wrong)?;
                match answer {
                    Ok(answer) => {
                        let answer = carried(&answer)?;
                        if let Some(token) = self.book.joined(&under, answer, alone)? {
                            desk.secrets.keep(reader, &token);
                            desk.handed_out(token);
                        }
                        Ok(())
                    }
                    Err(trouble) => failed(trouble),
                }
            }
            What::Query => {
                let answer: Result<pb::BatchedGetConvoStateResponse, door::Trouble> =
                    reply.open().ok_or(wrong)?;
                match answer {
                    Ok(answer) => {
                        let answer = carried(&answer)?;
                        desk.secrets.absent(reader, format_args!("{answer:?}"))?;
                        self.book.queried(&under, &answer)
                    }
                    Err(trouble) => failed(trouble),
                }
            }
            What::Leave | What::Force | What::Members(_) => {
                let answer: Result<VoidResponse, door::Trouble> = reply.open().ok_or(wrong)?;
                self.book.done(&under, answer.is_ok());
                answer.map(|_| ()).or_else(failed)
            }
        }
    }

    fn unanswered(&mut self, number: u64, _: &mut Desk<'_>) {
        if let Some(under) = self.under.remove(&number) {
            self.book.done(&under, false);
        }
    }

    fn told(&mut self, notice: &Notice, desk: &mut Desk<'_>) -> Result<(), String> {
        match notice {
            Notice::Roster(roster) => self.book.push(key_of(&roster.state)?, roster, desk.at()),
            _ => Ok(()),
        }
    }

    fn look(&mut self, number: u64, desk: &mut Desk<'_>) -> Asked {
        self.book.read(u64::MAX)?;
        self.again = None;
        // Somebody who belongs to it asks for each.
        while let Some(convo) = CONVOS.get(self.looked) {
            self.looked += 1;
            if let Some(who) = self.book.insider(convo) {
                let bytes = self.bytes(&What::Query, convo, None);
                return self.send(number, desk, (What::Query, who, convo), &bytes);
            }
        }
        Ok(None)
    }

    fn agrees(&self, truth: &Truth<'_>) -> Result<u64, String> {
        self.book.agrees(truth)
    }

    fn farewell(&mut self, number: u64, desk: &mut Desk<'_>) -> Asked {
        // Everybody goes, whatever token is the newest.
        let (convo, who) = (self.left / PEOPLE.len(), self.left % PEOPLE.len());
        self.left += 1;
        let Some(convo) = CONVOS.get(convo) else { return Ok(None) };
        let bytes = self.bytes(&What::Force, convo, None);
        self.send(number, desk, (What::Force, who, convo), &bytes)
    }
}
