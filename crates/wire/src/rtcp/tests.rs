use super::*;
use proptest::prelude::*;

fn one(bytes: &[u8]) -> Packet<'_> {
    let mut all = packets(bytes);
    let packet = all.next().unwrap().unwrap();
    assert!(all.next().is_none());
    packet
}

fn block(ssrc: u32) -> ReportBlock {
    ReportBlock {
        ssrc,
        fraction_lost: 200,
        cumulative_lost: -3,
        highest_sequence: 0x0001_FFFF,
        jitter: 77,
        last_report: 0x1234_5678,
        delay: 65_536,
    }
}

#[test]
fn a_compound_is_read_in_order() {
    let info = SenderInfo { ssrc: 1, ntp: 0x0102_0304_0506_0708, rtp: 9, packets: 10, octets: 11 };
    let mut bytes = Vec::new();
    write_sender_report(&mut bytes, &info, &[block(5)]);
    write_cname(&mut bytes, 1, "parlour");
    write_bye(&mut bytes, &[1, 2]);
    let all: Vec<_> = packets(&bytes).map(Result::unwrap).collect();
    let [Packet::SenderReport(report), Packet::SourceDescription(names), Packet::Bye(bye)] =
        &all[..]
    else {
        panic!("{all:?}");
    };
    assert_eq!(report.info, info);
    assert_eq!(report.reports.collect::<Vec<_>>(), [block(5)]);
    assert_eq!(names.collect::<Vec<_>>(), [(1, &b"parlour"[..])]);
    assert_eq!(bye.sources().collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn report_blocks_beyond_the_count_are_left_out() {
    let mut bytes = Vec::new();
    let blocks: Vec<_> = (0..40).map(block).collect();
    write_receiver_report(&mut bytes, 7, &blocks);
    let Packet::ReceiverReport(report) = one(&bytes) else {
        panic!();
    };
    assert_eq!(report.sender, 7);
    assert_eq!(report.reports.count(), REPORTS_MAX);
}

#[test]
fn names_of_several_sources_are_found_between_other_items() {
    let bytes = [
        0x82, 202, 0, 7, // two chunks
        0, 0, 0, 1, 2, 1, b'x', 1, 2, b'a', b'b', 0, // NAME x, CNAME ab
        0, 0, 0, 9, 1, 5, b'c', b'n', b'a', b'm', b'e', 0, 0, 0, 0, 0,
    ];
    let Packet::SourceDescription(names) = one(&bytes) else {
        panic!();
    };
    let found: Vec<_> = names.collect();
    assert_eq!(found, [(1, &b"ab"[..]), (9, &b"cname"[..])]);
}

#[test]
fn a_nack_packs_seventeen_numbers_into_a_pair() {
    let lost = [65_530, 65_531, 65_535, 0, 10, 11, 28];
    let mut bytes = Vec::new();
    write_nack(&mut bytes, 1, 2, lost);
    assert_eq!(bytes.len(), 12 + 3 * 4);
    let Packet::Nack(nack) = one(&bytes) else {
        panic!();
    };
    assert_eq!((nack.sender, nack.media), (1, 2));
    assert_eq!(nack.lost().collect::<Vec<_>>(), lost);
    bytes.clear();
    write_nack(&mut bytes, 1, 2, []);
    assert!(bytes.is_empty());
}

#[test]
fn keyframe_requests_are_read_back() {
    let mut bytes = Vec::new();
    write_pli(&mut bytes, 1, 2);
    assert_eq!(one(&bytes), Packet::Pli { sender: 1, media: 2 });
    bytes.clear();
    write_fir(&mut bytes, 1, &[(2, 3), (4, 5)]);
    let Packet::Fir(fir) = one(&bytes) else {
        panic!();
    };
    assert_eq!(fir.requests().collect::<Vec<_>>(), [(2, 3), (4, 5)]);
}

#[test]
fn an_estimate_keeps_its_upper_18_bits() {
    for (bitrate, read) in
        [(0, 0), (262_143, 262_143), (2_500_001, 2_500_000), (u64::MAX, 0x3FFFF << 46)]
    {
        let mut bytes = Vec::new();
        write_remb(&mut bytes, 1, bitrate, &[7, 8]);
        let Packet::Remb(remb) = one(&bytes) else {
            panic!();
        };
        assert_eq!(remb.bitrate, read);
        assert_eq!(remb.sources().collect::<Vec<_>>(), [7, 8]);
    }
}

#[test]
fn an_estimate_too_large_for_a_number_means_no_limit() {
    let bytes =
        [0x8F, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 0, 0xFF, 0xFF, 0xFF];
    assert!(matches!(one(&bytes), Packet::Remb(remb) if remb.bitrate == u64::MAX));
}

#[test]
fn another_application_message_is_not_an_estimate() {
    let bytes = [0x8F, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, b'A', b'B', b'C', b'D'];
    assert!(matches!(one(&bytes), Packet::Other { packet_type: 206, format: 15 }));
}

fn feedback(deltas: &[Option<i16>]) -> (Vec<u8>, TransportCcHead) {
    let head =
        TransportCcHead { sender: 1, media: 2, base: 65_534, reference: 0x00AB_CDEF, number: 200 };
    let mut bytes = Vec::new();
    let written = write_transport_cc(&mut bytes, &head, deltas);
    assert_eq!(written, deltas.len().min(TRANSPORT_CC_PACKETS_MAX));
    (bytes, head)
}

#[test]
fn feedback_on_a_steady_stream_is_one_run() {
    let (bytes, head) = feedback(&[Some(4); 20]);
    assert_eq!(bytes.len(), 4 + 16 + 2 + 20 + 2);
    let Packet::TransportCc(read) = one(&bytes) else {
        panic!();
    };
    assert_eq!((read.head, read.count), (head, 20));
    let sequences: Vec<_> = read.arrivals().map(|a| a.sequence).collect();
    assert_eq!(sequences.first(), Some(&65_534));
    assert_eq!(sequences.last(), Some(&17));
}

#[test]
fn a_known_feedback_is_read() {
    // Two-bit vector: small, lost, large, lost, lost, lost, lost; count 3.
    let bytes = [
        0x8F, 205, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2, 0, 10, 0, 3, 0, 0, 1, 5, //
        0xD2, 0x00, 8, 0xFF, 0xFE, 0, 0, 0,
    ];
    let Packet::TransportCc(read) = one(&bytes) else {
        panic!();
    };
    let found: Vec<_> = read.arrivals().map(|a| (a.sequence, a.delta)).collect();
    assert_eq!(found, [(10, Some(8)), (11, None), (12, Some(-2))]);
}

#[test]
fn feedback_with_missing_deltas_is_refused() {
    let (mut bytes, _) = feedback(&[Some(4); 20]);
    bytes.truncate(24);
    bytes[3] = 5;
    let error = ParseError::Body { packet_type: 205, format: 15 };
    assert_eq!(packets(&bytes).next(), Some(Err(error)));
}

#[test]
fn the_largest_feedback_fits_into_a_datagram() {
    let deltas: Vec<_> = (0..1_000).map(|i| Some(if i % 2 == 0 { -1 } else { 3 })).collect();
    assert!(feedback(&deltas).0.len() < 1_200);
    assert!(feedback(&[Some(-1); 1_000]).0.len() < 1_200);
}

#[test]
fn a_broken_body_does_not_hide_the_next_packet() {
    let mut bytes = vec![0x81, 201, 0, 1, 0, 0, 0, 1];
    write_pli(&mut bytes, 1, 2);
    let all: Vec<_> = packets(&bytes).collect();
    assert!(matches!(all[..], [Err(ParseError::Body { .. }), Ok(Packet::Pli { .. })]));
}

#[test]
fn padding_is_not_part_of_the_last_body() {
    let bytes = [0xA0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4];
    assert!(matches!(one(&bytes), Packet::ReceiverReport(report) if report.sender == 1));
    let empty = [0xA0, 201, 0, 0];
    assert_eq!(packets(&empty).next(), Some(Err(ParseError::Padding(0))));
}

#[test]
fn every_prefix_and_every_changed_byte_of_a_compound_is_survived() {
    let mut bytes = Vec::new();
    write_sender_report(&mut bytes, &SenderInfo::default(), &[block(5), block(6)]);
    write_receiver_report(&mut bytes, 1, &[block(5)]);
    write_cname(&mut bytes, 1, "parlour");
    write_nack(&mut bytes, 1, 2, [3, 5, 900]);
    write_fir(&mut bytes, 1, &[(2, 3)]);
    write_remb(&mut bytes, 1, 1_000_000, &[7, 8]);
    let deltas = [Some(3), None, Some(-9), Some(700), None, None, None, None, None];
    write_transport_cc(&mut bytes, &TransportCcHead::default(), &deltas);
    write_bye(&mut bytes, &[1, 2]);
    for end in 0..=bytes.len() {
        walk(&bytes[..end]);
    }
    for at in 0..bytes.len() {
        for value in [0, 1, 0x1F, 0x20, 0x7F, 0x80, 0xA1, 0xFF] {
            let mut changed = bytes.clone();
            changed[at] = value;
            walk(&changed);
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..300),
        kind in 198u8..208,
        format in 0u8..32,
        words in 0u16..80,
    ) {
        walk(&bytes);
        let [w0, w1] = words.to_be_bytes();
        for (byte, value) in bytes.iter_mut().zip([0x80 | format, kind, w0, w1]) {
            *byte = value;
        }
        walk(&bytes);
    }

    #[test]
    fn feedback_is_read_back(deltas in prop::collection::vec(prop_oneof![
        3 => (0i16..256).prop_map(Some), 1 => any::<i16>().prop_map(Some), 2 => Just(None),
    ], 0..600)) {
        let (bytes, head) = feedback(&deltas);
        let Packet::TransportCc(read) = one(&bytes) else { panic!() };
        prop_assert_eq!(read.head, head);
        let found: Vec<_> = read.arrivals().map(|a| a.delta).collect();
        prop_assert_eq!(&found[..], &deltas[..deltas.len().min(TRANSPORT_CC_PACKETS_MAX)]);
    }

    #[test]
    fn lost_numbers_are_read_back(start: u16, steps in prop::collection::vec(1u16..60, 1..200)) {
        let lost: Vec<_> = steps.iter().scan(start, |at, step| { *at = at.wrapping_add(*step); Some(*at) }).collect();
        let mut bytes = Vec::new();
        write_nack(&mut bytes, 1, 2, lost.iter().copied());
        let Packet::Nack(nack) = one(&bytes) else { panic!() };
        prop_assert_eq!(nack.lost().collect::<Vec<_>>(), lost);
    }
}

/// Reads everything there is, and takes part in every list.
fn walk(bytes: &[u8]) {
    for packet in packets(bytes).flatten() {
        let count = match packet {
            Packet::SenderReport(report) => report.reports.count(),
            Packet::ReceiverReport(report) => report.reports.count(),
            Packet::SourceDescription(names) => names.count(),
            Packet::Bye(bye) => bye.sources().count(),
            Packet::Nack(nack) => nack.lost().count(),
            Packet::Fir(fir) => fir.requests().count(),
            Packet::Remb(remb) => remb.sources().count(),
            Packet::TransportCc(feedback) => feedback.arrivals().count(),
            Packet::Pli { .. } | Packet::Other { .. } => 0,
        };
        assert!(count <= 65_535);
    }
}
