/** Cuts bytes into chunks, to prove that a parser does not care where the network cut them. */

/** Chunks of `sizeAt(n)` bytes each, n counting from 0. */
export function cut(bytes: Uint8Array, sizeAt: (chunk: number) => number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let from = 0; from < bytes.length; from += chunks.at(-1)?.length ?? 1) {
    chunks.push(bytes.subarray(from, from + sizeAt(chunks.length)));
  }
  return chunks;
}
