use super::*;
use parlour_base::storage::Write;
use serde_json::json;

const NOW: Wall = Wall(1_800_000_000_000);

fn entropy() -> Entropy {
    Entropy::from_seed([4; 32])
}

fn signer() -> (Signer, Json) {
    match Signer::generate(&mut entropy()) {
        (signer, Write::Claim { body, .. }) => (signer, body),
        (_, other) => panic!("{other:?}"),
    }
}

fn room() -> RoomId {
    RoomId::new(77).expect("fine")
}

fn minted() -> TokenRecord {
    TokenRecord {
        sub: "ext:shop:ada".to_owned(),
        rooms: vec![room().to_string()],
        doors: Some(vec!["galene".to_owned()]),
        rights: Permissions::of(&[Permission::Op]),
        name: Some("Ada".to_owned()),
        issued: NOW,
        not_before: NOW,
        expires: Wall(NOW.0 + 60_000),
        revoked: false,
    }
}

fn found(bodies: [Option<Json>; 4]) -> Vec<Found> {
    bodies.into_iter().map(Found::Record).collect()
}

fn at(token: &Secret<String>, kept: Option<&TokenRecord>, now: Wall) -> Result<Bearer, TokenFault> {
    let presented = Presented::of(token).expect("a token");
    presented.check(found([Some(signer().1), None, kept.map(record::to_json), None]), now)
}

#[test]
fn a_minted_token_says_who_and_where_until_it_ends() {
    let token = signer().0.sign("jti-1", &minted()).expect("signs");
    let bearer = at(&token, Some(&minted()), NOW).expect("good");
    assert_eq!(bearer.subject, Subject::of("ext:shop:ada").expect("sound"));
    assert_eq!(bearer.rights_in(room()), Some(Permissions::of(&[Permission::Op])));
    assert_eq!(bearer.rights_in(RoomId::new(78).expect("fine")), None);
    assert!(bearer.passes("galene") && !bearer.passes("chat"));
    let leeway = LEEWAY_SECS * 1_000;
    let end = NOW.0 + 60_000 + leeway;
    assert!(at(&token, Some(&minted()), Wall(end - 1)).is_ok());
    assert_eq!(at(&token, Some(&minted()), Wall(end)), Err(TokenFault::Over));
    assert_eq!(at(&token, Some(&minted()), Wall(NOW.0 - leeway - 1_000)), Err(TokenFault::Early));
}

#[test]
fn a_token_that_was_taken_back_or_never_kept_is_nobodys() {
    let token = signer().0.sign("jti-1", &minted()).expect("signs");
    let revoked = TokenRecord { revoked: true, ..minted() };
    assert_eq!(at(&token, Some(&revoked), NOW), Err(TokenFault::Revoked));
    assert_eq!(at(&token, None, NOW), Err(TokenFault::Revoked));
}

#[test]
fn every_touched_byte_makes_it_a_forgery_or_no_token() {
    let token = signer().0.sign("jti-1", &minted()).expect("signs");
    let text = token.expose();
    for n in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        let byte = bytes.get_mut(n).expect("in range");
        *byte = if *byte == b'A' { b'B' } else { b'A' };
        let touched = Secret::new(String::from_utf8(bytes).expect("ascii"));
        let Some(presented) = Presented::of(&touched) else { continue };
        let kept = [Some(signer().1), None, Some(record::to_json(&minted())), None];
        // The last character of a part has bits that carry nothing.
        let result = presented.check(found(kept), NOW);
        let decoded = |text: &str| {
            text.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).ok()).collect::<Vec<_>>()
        };
        assert!(result.is_err() || decoded(touched.expose()) == decoded(text), "byte {n}");
    }
}

#[test]
fn a_token_does_not_choose_its_algorithm() {
    let (signer, _) = signer();
    let encoded = |value: Json| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = encoded(json!({"alg": "none", "kid": signer.id}));
    let body = encoded(json!({"aud": "parlour", "sub": "ext:a:b", "exp": 1_800_000_060}));
    let token = Secret::new(format!("{head}.{body}."));
    assert_eq!(at(&token, Some(&minted()), NOW), Err(TokenFault::Forged));
}

#[test]
fn what_is_meant_for_others_is_not_looked_at() {
    let encoded = |value: Json| URL_SAFE_NO_PAD.encode(value.to_string());
    let token = |head: Json, body: Json| {
        Presented::of(&Secret::new(format!("{}.{}.x", encoded(head), encoded(body)))).is_some()
    };
    let kid = "0123456789abcdef";
    assert!(token(json!({"kid": kid}), json!({"aud": ["x", "parlour"]})));
    assert!(!token(json!({"kid": kid}), json!({"aud": "https://example.org/group/lab/"})));
    assert!(!token(json!({"kid": "../x"}), json!({"aud": "parlour"})));
    assert!(!token(json!({}), json!({"aud": "parlour"})));
    let long = Secret::new(format!("a.b.{}", "c".repeat(TOKEN_BYTES_MAX)));
    assert!(Presented::of(&long).is_none() && Presented::of(&Secret::new(String::new())).is_none());
}

/// A key pair of an application, from a fixed seed.
fn application() -> (EncodingKey, JsonMap) {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
    let pair = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).expect("a seed");
    let der = pair.to_pkcs8v1().expect("a key");
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
    (EncodingKey::from_ed_der(der.as_ref()), jwk.as_object().expect("an object").clone())
}

fn by_application(
    claims: Json,
    change: impl FnOnce(&mut KeyRecord),
    revoked: bool,
) -> Result<Bearer, TokenFault> {
    let (key, jwk) = application();
    let kid = "00000000000000aa".to_owned();
    let header = Header { kid: Some(kid), ..Header::new(Algorithm::EdDSA) };
    let token = Secret::new(encode(&header, &claims, &key).expect("signs"));
    let mut record = KeyRecord {
        label: "shop".to_owned(),
        scopes: Vec::new(),
        digest: None,
        jwk: Some(jwk),
        namespace: Some("shop".to_owned()),
        created: NOW,
        expires: None,
    };
    change(&mut record);
    let presented = Presented::of(&token).expect("a token");
    let revoked = revoked.then_some(Json::Bool(true));
    let kept = [Some(signer().1), Some(record::to_json(&record)), None, revoked];
    presented.check(found(kept), NOW)
}

#[test]
fn a_registered_key_signs_for_its_own_names_and_for_a_day() {
    let claims = |sub: &str, exp: i64| json!({"aud": "parlour", "sub": sub, "exp": exp, "jti": "1", "rooms": ["*"], "rights": ["present", "system", "x"]});
    let soon = 1_800_000_060;
    let bearer = by_application(claims("ext:shop:ada", soon), |_| {}, false).expect("good");
    assert_eq!(bearer.rights_in(room()), Some(Permissions::of(&[Permission::Present])));
    let handle = room().to_string();
    for foreign in ["ext:kik:ada", handle.as_str()] {
        let result = by_application(claims(foreign, soon), |_| {}, false);
        assert_eq!(result, Err(TokenFault::Overreaching), "{foreign}");
    }
    let any = by_application(claims("ext:kik:ada", soon), |key| key.namespace = None, false);
    assert!(any.is_ok());
    let long = by_application(claims("ext:shop:ada", soon + 86_400), |_| {}, false);
    assert_eq!(long, Err(TokenFault::Overreaching));
    let taken_back = by_application(claims("ext:shop:ada", soon), |_| {}, true);
    assert_eq!(taken_back, Err(TokenFault::Revoked));
    let ended = by_application(claims("ext:shop:ada", soon), |key| key.expires = Some(NOW), false);
    assert_eq!(ended, Err(TokenFault::Revoked));
    let other = by_application(claims("ext:shop:ada", soon), |key| key.jwk = None, false);
    assert_eq!(other, Err(TokenFault::UnknownKey));
}

#[test]
fn only_public_keys_of_known_kinds_are_taken() {
    let (_, jwk) = application();
    assert!(is_public_key(&jwk));
    let with = |name: &str, value: &str| {
        let mut changed = jwk.clone();
        changed.insert(name.to_owned(), value.into());
        is_public_key(&changed)
    };
    assert!(!with("d", "AA") && !with("k", "AA") && !with("x", "AA") && !with("kty", "oct"));
}

#[test]
fn a_subject_is_a_handle_or_a_name_elsewhere() {
    for bad in
        ["", "ada", "ext:", "ext:a", "ext::b", "ext:A:b", "ext:a:", "ext:a:b\n", "AAAAAAAAAAA"]
    {
        assert_eq!(Subject::of(bad), None, "{bad:?}");
    }
    assert!(Subject::of("ext:kik:a:b").is_some(), "only the first colon parts");
}
