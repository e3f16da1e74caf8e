/**
 * How each kind of track is encoded when we send it.
 */

/** Highest rate for a camera picture. */
export const CAMERA_BPS_MAX = 900_000;
/** Highest rate of the small copy of a camera picture. */
export const CAMERA_LOW_BPS_MAX = 120_000;
/** Highest rate for a shared screen. */
export const SCREEN_BPS_MAX = 2_500_000;
/** Highest rate for speech. */
export const VOICE_BPS_MAX = 48_000;
/** Highest rate for the sound of a shared screen. */
export const SCREEN_SOUND_BPS_MAX = 96_000;

/**
 * The encodings of a track: one, or for a camera with `simulcast` a full
 * picture `h` and a small one `l` (docs/protocols/galene.md §6.4).
 * @param {string} label
 * @param {'audio' | 'video'} kind
 * @param {boolean} simulcast
 * @returns {RTCRtpEncodingParameters[]}
 */
export function encodingsFor(label, kind, simulcast) {
  const screen = label === 'screenshare';
  if (kind === 'audio') return [{ maxBitrate: screen ? SCREEN_SOUND_BPS_MAX : VOICE_BPS_MAX }];
  if (screen) return [{ maxBitrate: SCREEN_BPS_MAX }];
  if (!simulcast) return [{ maxBitrate: CAMERA_BPS_MAX }];
  return [
    { rid: 'h', maxBitrate: CAMERA_BPS_MAX },
    { rid: 'l', maxBitrate: CAMERA_LOW_BPS_MAX, scaleResolutionDownBy: 2 },
  ];
}
