//! What a browser's packets looked like, as histograms.
//!
//! Origin: our own recording of Chromium 156 sending a synthetic camera
//! (1280x720, moving texture and noise, VP8 at 1.5 Mbit/s, one layer) and Opus
//! to a server on the same host; 240 frames after the start. Each row is
//! (value, how often it was seen).

/// Packets of a frame.
pub(super) const PACKETS_PER_FRAME: &[(u32, u32)] = &[
    (1, 9),
    (2, 6),
    (3, 12),
    (4, 44),
    (5, 53),
    (6, 36),
    (7, 25),
    (8, 19),
    (9, 13),
    (10, 5),
    (11, 6),
    (12, 2),
    (13, 2),
    (14, 2),
    (15, 1),
    (16, 2),
];

/// Packets of a key frame.
pub(super) const PACKETS_PER_KEY_FRAME: &[(u32, u32)] = &[(13, 1), (15, 1)];

/// Microseconds between two packets of a frame: the middle of each bin. Three
/// gaps of 1,160 above 2 ms, when the sender was not given the CPU, are left
/// out.
pub(super) const GAP_US: &[(u32, u32)] =
    &[(7, 232), (15, 208), (35, 347), (75, 166), (150, 126), (350, 59), (750, 18), (1_500, 3)];

/// Size of a video packet as a UDP payload: the middle of each bin of 50.
pub(super) const VIDEO_UDP_BYTES: &[(u32, u32)] = &[
    (225, 1),
    (425, 1),
    (525, 2),
    (725, 4),
    (825, 3),
    (925, 12),
    (975, 56),
    (1_025, 104),
    (1_075, 329),
    (1_125, 344),
    (1_175, 461),
    (1_205, 95),
];

/// How much larger the second half of a frame's packets is than the first,
/// and its last packet than that; negative for smaller.
pub(super) const LAST_DIFFERS_BY: &[(i32, u32)] = &[(0, 142), (-15, 41), (1, 45)];

/// Size of an Opus packet as a UDP payload: the middle of each bin of 10.
pub(super) const AUDIO_UDP_BYTES: &[(u32, u32)] = &[
    (45, 77),
    (75, 34),
    (85, 77),
    (95, 22),
    (105, 49),
    (115, 45),
    (125, 99),
    (135, 10),
    (145, 24),
    (155, 1),
    (165, 12),
    (205, 1),
];

/// Microseconds from a frame to the next: 26.3 frames a second.
pub(super) const FRAME_US: u64 = 38_023;

/// Microseconds from a sound packet to the next.
pub(super) const AUDIO_US: u64 = 20_000;

/// Bytes of a UDP payload that are not RTP payload: header, extensions as the
/// browser wrote them, authentication tag.
pub(super) const AROUND_PAYLOAD: u32 = 12 + 16 + 16;
