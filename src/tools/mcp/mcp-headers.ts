/** Headers of an MCP server's requests: fixed texts and secrets, each opened for exactly the server's host. */

import type { McpEndpoint } from "../../contract/mcp.ts";
import type { CallError } from "../../contract/run.ts";
import { type Result, fail, ok } from "../../platform/result.ts";
import type { OpenSecret } from "../http-template.ts";
import { parseTemplate, secretNames } from "../template.ts";

/** Characters a header value may hold. */
const HEADER_TEXT = /^[\t\x20-\x7e]*$/;

/** The headers, and the secret values in them, which must not come back to anybody. */
export interface McpHeaders {
  readonly headers: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
}

/** Names of the secrets a server's headers use, each once. */
export function mcpSecretNames(headers: McpEndpoint["headers"]): ReadonlySet<string> {
  return new Set(Object.values(headers).flatMap(secretNames));
}

/** The headers with their secrets, or `secret_unavailable`. */
export async function mcpHeaders(
  endpoint: Pick<McpEndpoint, "url" | "headers">,
  openSecret: OpenSecret,
): Promise<Result<McpHeaders, CallError>> {
  const { host } = new URL(endpoint.url);
  const opened = new Map<string, string>();
  for (const name of mcpSecretNames(endpoint.headers)) {
    const value = await openSecret(name, host);
    if (value === null || !HEADER_TEXT.test(value)) {
      const message = `The secret "${name}" is not available for this server's host.`;
      return fail({ code: "secret_unavailable", message });
    }
    opened.set(name, value);
  }
  const headers = Object.entries(endpoint.headers).map(([name, template]) => {
    const parts = parseTemplate(template).map((part) => {
      if (part.kind === "text") return part.text;
      return part.kind === "secret" ? (opened.get(part.name) ?? "") : `{${part.name}}`;
    });
    return [name.toLowerCase(), parts.join("")] as const;
  });
  return ok({ headers: Object.fromEntries(headers), secrets: [...opened.values()] });
}
