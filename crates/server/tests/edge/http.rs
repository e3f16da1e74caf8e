//! Status, headers and redirects of every path.

use crate::support::{Server, Wish};

const GROUPS: &[(&str, &str)] = &[
    (
        "open.json",
        r#"{"public": true, "displayName": "Open", "wildcard-user": {"password": {"type": "wildcard"}, "permissions": "present"}}"#,
    ),
    (
        "quiet.json",
        r#"{"wildcard-user": {"password": {"type": "wildcard"}, "permissions": "present"}}"#,
    ),
    ("away.json", r#"{"redirect": "https://elsewhere.example/group/x/"}"#),
    (
        "sign.json",
        r#"{"authServer": "https://auth.example/", "wildcard-user": {"password": {"type": "wildcard"}, "permissions": "present"}}"#,
    ),
];

fn server() -> Server {
    Server::with(Wish { groups: GROUPS, ..Wish::default() })
}

#[test]
fn every_path_has_its_status_and_its_way() {
    let server = server();
    for (method, target, status, location) in [
        ("GET", "/", 200, None),
        ("HEAD", "/", 200, None),
        ("GET", "/app.css", 200, None),
        ("GET", "/src", 308, Some("/src/")),
        ("GET", "/src/", 403, None),
        ("GET", "/absent", 404, None),
        ("GET", "/absent/", 404, None),
        ("GET", "/test/", 404, None),
        ("GET", "/package.json", 404, None),
        ("GET", "/.git/config", 404, None),
        ("GET", "/../../etc/passwd", 308, Some("/etc/passwd")),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", 308, Some("/etc/passwd")),
        ("GET", "//evil.example/", 308, Some("/evil.example/")),
        ("GET", "/a%00b", 400, None),
        ("GET", "/a%5c..%5cb", 400, None),
        ("GET", "/group/open", 308, Some("/group/open/")),
        ("GET", "/group/open?token=t", 308, Some("/group/open/?token=t")),
        ("GET", "/group/open/", 200, None),
        ("GET", "/group//open/", 308, Some("/group/open/")),
        ("GET", "/group/a/../open/", 308, Some("/group/open/")),
        ("GET", "/group/absent/", 404, None),
        ("GET", "/group/away/", 308, Some("https://elsewhere.example/group/x/")),
        ("GET", "/group/", 404, None),
        ("GET", "/group/open/.status", 200, None),
        ("HEAD", "/group/open/.status", 200, None),
        ("GET", "/group/quiet/.status", 200, None),
        ("GET", "/group/absent/.status", 404, None),
        ("GET", "/group/open/.status.json", 308, Some("/group/open/.status")),
        ("POST", "/group/open/.status.json", 308, Some("/group/open/.status")),
        ("GET", "/group/open/.strange", 404, None),
        ("GET", "/group/.open/", 404, None),
        ("GET", "/public-groups.json", 200, None),
        ("HEAD", "/public-groups.json", 200, None),
        ("POST", "/public-groups.json", 405, None),
        ("POST", "/", 405, None),
        ("DELETE", "/group/open/", 405, None),
        ("OPTIONS", "/", 204, None),
        ("GET", "/ws", 400, None),
        ("POST", "/ws", 405, None),
    ] {
        let reply = server.ask(method, target, &[]);
        assert_eq!(reply.status, status, "{method} {target}: {reply:?}");
        assert_eq!(reply.header("location"), location, "{method} {target}");
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"), "{target}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{target}");
        if status == 405 {
            assert!(reply.header("allow").unwrap().starts_with("OPTIONS, "), "{target}");
        }
        if method == "HEAD" {
            assert_eq!(reply.body, "", "{target}");
            assert_ne!(reply.header("content-length"), Some("0"), "{target}");
        }
        if status == 404 {
            assert!(reply.header("content-type").unwrap().starts_with("text/html"), "{target}");
            assert!(reply.body.contains("<html"), "{target}");
        }
        assert_eq!(reply.header("access-control-allow-origin"), None, "{target}");
    }
}

#[test]
fn a_status_tells_where_the_group_is_and_is_never_cached() {
    let server = server();
    let reply = server.ask("GET", "/group/open/.status", &[("host", "calls.example")]);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("no-cache"));
    let status: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(status["name"], "open");
    assert_eq!(status["location"], "http://calls.example/group/open/");
    assert_eq!(status["endpoint"], "ws://calls.example/ws");
    assert_eq!(status["clientCount"], 0);
    let quiet = server.get("/group/quiet/.status").body;
    assert!(!quiet.contains("clientCount"), "{quiet}");
    let away: serde_json::Value =
        serde_json::from_str(&server.get("/group/away/.status").body).unwrap();
    assert!(away.get("location").is_none());
}

#[test]
fn the_list_has_public_groups_only_in_the_order_of_their_names() {
    let server = server();
    let list: serde_json::Value =
        serde_json::from_str(&server.get("/public-groups.json").body).unwrap();
    let names: Vec<&str> =
        list.as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"open") && !names.contains(&"quiet"), "{names:?}");
    assert!(names.is_sorted());
}

#[test]
fn pages_carry_a_policy_and_the_groups_authentication_server() {
    let server = server();
    let policy = |path| {
        server.get(path).header("content-security-policy").map(str::to_owned).expect("a policy")
    };
    for path in ["/", "/group/open/", "/absent", "/app.css"] {
        let policy = policy(path);
        assert!(policy.contains("default-src 'self'; script-src 'self'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
    }
    assert!(policy("/group/sign/").contains("connect-src https://auth.example/ ws: wss: 'self'"));
    assert!(policy("/group/open/").contains("connect-src ws: wss: 'self'"));
}

#[test]
fn files_are_cached_by_tag_and_read_in_parts() {
    let server = server();
    let whole = server.get("/app.css");
    assert_eq!(whole.header("cache-control"), Some("max-age=1800"));
    assert_eq!(whole.header("content-type"), Some("text/css; charset=utf-8"));
    let tag = whole.header("etag").unwrap();
    let again = server.ask("GET", "/app.css", &[("if-none-match", tag)]);
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    let part = server.ask("GET", "/app.css", &[("range", "bytes=2-5")]);
    assert_eq!((part.status, part.body.as_str()), (206, whole.body.get(2..6).unwrap()));
    let range = format!("bytes 2-5/{}", whole.body.len());
    assert_eq!(part.header("content-range"), Some(range.as_str()));
    let beyond = server.ask("GET", "/app.css", &[("range", "bytes=99999999-")]);
    assert_eq!(beyond.status, 416);
    let stale = [("range", "bytes=2-5"), ("if-range", "\"other\"")];
    assert_eq!(server.ask("GET", "/app.css", &stale).status, 200);
}

#[test]
fn another_tree_replaces_the_client_and_gets_the_sheets_policy() {
    let tree = tempfile::tempdir().unwrap();
    for (name, text) in
        [("index.html", "<html>landing"), ("galene.html", "<html>group"), ("a.js", "1234567890")]
    {
        std::fs::write(tree.path().join(name), text).unwrap();
    }
    std::fs::create_dir_all(tree.path().join("third-party")).unwrap();
    std::fs::write(tree.path().join("third-party/x.js"), "x").unwrap();
    std::os::unix::fs::symlink("/etc/hostname", tree.path().join("out.txt")).unwrap();
    let flags = ["--static", tree.path().to_str().unwrap()];
    let server = Server::with(Wish { flags: &flags, groups: GROUPS, ..Wish::default() });
    assert_eq!(server.get("/").body, "<html>landing");
    assert_eq!(server.get("/group/open/").body, "<html>group");
    assert_eq!(server.get("/out.txt").status, 404);
    assert_eq!(server.get("/absent").status, 404);
    let script = server.get("/a.js");
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    let tag = script.header("etag").unwrap();
    assert!(tag.starts_with("\"10-"), "{tag}");
    assert!(script.header("content-security-policy").unwrap().contains("'unsafe-eval'"));
    let part = server.ask("GET", "/a.js", &[("range", "bytes=-3")]);
    assert_eq!((part.status, part.body.as_str()), (206, "890"));
    let modified = script.header("last-modified").unwrap();
    assert_eq!(server.ask("GET", "/a.js", &[("if-modified-since", modified)]).status, 304);
    assert_eq!(server.get("/third-party/x.js").header("cache-control"), Some("max-age=86400"));
}

#[test]
fn requests_for_another_host_go_to_the_canonical_one() {
    let env = [("PARLOUR_HTTP_CANONICAL_HOST", "calls.example")];
    let server = Server::with(Wish { env: &env, groups: GROUPS, ..Wish::default() });
    let reply = server.get("/group/open/?token=x");
    assert_eq!(reply.status, 301);
    assert_eq!(reply.header("location"), Some("https://calls.example/group/open/?token=x"));
    assert_eq!(server.ask("GET", "/", &[("host", "Calls.Example")]).status, 200);
    assert_eq!(server.get("/group/open/.status").status, 200);
}

#[test]
fn a_public_url_overrides_scheme_host_and_path() {
    let env = [("PARLOUR_HTTP_PUBLIC_URL", "https://calls.example/here/")];
    let server = Server::with(Wish { env: &env, groups: GROUPS, ..Wish::default() });
    let status: serde_json::Value =
        serde_json::from_str(&server.get("/group/open/.status").body).unwrap();
    assert_eq!(status["location"], "https://calls.example/here/group/open/");
    assert_eq!(status["endpoint"], "wss://calls.example/here/ws");
}

#[test]
fn only_a_listed_proxy_is_believed() {
    let forwarded = [("x-forwarded-proto", "https"), ("x-forwarded-host", "calls.example")];
    let location = |server: &Server| {
        let body = server.ask("GET", "/group/open/.status", &forwarded).body;
        serde_json::from_str::<serde_json::Value>(&body).unwrap()["location"].clone()
    };
    let env = [("PARLOUR_HTTP_PROXIES", "127.0.0.0/8")];
    let believing = Server::with(Wish { env: &env, groups: GROUPS, ..Wish::default() });
    assert_eq!(location(&believing), "https://calls.example/group/open/");
    let doubting = server();
    assert_eq!(location(&doubting), format!("http://{}/group/open/", doubting.http));
}

#[tokio::test]
async fn clients_behind_a_proxy_have_the_limit_of_their_own_address() {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
    let env =
        [("PARLOUR_HTTP_PROXIES", "127.0.0.1"), ("PARLOUR_HTTP_CONNECTIONS_PER_ADDRESS", "1")];
    let server = Server::with(Wish { env: &env, ..Wish::default() });
    let connect = async |client: &'static str| {
        let mut request = format!("ws://{}/ws", server.http).into_client_request().unwrap();
        request.headers_mut().insert("x-forwarded-for", client.parse().unwrap());
        tokio_tungstenite::connect_async(request).await
    };
    let first = connect("192.0.2.1").await;
    assert!(first.is_ok());
    assert!(connect("192.0.2.1").await.is_err());
    assert!(connect("192.0.2.2").await.is_ok());
}

#[test]
fn the_probes_answer_on_their_own_listener_only() {
    let server = server();
    let ops = |path| crate::support::ask(server.ops, "GET", path, &[]);
    assert_eq!(ops("/live").status, 200);
    assert_eq!(ops("/ready").status, 200);
    assert_eq!(ops("/metrics").status, 200);
    assert_eq!(ops("/group/open/").status, 404);
    assert_eq!(server.get("/metrics").status, 404);
    assert_eq!(server.metric("parlour_panics_total"), 0);
    assert_eq!(server.metric("parlour_shard_up"), 1);
    assert!(server.metric("parlour_limit_max{limit=\"http.connections_max\"}") > 0);
}
