//! The end of sessions and accounts, and the link between the two.

use super::asks::Visit;
use super::calls::Effect;
use super::credentials::Session;
use super::http::Answer;
use super::records::{CALL_URL, CALL_URLS, HAWK, PUSH, device_key, forget, prefix};
use parlour_base::storage::Write;
use parlour_base::{RoomId, UserId};
use parlour_wire::rooms::{ApiError, seal};

impl Visit {
    /// `DELETE /session`
    pub(super) async fn end_session(&mut self) -> Result<Answer, ApiError> {
        let session = self.hawk_with_account().await?;
        let push = forget(PUSH, device_key(session.record.user, &session.device));
        self.port.commit(vec![push, forget(HAWK, session.device)]).await?;
        Ok(Answer::nothing())
    }

    /// `DELETE /account`: rooms survive.
    pub(super) async fn end_account(&mut self) -> Result<Answer, ApiError> {
        let session = self.hawk().await?;
        let user = session.record.user;
        let mut writes = self.forget_all(PUSH, user).await?;
        let urls = self.port.records(CALL_URLS, &prefix(user), u32::MAX).await?;
        for (key, _) in urls {
            let token = key.split_once('/').map(|(_, token)| token.to_owned());
            writes.extend(token.map(|token| forget(CALL_URL, token)));
            writes.push(forget(CALL_URLS, key));
        }
        writes.push(forget(HAWK, session.device));
        self.port.commit(writes).await?;
        self.marks.effect = Some(Effect::Forget { user });
        Ok(Answer::nothing())
    }

    async fn forget_all(&self, kind: &str, user: UserId) -> Result<Vec<Write>, ApiError> {
        let listed = self.port.records(kind, &prefix(user), u32::MAX).await?;
        Ok(listed.into_iter().map(|(key, _)| forget(kind, key)).collect())
    }

    /// From now on the session is this account's.
    pub(super) async fn link(&self, session: &mut Session, account: &str) -> Result<(), ApiError> {
        session.record.user = self.account_user(account).await?;
        session.record.account = self.sealed(session, account);
        session.account = Some(account.to_owned());
        self.keep_session(session).await
    }

    /// The account of a session as the room is told it, who keeps it.
    pub(super) fn account_inside(&self, session: &Session, room: RoomId) -> Option<String> {
        let mut nonce = [0; seal::NONCE_BYTES];
        self.port.random(|entropy| entropy.fill(&mut nonce));
        let secret = self.door.config.account_secret.expose();
        seal::seal_inside(secret, &room.to_string(), session.account.as_deref()?, nonce)
    }

    /// A text that only the holder of this session can have opened.
    pub(super) fn sealed(&self, session: &Session, text: &str) -> Option<String> {
        let mut nonce = [0; seal::NONCE_BYTES];
        self.port.random(|entropy| entropy.fill(&mut nonce));
        seal::seal(&session.hawk_id, text, nonce)
    }
}
