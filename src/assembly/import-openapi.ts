/** The document of an import: sent along, or fetched through the egress guard within a size and a time. */

import type { GatewayError } from "../contract/error.ts";
import { isDocumentText, type OpenApiImport } from "../contract/openapi-import.ts";
import { isJsonObject, type Json, type JsonObject } from "../platform/canonical-json.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { lookUp } from "../resilience/look-up.ts";
import { parseBoundedJson } from "../tools/bounded-json.ts";
import { checkEgress } from "../upstream/egress-guard.ts";
import type { UpstreamFailure } from "../upstream/failure.ts";
import { sendRequest, type UpstreamAnswer } from "../upstream/send.ts";

/** Longest document that is fetched, in decoded bytes. */
const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;

const FETCH_TIMEOUT_MS = 15_000;

/** A document and where it came from. */
export interface OpenApiDocument {
  readonly root: JsonObject;
  readonly url: string | null;
}

/** Gets the document; `unprocessable` says what is wrong with it or with its address. */
export async function openApiDocument(
  env: Pick<Env, "ALLOW_LOOPBACK">,
  { openapi }: Pick<OpenApiImport, "openapi">,
  signal: AbortSignal,
): Promise<Result<OpenApiDocument, GatewayError>> {
  if (typeof openapi !== "string") return ok({ root: openapi, url: null });
  if (isDocumentText(openapi)) return readText(openapi, null);
  const allowLoopback = env.ALLOW_LOOPBACK === "true";
  const url = checkEgress(openapi, { allowLoopback });
  if (!url.ok) return refuse(url.error.reason);
  const request = {
    method: "GET",
    url: url.value,
    headers: { accept: "application/json, application/yaml", "user-agent": "toolformer-edge" },
    body: null,
  };
  const options = { allowLoopback, maxBytes: MAX_DOCUMENT_BYTES };
  const fetched = await lookUp<UpstreamAnswer, UpstreamFailure>(
    FETCH_TIMEOUT_MS,
    signal,
    (attemptSignal) => sendRequest(request, options, attemptSignal),
  );
  if (!fetched.ok) return refuse(`The document cannot be fetched (${fetched.error.kind}).`);
  if (fetched.value.status !== 200) {
    return refuse(`The document's server answered with status ${fetched.value.status}.`);
  }
  return readText(fetched.value.text, openapi);
}

/** JSON is YAML too, but read much faster as what it is. */
async function readText(
  text: string,
  url: string | null,
): Promise<Result<OpenApiDocument, GatewayError>> {
  const json = parseBoundedJson(text);
  if (!json.ok && json.error === "too_deep") return refuse("The document nests too deeply.");
  const parsed = json.ok ? json : await readYaml(text);
  if (!parsed.ok) return refuse(parsed.error);
  return isJsonObject(parsed.value)
    ? ok({ root: parsed.value, url })
    : refuse("The document is no object in JSON or YAML.");
}

/** Loaded with the first document in YAML. */
async function readYaml(text: string): Promise<Result<Json, string>> {
  const { parseYaml } = await import("../tools/openapi/yaml-document.ts");
  return parseYaml(text);
}

function refuse(message: string): Result<never, GatewayError> {
  return fail({ code: "unprocessable", violations: [{ pointer: "/openapi", message }] });
}
