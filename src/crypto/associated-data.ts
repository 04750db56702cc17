const LENGTH_BYTES = 4;

/**
 * The associated data of one sealed text: for each field in order, uint32be(byte length) ‖ UTF-8 bytes.
 * The length prefix makes the encoding injective: no two different lists of fields share one encoding.
 */
export function encodeAssociatedData(fields: readonly string[]): Buffer {
  let total = 0;
  for (const field of fields) total += LENGTH_BYTES + Buffer.byteLength(field);
  const encoded = Buffer.allocUnsafe(total);
  let offset = 0;
  for (const field of fields) {
    const written = encoded.write(field, offset + LENGTH_BYTES);
    encoded.writeUInt32BE(written, offset);
    offset += LENGTH_BYTES + written;
  }
  return encoded;
}
