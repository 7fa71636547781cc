/** 128 random bits in hex. Not `crypto.randomUUID`, which browsers hide from pages served without TLS. */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
