//! Entering a media server apart: with a token of call control that the keeper
//! of the calls is asked about, and by no other way.
//!
//! Source: docs/protocols/callctl.md §8.

use super::EntryFailure;
use super::visit::Welcome;
use crate::call::{Call, Outcome, Reply, Step};
use crate::callctl::NAMESPACE;
use crate::flow::{Flow, Port};
use parlour_base::Secret;
use parlour_directory::media_token::room_named;
use parlour_directory::outside::Outside;
use parlour_room::policy::VISITOR;
use parlour_room::{Person, Proof};
use parlour_wire::callctl::pb::common::video::v1::MediaServerConnectionToken;
use parlour_wire::callctl::pb::selfhost::video::v1::ClientConnectedRequest;
use parlour_wire::callctl::pb::selfhost::video::v1::client_connected_response::Result as Connected;
use parlour_wire::callctl::{Check as _, ConnectionText, ConvoId, LocalPart};

/// Somebody who shows a token.
#[derive(Debug)]
pub struct Bearer {
    /// The conference: its id, alone or behind host and port; or its room; or
    /// nothing, if the token says it all.
    pub group: String,
    /// The token.
    pub token: Secret<String>,
    /// What this server is called by the keeper.
    pub server: String,
    /// What the connection is called.
    pub connection: u64,
}

/// A call that asks the keeper about a bearer. Reply:
/// `Result<Welcome, EntryFailure>`.
#[must_use]
pub fn present(bearer: Bearer) -> Box<dyn Call> {
    Flow::boxed(move |port| async move { Reply::new(welcome(bearer, port).await) })
}

async fn welcome(bearer: Bearer, port: Port) -> Result<Welcome, EntryFailure> {
    let Bearer { group, token, server, connection } = bearer;
    let line = ConnectionText::parse(&group).map(|line| line.conference_id);
    // Without a word about the conference the token says which room it is for;
    // whether that is so the keeper knows.
    let room = || room_named(token.expose()).filter(|_| group.is_empty());
    let named = line.or_else(|| room().map(|room| room.to_string()));
    let request = ClientConnectedRequest {
        conference_id: named.unwrap_or(group),
        connection_token: Some(MediaServerConnectionToken {
            payload: token.expose().clone().into_bytes(),
        }),
        media_server_id: server,
        connection_id: connection.to_string(),
    };
    request.check().map_err(|_| EntryFailure::NotAuthorised)?;
    let Outcome::Presented(Some(answer)) = port.step(Step::Present(request)).await else {
        return Err(EntryFailure::Internal);
    };
    if answer.result != i32::from(Connected::Ok) {
        return Err(EntryFailure::NotAuthorised);
    }
    let convo = answer.convo_id.and_then(|id| ConvoId::try_from(id).ok());
    let user = answer.user.and_then(|user| LocalPart::try_from(user).ok());
    let (Some(convo), Some(user)) = (convo, user) else { return Err(EntryFailure::Internal) };
    let name = user.as_str().to_owned();
    // The keeper lists people by their names in call control; here nobody is.
    let person = Person::known(Outside::kik(&name).derived(&port.outside()));
    let room = Some((NAMESPACE.to_owned(), convo.key()));
    Ok(Welcome { name, person, proof: Proof::Invitation(VISITOR), room })
}
