use super::*;
use proptest::prelude::*;

#[test]
fn a_vp8_descriptor_names_every_field() {
    let payload = [0xB1, 0xF0, 0x92, 0x34, 7, 0xA5, 0x10];
    let read = vp8::Descriptor::parse(&payload).unwrap();
    assert_eq!(
        read,
        vp8::Descriptor {
            discardable: true,
            partition_start: true,
            partition: 1,
            picture_id: Some(PictureId { value: 0x1234, long: true }),
            tl0_index: Some(7),
            temporal_layer: Some(2),
            layer_sync: true,
            key_index: Some(5),
            length: 6,
        }
    );
    for end in 0..6 {
        assert_eq!(vp8::Descriptor::parse(&payload[..end]), None);
    }
}

#[test]
fn vp8_numbers_are_rewritten_in_their_width() {
    let mut long = [0x90, 0xE0, 0x81, 0x02, 3, 0x40, 0];
    assert!(vp8::rewrite(&mut long, 0x7FFF, 9));
    assert_eq!(long, [0x90, 0xE0, 0xFF, 0xFF, 9, 0x40, 0]);
    let mut short = [0x90, 0x80, 0x01, 0];
    assert!(vp8::rewrite(&mut short, 0x1FE, 9));
    assert_eq!(short, [0x90, 0x80, 0x7E, 0]);
    let mut index_only = [0x80, 0x40, 1, 0];
    assert!(vp8::rewrite(&mut index_only, 5, 9));
    assert_eq!(index_only, [0x80, 0x40, 9, 0]);
    let mut plain = [0x10, 0];
    assert!(vp8::rewrite(&mut plain, 5, 9));
    assert_eq!(plain, [0x10, 0]);
    assert!(!vp8::rewrite(&mut [0x80], 5, 9));
}

#[test]
fn a_vp8_keyframe_begins_in_its_first_packet_only() {
    assert_eq!(vp8::keyframe_start(&[0x10, 0x10]), Some(true));
    assert_eq!(vp8::keyframe_start(&[0x10, 0x11]), Some(false));
    assert_eq!(vp8::keyframe_start(&[0x00, 0x10]), Some(false));
    assert_eq!(vp8::keyframe_start(&[0x11, 0x10]), Some(false));
    assert_eq!(vp8::keyframe_start(&[0x90, 0x80, 0x11, 0x00]), Some(true));
    assert_eq!(vp8::keyframe_start(&[0x10]), None);
    assert_eq!(vp8::keyframe_start(&[]), None);
}

#[test]
fn a_vp9_descriptor_steps_over_references_and_structure() {
    let flexible = [0xF8, 0x05, 0x2A, 0x03, 0x02, 0x86];
    let read = vp9::Descriptor::parse(&flexible).unwrap();
    assert_eq!(read.length, 5);
    assert!(read.inter_picture && read.frame_start && !read.frame_end);
    let layers = read.layers.unwrap();
    assert_eq!((layers.temporal, layers.spatial), (1, 5));
    assert_eq!(read.tl0_index, None);

    // Structure: two layers with sizes, one group of two references.
    let head = [0x2A, 0x00, 0x07, 0x38];
    let structure = [1, 2, 3, 4, 5, 6, 7, 8, 1, 0x08, 1, 2];
    let whole = [&head[..], &structure, &[0x82]].concat();
    let read = vp9::Descriptor::parse(&whole).unwrap();
    assert_eq!((read.length, read.tl0_index), (16, Some(7)));
    assert_eq!(vp9::keyframe_start(&whole), Some(true));
    assert_eq!(vp9::keyframe_start(&whole[..16]), None);
}

#[test]
fn a_vp9_keyframe_is_the_lowest_layer_of_its_picture() {
    assert_eq!(vp9::keyframe_start(&[0x08, 0x82]), Some(true));
    assert_eq!(vp9::keyframe_start(&[0x08, 0x86]), Some(false), "inter");
    assert_eq!(vp9::keyframe_start(&[0x08, 0x88]), Some(false), "shown again");
    assert_eq!(vp9::keyframe_start(&[0x08, 0xB0]), Some(true), "profile 3");
    assert_eq!(vp9::keyframe_start(&[0x08, 0xB2]), Some(false), "profile 3");
    assert_eq!(vp9::keyframe_start(&[0x08, 0x40]), Some(false), "marker");
    assert_eq!(vp9::keyframe_start(&[0x48, 0x82]), Some(false), "P bit");
    assert_eq!(vp9::keyframe_start(&[0x28, 0x02, 0, 0x82]), Some(false), "layer 1");
    assert_eq!(vp9::keyframe_start(&[0x00, 0x82]), Some(false), "not a start");
    assert_eq!(vp9::keyframe_start(&[0x50 | 0x08, 1, 1, 1]), None, "4 references");
}

#[test]
fn an_h264_keyframe_is_announced_by_its_parameters() {
    assert_eq!(h264::keyframe_start(&[0x67, 1]), Some(true));
    assert_eq!(h264::keyframe_start(&[0x65, 1]), Some(false));
    assert_eq!(h264::keyframe_start(&[0x78, 0, 1, 0x67, 0, 1, 0x68]), Some(true));
    assert_eq!(h264::keyframe_start(&[0x78, 0, 1, 0x09, 0, 2, 0x67, 0]), Some(true));
    assert_eq!(h264::keyframe_start(&[0x78, 0, 1, 0x09]), Some(false));
    assert_eq!(h264::keyframe_start(&[0x78, 0, 9, 0x67]), None);
    assert_eq!(h264::keyframe_start(&[0x79, 0, 0, 0, 1, 0x67]), Some(true));
    assert_eq!(h264::keyframe_start(&[0x7C, 0x87]), Some(true));
    assert_eq!(h264::keyframe_start(&[0x7C, 0x07]), Some(false));
    assert_eq!(h264::keyframe_start(&[0x7C]), None);
    assert_eq!(h264::keyframe_start(&[]), None);
}

#[test]
fn an_av1_keyframe_begins_with_a_sequence_header() {
    let key = [0x28, 2, 0x08, 0, 0x30, 0x10];
    assert_eq!(av1::keyframe_start(&key), Some(true), "key frame");
    let inter = [0x20, 2, 0x08, 0, 0x30, 0x30];
    assert_eq!(av1::keyframe_start(&inter), Some(false), "inter frame");
    let shown = [0x20, 2, 0x08, 0, 0x30, 0x80];
    assert_eq!(av1::keyframe_start(&shown), Some(false), "shown again");
    let lengths = [0x08, 1, 0x10, 3, 0x0A, 1, 0];
    assert_eq!(av1::keyframe_start(&lengths), Some(true), "no frame yet");
    assert_eq!(av1::keyframe_start(&[0x10, 0x30, 0x10]), Some(false));
    assert_eq!(av1::keyframe_start(&[0x90, 0x08, 0]), Some(false), "continued");
    assert_eq!(av1::keyframe_start(&[0x00, 9, 0x08]), None, "cut short");
    assert_eq!(av1::keyframe_start(&[0x10]), None);
    assert_eq!(av1::keyframe_start(&[]), None);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..64), id: u16, index: u8) {
        let _ = (vp9::keyframe_start(&bytes), h264::keyframe_start(&bytes), av1::keyframe_start(&bytes));
        let before = vp8::Descriptor::parse(&bytes);
        prop_assert_eq!(vp8::rewrite(&mut bytes, id, index), before.is_some());
        let after = vp8::Descriptor::parse(&bytes);
        if let (Some(before), Some(after)) = (before, after) {
            let width = |read: PictureId| if read.long { 0x7FFF } else { 0x7F };
            let number = before.picture_id.map(|read| PictureId { value: id & width(read), ..read });
            let tl0_index = before.tl0_index.map(|_| index);
            let expected = vp8::Descriptor { picture_id: number, tl0_index, ..before };
            prop_assert_eq!(after, expected);
        }
    }
}
