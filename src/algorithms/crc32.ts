/**
 * CRC-32 as in IEEE 802.3 and RFC 1952 §8 (reflected, polynomial 0xEDB88320). Detects every one-character change and
 * every burst of up to 32 bits; it is a checksum against typing errors and junk, never a proof of authenticity.
 */

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit += 1) {
    remainder = (remainder & 1) === 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
  }
  return remainder;
});

/** The checksum of `bytes`, an unsigned 32-bit number. */
export function crc32(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (const byte of bytes) {
    remainder = (remainder >>> 8) ^ (TABLE[(remainder ^ byte) & 0xff] ?? 0);
  }
  return (remainder ^ 0xffffffff) >>> 0;
}
