use super::*;
use proptest::prelude::*;

fn fields() -> Fields {
    Fields {
        marker: true,
        payload_type: 96,
        sequence: 0xFFFE,
        timestamp: 0x0102_0304,
        ssrc: 0xAABB_CCDD,
    }
}

#[test]
fn a_plain_header_is_read_back() {
    let mut bytes = Vec::new();
    write_header(&mut bytes, &fields(), &[], false);
    assert_eq!(bytes.len(), FIXED_HEADER_BYTES);
    bytes.extend_from_slice(b"abc");
    let header = Header::parse(&bytes).unwrap();
    assert_eq!(header.fields(), fields());
    assert_eq!(header.payload, b"abc");
    assert_eq!(header.length, 12);
    assert_eq!(header.extensions().count(), 0);
}

#[test]
fn contributing_sources_and_padding_are_not_payload() {
    let mut bytes = vec![0xA2, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
    bytes.extend_from_slice(&[9; 8]);
    bytes.extend_from_slice(&[7, 7, 0, 0, 3]);
    let header = Header::parse(&bytes).unwrap();
    assert_eq!((header.length, header.padding), (20, 3));
    assert_eq!(header.payload, [7, 7]);
    let clear = Header::parse_protected(&bytes).unwrap();
    assert_eq!((clear.payload.len(), clear.padding), (5, 0));
}

#[test]
fn padding_that_does_not_fit_is_refused() {
    let head = [0xA0, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
    let with = |tail: &[u8]| Header::parse(&[&head, tail].concat()).map(|_| ());
    assert_eq!(with(&[0, 0, 3]), Ok(()));
    let refused = |padding, have| Err(ParseError::Padding { padding, have });
    assert_eq!(with(&[0, 0, 4]), refused(4, 3));
    assert_eq!(with(&[0, 0, 0]), refused(0, 3));
    assert_eq!(with(&[]), refused(0, 0));
}

#[test]
fn short_forms_serve_small_elements_and_long_ones_the_rest() {
    let short: &[(u8, &[u8])] = &[(1, b"0"), (14, &[7; 16])];
    let long: &[(u8, &[u8])] = &[(1, b"0"), (12, &[7; 17]), (15, b""), (255, &[1; 255])];
    for (elements, profile) in [(short, [0xBE, 0xDE]), (long, [0x10, 0x00])] {
        let mut bytes = Vec::new();
        write_header(&mut bytes, &fields(), elements, false);
        assert_eq!(bytes[12..14], profile);
        bytes.push(42);
        let header = Header::parse(&bytes).unwrap();
        assert_eq!(header.extensions().collect::<Vec<_>>(), elements);
        assert_eq!(header.payload, [42]);
    }
}

#[test]
fn extension_padding_is_skipped_and_id_15_ends_a_short_block() {
    let block = [0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xBE, 0xDE, 0, 3];
    let elements = [0x10, 1, 0, 0, 0x21, 2, 3, 0xF0, 9, 0x30, 1, 0];
    let bytes = [&block[..], &elements].concat();
    let header = Header::parse(&bytes).unwrap();
    let found: Vec<_> = header.extensions().collect();
    assert_eq!(found, [(1, &[1][..]), (2, &[2, 3])]);
    assert_eq!(header.extension(2), Some(&[2, 3][..]));
    assert_eq!(header.extension(3), None);
}

#[test]
fn an_extension_longer_than_the_packet_is_refused() {
    let bytes = [0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xBE, 0xDE, 0xFF, 0xFF, 1];
    let need = 16 + 0xFFFF * 4;
    let error = ParseError::Truncated { need, have: 17 };
    assert_eq!(Header::parse(&bytes), Err(error));
    assert_eq!(Header::parse(&[0x40; 12]).unwrap_err(), ParseError::Version(1));
}

#[test]
fn datagrams_are_told_apart_by_their_first_bytes() {
    assert_eq!(demux(&[]), Datagram::Other);
    assert_eq!(demux(&[0, 1]), Datagram::Stun);
    assert_eq!(demux(&[22, 0xFE]), Datagram::Dtls);
    assert_eq!(demux(&[64, 0]), Datagram::TurnChannel);
    assert_eq!(demux(&[0x80, 96]), Datagram::Rtp);
    assert_eq!(demux(&[0x80, 0x80 | 111]), Datagram::Rtp);
    assert_eq!(demux(&[0x80]), Datagram::Rtp);
    assert_eq!(demux(&[0x81, 200]), Datagram::Rtcp);
    assert_eq!(demux(&[0x8F, 205]), Datagram::Rtcp);
    assert_eq!(demux(&[0xFF, 0]), Datagram::Other);
}

#[test]
fn sequence_numbers_roll_over_in_both_directions() {
    assert_eq!(extend(0, 5), 5);
    assert_eq!(extend(0xFFFE, 2), 0x1_0002);
    assert_eq!(extend(0x1_0002, 0xFFFE), 0xFFFE);
    assert_eq!(extend(3, 0xFFFE), 0xFFFE);
    assert_eq!(extend(u64::MAX, 0), 0);
    assert!(is_newer(1, 0xFFFF));
    assert!(!is_newer(0xFFFF, 1));
    assert_eq!(distance(0, 0x8000), i16::MIN);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(header) = Header::parse(&bytes) {
            prop_assert!(header.extensions().count() <= bytes.len());
            let end = header.length + header.payload.len() + usize::from(header.padding);
            prop_assert_eq!(end, bytes.len());
        }
    }

    #[test]
    fn what_is_written_is_read_back(
        marker: bool, payload_type in 0u8..128, sequence: u16, timestamp: u32, ssrc: u32,
        elements in prop::collection::vec((1u8..=255, prop::collection::vec(any::<u8>(), 0..40)), 0..6),
        payload in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let fields = Fields { marker, payload_type, sequence, timestamp, ssrc };
        let elements: Vec<(u8, &[u8])> = elements.iter().map(|(id, v)| (*id, v.as_slice())).collect();
        let mut bytes = Vec::new();
        write_header(&mut bytes, &fields, &elements, false);
        bytes.extend_from_slice(&payload);
        let header = Header::parse(&bytes).unwrap();
        prop_assert_eq!(header.fields(), fields);
        prop_assert_eq!(header.extensions().collect::<Vec<_>>(), elements);
        prop_assert_eq!(header.payload, &payload);
    }

    #[test]
    fn extending_keeps_the_low_bits_and_stays_close(near in 0u64..1 << 50, sequence: u16) {
        let full = extend(near, sequence);
        prop_assert_eq!(full & 0xFFFF, u64::from(sequence));
        prop_assert!(full.abs_diff(near) <= 0x8000 || near < 0x8000);
    }
}
