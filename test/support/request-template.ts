/** Requests built from an http template, for tests of what is in them. */

import type { JsonObject } from "../../src/platform/canonical-json.ts";
import {
  type OpenSecret,
  type RequestContext,
  buildRequest,
} from "../../src/tools/http-template.ts";
import { toolDefinition } from "./tools.ts";

const CONTEXT: RequestContext = { locale: "fr-FR", traceparent: null };
/** A tenant without secrets. */
export const NO_SECRETS: OpenSecret = () => Promise.resolve(null);

function httpOf(overrides: object) {
  const http = { method: "GET", url: "https://api.example.com/v1", ...overrides };
  const checked = toolDefinition({ http }).http ?? { method: "GET" as const };
  return { ...checked, url: checked.url ?? "" };
}

/** Builds the request of a template over a plain GET. */
export function build(
  http: object,
  values: JsonObject,
  openSecret = NO_SECRETS,
  context = CONTEXT,
) {
  return buildRequest(httpOf(http), values, context, openSecret);
}

/** The request; throws when there is none. */
export async function built(http: object, values: JsonObject, openSecret = NO_SECRETS) {
  const result = await build(http, values, openSecret);
  if (!result.ok) throw new Error(result.error.message);
  return result.value.request;
}

/** Its URL. */
export async function urlOf(http: object, values: JsonObject): Promise<string> {
  return (await built(http, values)).url.href;
}
