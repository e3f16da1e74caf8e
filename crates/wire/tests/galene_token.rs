//! Stateful tokens, asked for, edited and stored: docs/protocols/galene.md
//! §§3.12, 5.7.

use parlour_base::{Json, Permission, Permissions, Secret, Wall};
use parlour_wire::galene::ParseError;
use parlour_wire::galene::token::{Token, TokenEdit, TokenError, TokenRequest, TokenTime};
use serde_json::json;

const NOON: Wall = Wall(1_782_900_000_000);

fn token() -> Token {
    Token {
        token: Secret::new("Qk3x0aTz9fM".into()),
        group: "lab".into(),
        include_subgroups: true,
        username: Some(String::new()),
        permissions: Permissions::of(&[Permission::Present, Permission::Message]),
        expires: Some(NOON),
        not_before: None,
        issued_at: Some(Wall(0)),
        issued_by: Some("ada".into()),
    }
}

#[test]
fn a_request_is_read_with_both_kinds_of_time() {
    let request = TokenRequest::read(&json!({"group": "lab", "permissions": ["present"],
        "expires": 86_400_000, "not-before": "2026-07-01T10:00:00Z", "colour": 1}));
    assert_eq!(
        request,
        Ok(TokenRequest {
            group: "lab".into(),
            include_subgroups: false,
            username: None,
            permissions: Permissions::of(&[Permission::Present]),
            unknown_permission: false,
            expires: TokenTime::In(86_400_000),
            not_before: Some(TokenTime::At(NOON)),
        })
    );
    assert_eq!(TokenTime::In(-1_000).at(NOON), Wall(NOON.0 - 1_000));
    assert_eq!(TokenTime::At(Wall(7)).at(NOON), Wall(7));
}

#[test]
fn a_time_far_away_can_still_be_written_down_and_read() {
    for far in [i64::MIN, i64::MAX] {
        let expires = TokenTime::In(far).at(NOON);
        let far = Token { expires: Some(expires), ..token() };
        let read = Token::parse(&far.to_json().to_string()).expect("a token");
        assert_eq!(read.expires, Some(expires));
    }
}

#[test]
fn permissions_that_nobody_holds_are_noticed() {
    for name in ["fly", "system"] {
        let value = json!({"expires": 1, "permissions": ["op", name]});
        let request = TokenRequest::read(&value).expect("a request");
        assert!(request.unknown_permission);
        assert_eq!(request.permissions, Permissions::of(&[Permission::Op]));
    }
}

#[test]
fn bad_requests_are_refused_in_the_words_of_the_protocol() {
    for (value, error, text) in [
        (
            json!({"token": "x", "expires": 1}),
            TokenError::ClientSpecified,
            "client specified token",
        ),
        (json!({"group": "lab"}), TokenError::DoesNotExpire, "token doesn't expire"),
        (json!("lab"), TokenError::BadMember("value"), "bad value in token"),
        (json!({"expires": "soon"}), TokenError::BadMember("expires"), "bad expires in token"),
        (json!({"expires": 1.5}), TokenError::BadMember("expires"), "bad expires in token"),
        (json!({"group": 1}), TokenError::BadMember("group"), "bad group in token"),
        (
            json!({"permissions": "op"}),
            TokenError::BadMember("permissions"),
            "bad permissions in token",
        ),
    ] {
        assert_eq!(TokenRequest::read(&value), Err(error), "{value}");
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn only_times_can_be_edited() {
    let edit = TokenEdit::read(&json!({"token": "x", "expires": -1_000})).expect("an edit");
    assert!(edit.token.matches("x") && edit.not_before.is_none());
    assert_eq!(edit.expires, Some(TokenTime::In(-1_000)));
    let refused = |value: Json| TokenEdit::read(&value).expect_err("it is bad");
    assert_eq!(refused(json!({"token": "x", "group": "y"})), TokenError::NotEditable);
    assert_eq!(refused(json!({"expires": 1})), TokenError::BadMember("token"));
    assert_eq!(TokenError::NotEditable.to_string(), "this field cannot be edited");
}

#[test]
fn a_token_survives_its_file() {
    let json = token().to_json();
    assert_eq!(
        json,
        json!({"token": "Qk3x0aTz9fM", "group": "lab", "includeSubgroups": true, "username": "",
            "permissions": ["present", "message"], "expires": "2026-07-01T10:00:00Z",
            "issuedAt": "1970-01-01T00:00:00Z", "issuedBy": "ada"})
    );
    let read = Token::parse(&json.to_string()).expect("a token");
    assert_eq!(read.to_json(), json);
    assert!(!format!("{read:?}").contains("Qk3x0aTz9fM"));
}

#[test]
fn what_is_no_token_is_refused() {
    for (line, error) in [
        ("[]", ParseError::NotAnObject),
        ("{}", ParseError::WrongType("token")),
        (r#"{"token":""}"#, ParseError::WrongType("token")),
        (r#"{"token":"x","expires":1}"#, ParseError::WrongType("expires")),
        (r#"{"token":"x","permissions":[1]}"#, ParseError::WrongType("permissions")),
    ] {
        assert_eq!(Token::parse(line).expect_err(line), error);
    }
}
