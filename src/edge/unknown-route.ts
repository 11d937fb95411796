/** Requests no route answers: 405 where the path exists with other methods, 404 otherwise. */

import type { GatewayError } from "../contract/error.ts";
import { ROUTE_TABLE } from "../contract/route-table.ts";

/** Why `path` does not answer. */
export function unknownRoute(path: string): GatewayError {
  const segments = path.split("/");
  const methods = ROUTE_TABLE.filter((route) => fits(route.path.split("/"), segments)).map(
    (route) => route.method,
  );
  if (methods.length === 0) return { code: "not_found" };
  const allow = methods.includes("GET") ? ["HEAD", ...methods] : methods;
  return { code: "method_not_allowed", allow: allow.toSorted() };
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((part, at) =>
      part.startsWith(":") ? segments[at] !== "" : part === segments[at],
    )
  );
}
