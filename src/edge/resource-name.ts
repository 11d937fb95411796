/** Names in paths: what is no possible name is answered like a name nobody uses, and never reaches a store. */

import type { Context } from "hono";

import type { GatewayError } from "../contract/error.ts";
import { parse, type Schema } from "../contract/parse.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import type { EdgeEnv } from "./edge-env.ts";

/** The path's `:name`, of the form `schema` asks for. Reading or deleting anything else finds nothing. */
export function readName(
  c: Context<EdgeEnv>,
  schema: Schema<string>,
): Result<string, GatewayError> {
  const name = parse(schema, c.req.param("name"));
  return name.ok ? name : fail({ code: "not_found" });
}

/** The same for a write, which says what is wrong with the name. */
export function readNewName(
  c: Context<EdgeEnv>,
  schema: Schema<string>,
): Result<string, GatewayError> {
  const name = parse(schema, c.req.param("name"));
  if (name.ok) return ok(name.value);
  const [violation] = name.error.violations;
  const message = violation?.message ?? "Is not valid.";
  return fail({
    code: "validation_failed",
    violations: [{ pointer: "", message: `Name: ${message}` }],
  });
}
