// Reads ZIP archives (APPNOTE.TXT 6.3.10), as the service answers with: stored or deflated files.

const END = 0x06054b50;
const END_BYTES = 22;
const DEFLATED = 8;

/**
 * Return the files of an archive by name.
 * @param {Blob} blob
 * @returns {Promise<Map<string, Blob>>}
 */
export async function unzip(blob) {
  const view = new DataView(await blob.arrayBuffer());
  let end = view.byteLength - END_BYTES;
  while (end >= 0 && view.getUint32(end, true) !== END) end -= 1;
  if (end < 0) throw new Error("This is no ZIP archive.");
  const files = new Map();
  let at = view.getUint32(end + 16, true);
  for (let k = view.getUint16(end + 10, true); k > 0; k--) {
    const nameBytes = view.getUint16(at + 28, true);
    const name = new TextDecoder().decode(new Uint8Array(view.buffer, at + 46, nameBytes));
    files.set(name, await contentOf(blob, view, at));
    at += 46 + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return files;
}

// The content of the file whose entry in the central directory is at `entry`.
async function contentOf(blob, view, entry) {
  const local = view.getUint32(entry + 42, true);
  const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  const packed = blob.slice(start, start + view.getUint32(entry + 20, true));
  if (view.getUint16(entry + 10, true) !== DEFLATED) return packed;
  return new Response(packed.stream().pipeThrough(new DecompressionStream("deflate-raw"))).blob();
}
