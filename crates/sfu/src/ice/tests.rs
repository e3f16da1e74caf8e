use super::*;
use parlour_base::Secret;
use proptest::prelude::*;
use stun_types::attribute::{RawAttribute, Username};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, Message, MessageClass, MessageWrite as _, MessageWriteExt as _,
    MessageWriteVec, ShortTermCredentials,
};

const SILENCE: Duration = Duration::from_secs(2);

fn credentials(ufrag: &str) -> IceCredentials {
    IceCredentials { ufrag: ufrag.to_owned(), pwd: Secret::new(format!("pwd-of-{ufrag}-0123456")) }
}

/// A check as a browser sends it.
fn request(local: &str, remote: &str, pwd: &str, extra: &[u16]) -> Vec<u8> {
    let mut message = Message::builder_request(BINDING, MessageWriteVec::new());
    let username = Username::new(&format!("{local}:{remote}")).unwrap();
    message.add_attribute(&username).unwrap();
    message.add_attribute(&RawAttribute::new(0xC057.into(), &[0, 1, 0, 10])).unwrap();
    message.add_attribute(&RawAttribute::new(0x0024.into(), &[1, 2, 3, 4])).unwrap();
    for kind in extra {
        let value: &[u8] = if *kind == 0x0025 { &[] } else { &[1; 8] };
        message.add_attribute(&RawAttribute::new((*kind).into(), value)).unwrap();
    }
    let key = ShortTermCredentials::new(pwd.to_owned()).into();
    message.add_message_integrity(&key, IntegrityAlgorithm::Sha1).unwrap();
    message.add_fingerprint().unwrap();
    message.finish()
}

fn valid(local: &str, extra: &[u16]) -> Vec<u8> {
    request(local, "them", &format!("pwd-of-{local}-0123456"), extra)
}

fn at(port: u16) -> Path {
    path_back(SocketAddr::from(([192, 0, 2, 7], port)), None)
}

fn agent(ufrag: &str) -> Ice {
    Ice::new(&credentials(ufrag), Some(&credentials("them")))
}

fn hear(ice: &mut Ice, secs: u64, bytes: &[u8], port: u16) -> Option<(Heard, Vec<u8>)> {
    let mut out = Vec::new();
    let now = Mono(secs * 1_000_000);
    let heard = ice.hear(now, &Check::read(bytes)?, at(port), SILENCE, &mut out)?;
    Some((heard, out))
}

#[test]
fn a_valid_check_is_answered_and_teaches_the_address() {
    let mut ice = agent("us");
    let bytes = valid("us", &[0x802A]);
    let (heard, answer) = hear(&mut ice, 1, &bytes, 9).unwrap();
    assert_eq!(heard.learned, Some(at(9).to));
    assert_eq!(ice.path(), Some(at(9)));
    assert!(answer.len() * 2 <= bytes.len() * 3, "{} after {}", answer.len(), bytes.len());
    let answer = Message::from_bytes(&answer).unwrap();
    assert_eq!(answer.class(), MessageClass::Success);
    let key = ShortTermCredentials::new("pwd-of-us-0123456".to_owned()).into();
    assert!(answer.validate_integrity(&key).is_ok());
}

#[test]
fn checks_that_do_not_authenticate_are_not_answered() {
    let mut ice = agent("us");
    for bytes in [
        request("us", "them", "wrong", &[]),
        request("us", "others", "pwd-of-us-0123456", &[]),
        request("nobody", "them", "pwd-of-us-0123456", &[]),
        request("us", "them", "pwd-of-us-0123456", &[0x0042]),
    ] {
        assert_eq!(hear(&mut ice, 1, &bytes, 9), None);
    }
    assert_eq!(ice.path(), None);
}

#[test]
fn every_prefix_and_every_flipped_byte_of_a_check_is_refused() {
    let mut ice = agent("us");
    let bytes = valid("us", &[0x0025, 0x802A]);
    for len in 0..bytes.len() {
        assert_eq!(hear(&mut ice, 1, &bytes[..len], 9), None, "{len}");
    }
    for at in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[at] ^= 0x10;
        assert_eq!(hear(&mut ice, 1, &altered, 9), None, "{at}");
    }
    assert_eq!(ice.path(), None);
}

#[test]
fn a_sender_that_thinks_we_control_is_told_otherwise() {
    let mut ice = agent("us");
    let (heard, answer) = hear(&mut ice, 1, &valid("us", &[0x8029]), 9).unwrap();
    assert_eq!(heard, Heard::default());
    let answer = Message::from_bytes(&answer).unwrap();
    assert_eq!(answer.class(), MessageClass::Error);
    assert_eq!(ice.path(), None);
}

#[test]
fn nomination_or_silence_moves_the_path() {
    let mut ice = agent("us");
    hear(&mut ice, 1, &valid("us", &[]), 1).unwrap();
    assert!(!hear(&mut ice, 2, &valid("us", &[]), 2).unwrap().0.moved);
    assert_eq!(ice.path(), Some(at(1)));
    assert!(hear(&mut ice, 2, &valid("us", &[0x0025]), 2).unwrap().0.moved);
    assert_eq!(ice.path(), Some(at(2)));
    assert!(hear(&mut ice, 5, &valid("us", &[]), 3).unwrap().0.moved);
    assert_eq!(ice.path(), Some(at(3)));
    hear(&mut ice, 6, &valid("us", &[]), 4).unwrap();
    let heard = hear(&mut ice, 6, &valid("us", &[]), 5).unwrap().0;
    assert_eq!(heard.forgotten, Some(at(1).to));
    assert_eq!(ice.addresses().len(), 4);
}

#[test]
fn a_check_repeated_from_elsewhere_is_ignored() {
    let mut ice = agent("us");
    let bytes = valid("us", &[0x0025]);
    assert!(hear(&mut ice, 1, &bytes, 1).is_some());
    assert_eq!(hear(&mut ice, 9, &bytes, 666), None);
    assert!(hear(&mut ice, 9, &bytes, 1).is_some());
    assert_eq!(ice.path(), Some(at(1)));
}

#[test]
fn old_credentials_serve_until_the_new_ones_are_used() {
    let mut ice = agent("us");
    hear(&mut ice, 1, &valid("us", &[]), 1).unwrap();
    assert_eq!(ice.renew(&credentials("us2"), None), None);
    assert!(hear(&mut ice, 2, &valid("us", &[]), 1).is_some());
    // A second restart overtakes the first, which nobody used.
    assert_eq!(ice.renew(&credentials("us3"), None), Some("us2".to_owned()));
    assert_eq!(ice.ufrags().collect::<Vec<_>>(), ["us3", "us"]);
    let heard = hear(&mut ice, 3, &valid("us3", &[]), 2).unwrap().0;
    assert_eq!(heard.retired.as_deref(), Some("us"));
    assert_eq!(ice.path(), Some(at(2)));
    assert_eq!(hear(&mut ice, 4, &valid("us", &[]), 1), None);
}

#[test]
fn lost_consent_comes_back_only_with_a_restart() {
    let mut ice = agent("us");
    hear(&mut ice, 1, &valid("us", &[]), 1).unwrap();
    ice.expire();
    assert_eq!(ice.path(), None);
    assert_eq!(hear(&mut ice, 40, &valid("us", &[]), 1), None);
    ice.renew(&credentials("us2"), None);
    assert_eq!(hear(&mut ice, 41, &valid("us", &[]), 1), None);
    assert!(hear(&mut ice, 42, &valid("us2", &[]), 1).is_some());
    assert_eq!(ice.path(), Some(at(1)));
}

proptest! {
    #[test]
    fn arbitrary_messages_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Check::read(&bytes).is_none());
        // With a header that fits, the walk over the attributes is reached.
        if let Some(rest) = bytes.len().checked_sub(20) {
            let [h, l] = u16::try_from(rest).unwrap().to_be_bytes();
            bytes[..8].copy_from_slice(&[0, 1, h, l, 0x21, 0x12, 0xA4, 0x42]);
            prop_assert!(Check::read(&bytes).is_none());
        }
    }
}
