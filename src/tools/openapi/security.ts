/** How an operation proves who asks: the first way that can be expressed, with the tenant's secrets in its places. */

import { type JsonObject, isJsonArray, isJsonObject } from "../../platform/canonical-json.ts";
import { SchemaRefusal } from "./convert-schema.ts";
import type { ToolSurroundings } from "./operation-tool.ts";
import { resolve } from "./read-document.ts";

interface Secured {
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
}

const OPEN: Secured = { query: {}, headers: {} };

/** Templates for what the operation's security asks for; a refusal when no way of it can be expressed. */
export function secureRequest(
  { document, secretOf }: ToolSurroundings,
  operation: JsonObject,
): Secured {
  const ways = operation["security"] ?? document.root["security"];
  if (ways === undefined || !isJsonArray(ways) || ways.length === 0) return OPEN;
  const possible = ways.flatMap((way) =>
    isJsonObject(way) ? [wayOf(document.root, Object.keys(way), secretOf)] : [],
  );
  const usable = possible.find((way) => way !== null);
  if (usable === undefined || usable === null) {
    throw new SchemaRefusal("None of its security schemes can be expressed.");
  }
  return usable;
}

/** All schemes of one way together, or null when one of them cannot be expressed. */
function wayOf(
  root: JsonObject,
  schemes: readonly string[],
  secretOf: (scheme: string) => string,
): Secured | null {
  const query: Record<string, string> = {};
  const headers: Record<string, string> = {};
  for (const name of schemes) {
    const scheme = resolve(root, schemesOf(root)[name]);
    if (!scheme.ok || !isJsonObject(scheme.value)) return null;
    const secret = `{{secret.${secretOf(name)}}}`;
    const { type, in: place, name: parameter, scheme: how } = scheme.value;
    if (type === "apiKey" && typeof parameter === "string" && place === "query") {
      query[parameter] = secret;
    } else if (type === "apiKey" && typeof parameter === "string" && place === "header") {
      headers[parameter] = secret;
    } else if (type === "http" && typeof how === "string" && /^basic$/i.test(how)) {
      headers["authorization"] = `Basic ${secret}`;
    } else if (isBearer(type, how)) {
      headers["authorization"] = `Bearer ${secret}`;
    } else {
      return null;
    }
  }
  return { query, headers };
}

function isBearer(type: unknown, how: unknown): boolean {
  if (type === "oauth2" || type === "openIdConnect") return true;
  return type === "http" && typeof how === "string" && /^bearer$/i.test(how);
}

function schemesOf(root: JsonObject): JsonObject {
  const components = root["components"];
  const schemes = isJsonObject(components) ? components["securitySchemes"] : undefined;
  return isJsonObject(schemes) ? schemes : {};
}
