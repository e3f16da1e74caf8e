//! Group files, read: docs/protocols/galene.md §§4, 5.4, 5.5.

use parlour_base::{Permission, Permissions, Verifier, Wall};
use parlour_wire::galene::group::{GroupFile, GroupFileError, NamedSet, PermissionSet};
use parlour_wire::json::{JsonError, Limits};
use std::time::Duration;

const TODAY: &[u8] = include_bytes!("../../../testdata/galene/group/good/today.json");
const OF_2021: &[u8] = include_bytes!("../../../testdata/galene/group/good/2021.json");
const UNUSABLE: &[u8] =
    include_bytes!("../../../testdata/galene/group/good/unusable-passwords.json");

fn parse(text: &str) -> Result<GroupFile, GroupFileError> {
    GroupFile::parse(text.as_bytes())
}

fn names(held: Permissions) -> Vec<&'static str> {
    held.iter().map(Permission::name).collect()
}

#[test]
fn every_member_of_todays_form_is_read() {
    let file = GroupFile::parse(TODAY).expect("a group file");
    assert_eq!(file.display_name.as_deref(), Some("The Lab"));
    assert_eq!(file.description.as_deref(), Some("where things are tried"));
    assert_eq!(file.contact.as_deref(), Some("ada@example.org"));
    assert_eq!(file.comment.as_deref(), Some("example only"));
    assert_eq!(file.redirect, None);
    assert!(file.public && file.allow_recording && file.unrestricted_tokens);
    assert!(file.auto_subgroups && file.autolock && !file.autokick && !file.allow_anonymous);
    assert_eq!(file.max_clients, Some(50));
    assert_eq!(file.history_age(), Duration::from_secs(3_600));
    assert_eq!(file.not_before, Some(Wall(1_767_225_600_000)));
    assert_eq!(file.expires, Some(Wall(1_798_758_000_000)));
    assert_eq!(file.codecs().collect::<Vec<_>>(), ["vp8", "vp9", "opus"]);
    assert_eq!(file.auth_server.as_deref(), Some("https://auth.example.org/"));
    assert_eq!(file.auth_portal.as_deref(), Some("https://portal.example.org/"));
    assert_eq!(file.auth_keys.first().expect("a key").expose()["alg"], "HS256");
    assert_eq!(file.users.keys().collect::<Vec<_>>(), ["ada", "bob", "cyd", "dee"]);
    assert!(matches!(&file.users["ada"].password, Verifier::Plain(p) if p.matches("example")));
    assert!(matches!(file.users["bob"].password, Verifier::Bcrypt(_)));
    assert!(matches!(file.users["cyd"].password, Verifier::Pbkdf2 { iterations: 4_096, .. }));
    assert!(matches!(file.users["dee"].password, Verifier::Never));
    let wildcard = file.wildcard_user.as_ref().expect("a wildcard user");
    assert!(matches!(wildcard.password, Verifier::Wildcard));
    assert_eq!(wildcard.permissions, PermissionSet::Named(NamedSet::Message));
    assert!(!file.is_of_2021());
    assert_eq!(file.unusable_passwords, 0);
}

#[test]
fn the_lists_of_2021_stay_three_lists() {
    let file = GroupFile::parse(OF_2021).expect("a group file");
    assert!(file.is_of_2021() && file.auto_subgroups && file.allow_anonymous && file.public);
    assert_eq!(file.max_clients, None);
    assert_eq!(file.history_age(), Duration::from_secs(14_400));
    assert_eq!(file.codecs().collect::<Vec<_>>(), ["vp8", "opus"]);
    let [ada, anybody] = file.op.as_slice() else { panic!("{:?}", file.op) };
    assert_eq!(ada.username.as_deref(), Some("ada"));
    assert!(matches!(&ada.password, Verifier::Plain(p) if p.matches("example")));
    assert_eq!(anybody.username, None);
    assert!(matches!(anybody.password, Verifier::Pbkdf2 { .. }));
    let [presenter] = file.presenter.as_slice() else { panic!("{:?}", file.presenter) };
    assert!(presenter.username.is_none() && matches!(presenter.password, Verifier::Wildcard));
    let [other] = file.other.as_slice() else { panic!("{:?}", file.other) };
    assert_eq!(other.username.as_deref(), Some("bob"));
}

#[test]
fn named_sets_depend_on_the_group() {
    let (plain, rich) = (GroupFile::default(), GroupFile::parse(TODAY).expect("a group file"));
    let of = |file: &GroupFile, name| {
        let set = NamedSet::from_name(name).expect("a set");
        assert_eq!(set.name(), name);
        names(file.expand(PermissionSet::Named(set)))
    };
    assert_eq!(of(&plain, "op"), ["op", "present", "message", "caption", "token"]);
    assert_eq!(of(&rich, "op"), ["op", "present", "message", "caption", "token", "record"]);
    assert_eq!(of(&plain, "present"), ["present", "message"]);
    assert_eq!(of(&rich, "present"), ["present", "message", "token"]);
    assert_eq!(of(&rich, "message"), ["message"]);
    assert_eq!(of(&rich, "observe"), [""; 0]);
    assert_eq!(of(&rich, "caption"), ["caption"]);
    assert_eq!(of(&rich, "admin"), ["admin"]);
    assert_eq!(names(rich.expand(rich.users["cyd"].permissions)), ["present", "caption"]);
}

#[test]
fn a_list_of_permissions_is_taken_literally_except_for_system() {
    let text = r#"{"allow-recording":true,"users":{"a":{"permissions":["op","system","fly"]}}}"#;
    let file = parse(text).expect("a group file");
    assert_eq!(names(file.expand(file.users["a"].permissions)), ["op"]);
    let none = parse(r#"{"users":{"a":{"password":"x"}}}"#).expect("a group file");
    assert_eq!(none.expand(none.users["a"].permissions), Permissions::NONE);
}

#[test]
fn passwords_that_cannot_be_checked_fit_nothing_and_are_counted() {
    let file = GroupFile::parse(UNUSABLE).expect("a group file");
    assert_eq!(file.unusable_passwords, 2);
    assert!(file.users.values().all(|user| matches!(user.password, Verifier::Never)));
}

#[test]
fn no_password_fits_nothing_today_and_everything_in_2021() {
    let file = parse(r#"{"users":{"a":{}},"wildcard-user":{},"other":[{},{"password":{}}]}"#)
        .expect("a group file");
    assert!(matches!(file.users["a"].password, Verifier::Never));
    let wildcard = file.wildcard_user.expect("a wildcard user");
    assert!(matches!(wildcard.password, Verifier::Never));
    let passwords: Vec<_> = file.other.iter().map(|entry| &entry.password).collect();
    assert!(matches!(passwords.as_slice(), [Verifier::Wildcard, Verifier::Never]));
}

#[test]
fn null_counts_as_absent() {
    let members = [
        "displayName",
        "description",
        "contact",
        "comment",
        "public",
        "redirect",
        "max-clients",
        "max-history-age",
        "not-before",
        "expires",
        "allow-recording",
        "unrestricted-tokens",
        "auto-subgroups",
        "allow-subgroups",
        "allow-anonymous",
        "autolock",
        "autokick",
        "codecs",
        "users",
        "wildcard-user",
        "authKeys",
        "authServer",
        "authPortal",
        "op",
        "presenter",
        "other",
    ];
    for name in members {
        let file = parse(&format!(r#"{{"{name}":null}}"#)).expect(name);
        assert!(file.users.is_empty() && file.wildcard_user.is_none() && !file.is_of_2021());
        let wrong = parse(&format!(r#"{{"{name}":1.5}}"#));
        assert!(
            matches!(wrong, Err(GroupFileError::WrongType(member)) if member == name),
            "{name}: {wrong:?}"
        );
    }
}

#[test]
fn offences_are_named() {
    let refused = |text: &str| parse(text).expect_err("it is bad");
    let unknown = |name: &str| GroupFileError::UnknownMember(name.into());
    assert_eq!(refused(r#"{"pubic":true}"#), unknown("pubic"));
    assert_eq!(refused(r#"{"users":{"a":{"x":1}}}"#), unknown("x"));
    assert_eq!(refused(r#"{"op":[{"permissions":"op"}]}"#), unknown("permissions"));
    assert_eq!(refused(r#"{"op":[{"password":{"cost":1}}]}"#), unknown("cost"));
    assert_eq!(refused(&format!(r#"{{"{}":1}}"#, "x".repeat(999))), unknown(&"x".repeat(64)));
    assert_eq!(refused(r#"{"op":[null]}"#), GroupFileError::WrongType("op"));
    assert_eq!(refused(r#"{"expires":"soon"}"#), GroupFileError::Time("expires"));
    let set = r#"{"wildcard-user":{"permissions":"boss"}}"#;
    assert_eq!(refused(set), GroupFileError::UnknownPermission);
    assert_eq!(refused("[]"), GroupFileError::NotAnObject);
    assert_eq!(refused(r#"{"op":[],"op":[]}"#), GroupFileError::Json(JsonError::DuplicateKey));
}

#[test]
fn a_file_may_hold_many_more_users_than_a_message_holds_items() {
    let user = |n| format!(r#""u{n}":{{"password":"example","permissions":"present"}}"#);
    let users = |n: usize| (0..n).map(user).collect::<Vec<_>>().join(",");
    let file = parse(&format!(r#"{{"users":{{{}}}}}"#, users(20_000))).expect("a group file");
    assert_eq!(file.users.len(), 20_000);
    let too_many = format!(r#"{{"users":{{{}}}}}"#, users(Limits::FILE.items / 3 + 1));
    assert!(matches!(parse(&too_many), Err(GroupFileError::Json(JsonError::Items))));
}

#[test]
fn nothing_secret_prints() {
    let text = r#"{"authKeys":[{"k":"s3cret"}],"op":[{"password":"s3cret"}],
        "users":{"a":{"password":{"type":"plain","key":"s3cret"}}}}"#;
    let printed = format!("{:?}", parse(text).expect("a group file"));
    assert!(!printed.contains("s3cret"), "{printed}");
}
