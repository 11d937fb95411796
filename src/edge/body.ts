/**
 * Request bodies: JSON only, bounded while they are read, strictly UTF-8, not too deep, then checked by their schema.
 *
 * Everything wrong with a body is found here, before anything is done with it. A body over its limit is not read to its
 * end.
 */

import type { GatewayError } from "../contract/error.ts";
import { parse, type Schema } from "../contract/parse.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { utf8Text } from "../platform/utf8-stream.ts";
import { isDeeperThan } from "./json-depth.ts";

/** Largest body of a run or of a resource. */
export const MAX_BODY_BYTES = 1024 * 1024;

/** Largest body of a chat completion, which may carry images. */
export const MAX_CHAT_BODY_BYTES = 20 * 1024 * 1024;

/** Deepest nesting of arrays and objects in any body. */
export const MAX_NESTING = 64;

/** How one route reads its body. */
export interface BodyOptions {
  /** Default: `MAX_BODY_BYTES`. */
  readonly maxBytes?: number;
  /** No body at all stands for `{}`. */
  readonly isOptional?: boolean;
  /** A value that is only beyond its upper bound is `unprocessable`, like one beyond the tenant's own. */
  readonly isTooBigUnprocessable?: boolean;
}

/** The request's body as its schema has it. */
export async function readBody<T>(
  request: Request,
  schema: Schema<T>,
  options: BodyOptions = {},
): Promise<Result<T, GatewayError>> {
  const json = await readJson(request, options);
  if (!json.ok) return json;
  const parsed = parse(schema, json.value);
  if (parsed.ok) return parsed;
  const { violations, onlyTooBig } = parsed.error;
  const isUnprocessable = onlyTooBig && options.isTooBigUnprocessable === true;
  return fail({ code: isUnprocessable ? "unprocessable" : "validation_failed", violations });
}

/** The request's body as JSON of any shape. */
export async function readJson(
  request: Request,
  { maxBytes = MAX_BODY_BYTES, isOptional = false }: BodyOptions = {},
): Promise<Result<unknown, GatewayError>> {
  const bytes = await readBytes(request, maxBytes);
  if (bytes === null) return fail({ code: "body_too_large", maxBytes });
  if (bytes.byteLength === 0 && isOptional) return ok({});
  if (!isJsonContent(request.headers)) return fail({ code: "unsupported_media_type" });
  const text = utf8Text(bytes);
  if (text === null) return invalid("The body is not valid UTF-8.");
  if (isDeeperThan(text, MAX_NESTING)) {
    return invalid(`The body nests deeper than ${String(MAX_NESTING)} levels.`);
  }
  try {
    const value: unknown = JSON.parse(text);
    return ok(value);
  } catch (error) {
    return invalid(`The body is not valid JSON${positionOf(error)}.`);
  }
}

/**
 * The body's bytes, or null as soon as there are more than `maxBytes`. A body that says how long it is, and HTTP holds it
 * to that, is read in one go, which costs half as much as reading it in pieces.
 */
export async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array | null> {
  const declared = request.headers.get("content-length");
  if (Number(declared ?? 0) > maxBytes) return null;
  if (request.body === null) return new Uint8Array();
  if (declared === null) return readPieces(request.body, maxBytes);
  const bytes = new Uint8Array(await request.arrayBuffer());
  return bytes.byteLength > maxBytes ? null : bytes;
}

async function readPieces(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array | null> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    length += read.value.byteLength;
    if (length > maxBytes) {
      await reader.cancel();
      return null;
    }
    chunks.push(read.value);
  }
  return concat(chunks, length);
}

function concat(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = chunks;
  if (only !== undefined && chunks.length === 1) return only;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

/** `application/json` or `application/…+json`, in UTF-8 where a charset is named, without a content coding. */
function isJsonContent(headers: Headers): boolean {
  const coding = headers.get("content-encoding") ?? "identity";
  const [type = "", ...parameters] = (headers.get("content-type") ?? "").toLowerCase().split(";");
  const charset = parameters.find((parameter) => parameter.trim().startsWith("charset="));
  return (
    coding.toLowerCase() === "identity" &&
    /^application\/([\w.-]+\+)?json$/.test(type.trim()) &&
    (charset === undefined || /^charset="?utf-8"?$/.test(charset.trim()))
  );
}

/** Where the parser stopped. Its own message quotes the body and is not repeated. */
function positionOf(error: unknown): string {
  const position =
    error instanceof Error ? /at position (\d+)/.exec(error.message)?.[1] : undefined;
  return position === undefined ? "" : ` at position ${position}`;
}

function invalid(detail: string): Result<never, GatewayError> {
  return fail({ code: "invalid_json", detail });
}
