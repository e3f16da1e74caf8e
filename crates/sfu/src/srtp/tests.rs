use super::cipher::{Cipher, Parts, Place, Use};
use super::derive::{Derivation, Label, counter_key, counter_mode};
use super::*;
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, LessSafeKey, UnboundKey};
use parlour_wire::rtp::{Fields, write_header};
use proptest::prelude::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

const PROFILES: [Profile; 3] =
    [Profile::AeadAes128Gcm, Profile::AeadAes256Gcm, Profile::Aes128CmHmacSha1];

fn master(profile: Profile, seed: u8) -> Master {
    Master {
        key: (0..profile.key_bytes()).map(|i| i as u8 ^ seed).collect(),
        salt: (0..profile.salt_bytes()).map(|i| i as u8 ^ seed ^ 0x55).collect(),
    }
}

fn pair(profile: Profile) -> (Seal, Open) {
    let master = master(profile, 3);
    (Seal::new(profile, &master).unwrap(), Open::new(profile, &master, 8).unwrap())
}

fn packet(ssrc: u32, index: u64, payload: &[u8], seal: &Seal) -> Vec<u8> {
    let fields =
        Fields { payload_type: 96, sequence: index as u16, timestamp: 7, ssrc, marker: false };
    let mut out = Vec::new();
    write_header(&mut out, &fields, &[(4, b"0")], false);
    assert!(seal.rtp(ssrc, index, 0, payload, &[], &mut out));
    out
}

/// RFC 3711 appendix B.2.
#[test]
fn counter_mode_gives_the_key_stream_of_the_specification() {
    let key = counter_key(&hex("2B7E151628AED2A6ABF7158809CF4F3C")).unwrap();
    let iv: [u8; 16] = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000").try_into().unwrap();
    let mut stream = [0; 48];
    counter_mode(&key, iv, &mut stream).unwrap();
    let expected = "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB
        41E95B3BB0A2E8DD477901E4FCA894C0";
    assert_eq!(stream.to_vec(), hex(expected));
}

/// RFC 3711 appendix B.3.
#[test]
fn session_keys_are_those_of_the_specification() {
    let master = Master {
        key: hex("E1F97A0D3E018BE0D64FA32C06DE4139"),
        salt: hex("0EC675AD498AFEEBB6960B3AABE6"),
    };
    let keys = Derivation::new(&master).unwrap();
    let key = keys.derive::<16>(Label::RtpKey).unwrap();
    let salt = keys.derive::<14>(Label::RtpSalt).unwrap();
    let auth = keys.derive::<20>(Label::RtpAuth).unwrap();
    assert_eq!(key.to_vec(), hex("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(salt.to_vec(), hex("30CBBC08863D8C85D49DB34A9AE1"));
    assert_eq!(auth.to_vec(), hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
}

fn gcm(bits: usize, kind: Use) -> Cipher {
    let key: Vec<u8> = (0..32).take(bits / 8).collect();
    let algorithm = if bits == 128 { &AES_128_GCM } else { &AES_256_GCM };
    let key = LessSafeKey::new(UnboundKey::new(algorithm, &key).unwrap());
    Cipher::Gcm { key, salt: *b"Quid pro quo", kind }
}

/// RFC 7714 sections 16.1.1 and 16.2.1.
#[test]
fn aead_rtp_packets_are_those_of_the_specification() {
    let header = hex("8040f17b 8041f8d3 5501a0b2");
    let body = b"Gallia est omnis divisa in partes tres";
    let place = Place { ssrc: 0x5501_a0b2, index: 0xf17b };
    let expected = [
        "f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf
         8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        "32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799
         b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
    ];
    for (bits, expected) in [128, 256].into_iter().zip(expected) {
        let cipher = gcm(bits, Use::Rtp);
        let mut out = header.clone();
        assert!(cipher.seal(place, 0, &[], body, &[], &mut out));
        assert_eq!(out[12..].to_vec(), hex(expected), "{bits}");
        let (cipher_text, tag) = out[12..].split_at(body.len());
        let parts = Parts { clear: &header, trailer: &[] };
        let mut plain = Vec::new();
        assert!(cipher.open(place, &parts, cipher_text, tag, &mut plain));
        assert_eq!(plain, body);
    }
}

/// RFC 7714 section 17.1.
#[test]
fn aead_rtcp_packets_are_those_of_the_specification() {
    let clear = hex("81c8000d 4d617273");
    let body =
        hex("4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef
         deadbeef deadbeef");
    let expected = "63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda
        4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4";
    let cipher = gcm(128, Use::Rtcp);
    let place = Place { ssrc: 0x4d61_7273, index: 0x5d4 };
    let mut out = clear.clone();
    let trailer = 0x8000_05d4u32.to_be_bytes();
    assert!(cipher.seal(place, 0, &trailer, &body, &[], &mut out));
    assert_eq!(out[8..].to_vec(), hex(expected));
}

#[test]
fn every_profile_opens_what_it_sealed_once() {
    for profile in PROFILES {
        let (mut seal, mut open) = pair(profile);
        let sealed = packet(9, 0xFFFF, b"payload", &seal);
        let mut plain = Vec::new();
        assert_eq!(open.rtp(&sealed, &mut plain), Ok(0xFFFF));
        assert!(plain.ends_with(b"payload"));
        assert_eq!(open.rtp(&sealed, &mut plain), Err(OpenError::Replayed));
        // The counter of roll-overs goes up without being on the wire.
        assert_eq!(open.rtp(&packet(9, 0x1_0001, b"x", &seal), &mut plain), Ok(0x1_0001));
        assert_eq!(open.rtp(&packet(9, 0x1_0000, b"x", &seal), &mut plain), Ok(0x1_0000));

        let report = hex("80c90001 01020304");
        let mut sealed = Vec::new();
        assert!(seal.rtcp(&report, &mut sealed));
        assert_eq!(open.rtcp(&sealed, &mut plain), Ok(()));
        assert_eq!(plain, report);
        assert_eq!(open.rtcp(&sealed, &mut plain), Err(OpenError::Replayed));
    }
}

#[test]
fn padding_behind_the_body_is_encrypted_with_it() {
    for profile in PROFILES {
        let (seal, mut open) = pair(profile);
        let mut out = vec![1, 2, 3];
        let fields = Fields { payload_type: 96, ssrc: 1, ..Fields::default() };
        write_header(&mut out, &fields, &[], true);
        assert!(seal.rtp(1, 0, 3, b"abc", &[0, 0, 3], &mut out));
        let mut plain = Vec::new();
        assert_eq!(open.rtp(&out[3..], &mut plain), Ok(0));
        assert!(plain.ends_with(b"abc\0\0\x03"));
    }
}

#[test]
fn sources_are_bounded_and_forgeries_do_not_count() {
    let (seal, mut open) = pair(Profile::AeadAes128Gcm);
    let other = Seal::new(Profile::AeadAes128Gcm, &master(Profile::AeadAes128Gcm, 9)).unwrap();
    let mut plain = Vec::new();
    for ssrc in 0..100 {
        let forged = packet(ssrc, 1, b"x", &other);
        assert_eq!(open.rtp(&forged, &mut plain), Err(OpenError::Unauthentic));
    }
    for ssrc in 0..8 {
        assert_eq!(open.rtp(&packet(ssrc, 1, b"x", &seal), &mut plain), Ok(1));
    }
    let ninth = packet(8, 1, b"x", &seal);
    assert_eq!(open.rtp(&ninth, &mut plain), Err(OpenError::TooManySources));
    assert_eq!(open.rtp(&packet(3, 2, b"x", &seal), &mut plain), Ok(2));
}

#[test]
fn masters_of_the_wrong_size_make_no_keys() {
    let short = Master { key: vec![0; 15], salt: vec![0; 12] };
    assert!(Seal::new(Profile::AeadAes128Gcm, &short).is_none());
    assert!(Exported::cut(Profile::AeadAes256Gcm, &[0; 87]).is_none());
    assert!(Exported::cut(Profile::AeadAes256Gcm, &[0; 88]).is_some());
}

proptest! {
    #[test]
    fn arbitrary_and_altered_packets_are_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..120), at: usize, flip in 1u8..=255,
        which in 0usize..3,
    ) {
        let (mut seal, mut open) = pair(PROFILES[which]);
        let mut plain = Vec::new();
        prop_assert!(open.rtp(&bytes, &mut plain).is_err());
        prop_assert!(open.rtcp(&bytes, &mut plain).is_err());
        let mut sealed = packet(1, 5, &bytes, &seal);
        let at_rtp = at % sealed.len();
        sealed[at_rtp] ^= flip;
        prop_assert!(open.rtp(&sealed, &mut plain).is_err());
        let mut sealed = Vec::new();
        seal.rtcp(&hex("80c90001 01020304"), &mut sealed);
        let at = at % sealed.len();
        sealed[at] ^= flip;
        prop_assert!(open.rtcp(&sealed, &mut plain).is_err());
    }
}

/// A vector that other implementations of RFC 3711 share.
#[test]
fn counter_mode_packets_are_those_of_other_implementations() {
    let master = Master {
        key: hex("E1F97A0D3E018BE0D64FA32C06DE4139"),
        salt: hex("0EC675AD498AFEEBB6960B3AABE6"),
    };
    let mut seal = Seal::new(Profile::Aes128CmHmacSha1, &master).unwrap();
    let mut out = hex("800f1234 decafbad cafebabe");
    assert!(seal.rtp(0xcafe_babe, 0x1234, 0, &[0xab; 16], &[], &mut out));
    let expected = "4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb";
    assert_eq!(out[12..].to_vec(), hex(expected));
    let report = [hex("81c8000b cafebabe"), vec![0xab; 16]].concat();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    assert!(seal.rtcp(&report, &mut first) && seal.rtcp(&report, &mut second));
    let expected = "7128035be487b9bdbef890 41f977a5a8 80000001 993e08cd54d6c1230798";
    assert_eq!(second[8..].to_vec(), hex(expected));
}
