//! The published test vectors of the derivation and the signatures.

use parlour_base::Wall;
use parlour_wire::rooms::hawk::{
    Artifacts, HawkHeader, SessionToken, Target, check, payload_hash, read_header, scheme,
};

fn key() -> String {
    let token = SessionToken::new(std::array::from_fn(|at| at as u8));
    let credentials = token.credentials();
    assert_eq!(token.text(), "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    assert_eq!(credentials.id, "5fa7b1a9a3266f052b766e956f525b583607e777f264a5bb67b57ed5e34c2c5c");
    credentials.key.expose().clone()
}

struct Vector {
    target: Target<'static>,
    ts: &'static str,
    nonce: &'static str,
    hash: Option<&'static str>,
    ext: Option<&'static str>,
    mac: &'static str,
    response: &'static str,
}

const VECTORS: [Vector; 4] = [
    Vector {
        target: Target {
            method: "GET",
            path: "/v0/rooms?version=1424903100",
            host: "loop.example.com",
            port: 443,
        },
        ts: "1424903140",
        nonce: "Zx81qT",
        hash: None,
        ext: None,
        mac: "T/2NfN86IJo0ZCubBCWt8r9DUGqKhmQPztouW8jNbT4=",
        response: "UKWr62GEM+s09+IjDiEerF7Ti2AmrlDPBQZiRiF/gf4=",
    },
    Vector {
        target: Target {
            method: "POST",
            path: "/v0/rooms/QzBbvGmIZWU",
            host: "localhost",
            port: 5000,
        },
        ts: "1424903141",
        nonce: "j4h3g2",
        hash: Some("Tuo37oJIz+UEHGh+0y0wY2I+nVtZWNw/yYnnZtavCS8="),
        ext: None,
        mac: "rCPYDuSHo7+JGZ6TzNOztqs8dmLcbCLU5ag/c6abFFo=",
        response: "CpW3Kll+G0klYt2fVFglVE2cHDlR/teHLJq4h24V6G4=",
    },
    Vector {
        target: Target { method: "POST", path: "/v0/registration", host: "127.0.0.1", port: 5000 },
        ts: "1424903142",
        nonce: "aB3dE6",
        hash: Some("P4CZeNQ5vOdqMc3sH8D28MlA30UkylGSu6bvqtvell4="),
        ext: None,
        mac: "Ih4MEQIVgz4+GHGcTAFSK6RX40N41/ROnHGsAX+TGq0=",
        response: "OiIQyzjnmyWPRDb5PTCTf/J3dIDyC2bW3CMbXfjHWSw=",
    },
    Vector {
        target: Target { method: "GET", path: "/rooms", host: "loop.example.com", port: 80 },
        ts: "1424903143",
        nonce: "n0nc3",
        hash: None,
        ext: Some("some-ext"),
        mac: "YNGMf2zOyRrTY6GQuzwmILTnsFnRc/dXcO/76tIZP4c=",
        response: "WLlNz9o1MKaLp/77/jkjOSrYorCl4hJSkxz3OEUmRLg=",
    },
];

fn header(vector: &Vector) -> HawkHeader {
    HawkHeader {
        id: "id".to_owned(),
        ts: vector.ts.to_owned(),
        nonce: vector.nonce.to_owned(),
        hash: vector.hash.map(str::to_owned),
        ext: vector.ext.map(str::to_owned),
        mac: vector.mac.to_owned(),
        ..HawkHeader::default()
    }
}

#[test]
fn every_vector_is_signed_and_answered_as_published() {
    let key = key();
    for vector in &VECTORS {
        let header = header(vector);
        let artifacts = Artifacts { target: vector.target, header: &header };
        assert_eq!(artifacts.request_mac(&key), vector.mac);
        assert_eq!(artifacts.response_mac(&key), vector.response);
        let now = Wall(vector.ts.parse::<i64>().expect("a number") * 1_000);
        let verified = check(&header, vector.target, &key, now).expect("signed and fresh");
        assert_eq!(verified.server_authorization, format!("Hawk mac=\"{}\"", vector.response));
    }
}

#[test]
fn the_signed_text_is_the_published_one() {
    let vector = &VECTORS[1];
    let header = header(vector);
    let artifacts = Artifacts { target: vector.target, header: &header };
    assert_eq!(
        artifacts.text("hawk.1.header", vector.hash.expect("has one"), ""),
        "hawk.1.header\n1424903141\nj4h3g2\nPOST\n/v0/rooms/QzBbvGmIZWU\nlocalhost\n5000\n\
         Tuo37oJIz+UEHGh+0y0wY2I+nVtZWNw/yYnnZtavCS8=\n\n"
    );
    assert_eq!(
        artifacts.text("hawk.1.response", "", ""),
        "hawk.1.response\n1424903141\nj4h3g2\nPOST\n/v0/rooms/QzBbvGmIZWU\nlocalhost\n5000\n\n\n"
    );
}

#[test]
fn the_hash_of_a_body_leaves_out_the_charset() {
    let body = br#"{"action":"leave"}"#;
    let hash = payload_hash("application/json; charset=utf-8", body);
    assert_eq!(Some(hash.as_str()), VECTORS[1].hash);
    let body = br#"{"simplePushURLs":{"rooms":"http://127.0.0.1:9/p"}}"#;
    assert_eq!(Some(payload_hash("application/JSON", body).as_str()), VECTORS[2].hash);
}

#[test]
fn a_wrong_clock_is_told_the_servers_signed() {
    let vector = &VECTORS[3];
    let late = Wall(1_424_903_204_500);
    let error = check(&header(vector), vector.target, &key(), late).expect_err("61.5 s apart");
    assert_eq!(error.status, 401);
    assert_eq!(error.error["message"], "Stale timestamp");
    let error = parlour_wire::rooms::hawk::stale(&key(), Wall(1_424_903_200_999));
    let tsm = "Kr2FHcH9+p9Hpct/puHV8RshPtIkUb+z4Jory6R5qoo=";
    assert_eq!(error.error["attributes"]["tsm"], tsm);
    let challenge = error.challenge.expect("a 401 has one").0;
    assert_eq!(
        challenge,
        format!("Hawk ts=\"1424903200\", tsm=\"{tsm}\", error=\"Stale timestamp\"")
    );
}

#[test]
fn a_wrong_signature_is_told_before_a_wrong_clock() {
    let vector = &VECTORS[0];
    let other = Target { port: 80, ..vector.target };
    let error = check(&header(vector), other, &key(), Wall(0)).expect_err("another port");
    assert_eq!(error.error["message"], "Bad mac");
    assert_eq!(error.challenge.expect("a 401 has one").0, "Hawk error=\"Bad mac\"");
}

#[test]
fn an_application_adds_two_lines() {
    let mut header = header(&VECTORS[0]);
    header.app = Some("a".to_owned());
    let artifacts = Artifacts { target: VECTORS[0].target, header: &header };
    assert!(artifacts.text("hawk.1.header", "", "").ends_with("\n443\n\n\na\n\n"));
    header.dlg = Some("d".to_owned());
    let artifacts = Artifacts { target: VECTORS[0].target, header: &header };
    assert!(artifacts.text("hawk.1.header", "", "").ends_with("\n443\n\n\na\nd\n"));
}

#[test]
fn a_header_as_clients_write_it_is_read() {
    let text = r#"Hawk id="5f", ts="1424903140", nonce="Zx81qT", mac="T/2N=""#;
    let (word, rest) = scheme(text).expect("a scheme");
    assert_eq!(word, "Hawk");
    assert_eq!(read_header(rest).expect("a good header").nonce, "Zx81qT");
}
