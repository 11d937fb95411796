/**
 * Reads an answer's body into text without ever holding more than the cap.
 *
 * Decoded bytes are counted, because `Content-Length` speaks of the coded ones and 200 KB of gzip can hold 200 MB. At the
 * cap the body is cancelled, which closes the connection.
 */

import { type Result, fail, ok } from "../platform/result.ts";

/** Why there is no text: past the cap, the connection broke or was aborted, or the bytes are not UTF-8. */
export type ReadFailure = "too_large" | "broken" | "not_utf8";

/** The whole body as strict UTF-8. A missing body is empty text. */
export async function readText(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<Result<string, ReadFailure>> {
  if (body === null) return ok("");
  const reader = body.getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  let text = "";
  let bytes = 0;
  for (;;) {
    const chunk = await readChunk(reader);
    if (chunk === "broken") return fail("broken");
    if (chunk === "end") return decode(() => text + decoder.decode());
    bytes += chunk.byteLength;
    if (bytes > maxBytes) {
      await discard(reader);
      return fail("too_large");
    }
    const decoded = decode(() => text + decoder.decode(chunk, { stream: true }));
    if (!decoded.ok) {
      await discard(reader);
      return decoded;
    }
    text = decoded.value;
  }
}

/** True when the runtime has undone the answer's content coding: one gzip or br. Others it hands over as raw bytes. */
export function isDecoded(headers: Headers): boolean {
  return /^(|identity|gzip|br)$/i.test(headers.get("content-encoding")?.trim() ?? "");
}

/** What one read of a body can give. A rejection of the stream is `"broken"`, whatever its prose. */
export async function readChunk(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<Uint8Array | "end" | "broken"> {
  try {
    const { done, value } = await reader.read();
    return done ? "end" : value;
  } catch {
    return "broken";
  }
}

/** Cancels a body nobody will read, so its connection closes. A body that is already broken is as good as cancelled. */
export async function discard(body: { cancel(): Promise<void> } | null): Promise<void> {
  await body?.cancel().catch(() => {});
}

function decode(run: () => string): Result<string, "not_utf8"> {
  try {
    return ok(run());
  } catch {
    return fail("not_utf8");
  }
}
