/**
 * What a tool written in code may say about its arguments: a JSON Schema, or a schema of any library that speaks the
 * Standard Schema and Standard JSON Schema conventions (zod, valibot, arktype …; standardschema.dev). The model reads the
 * JSON Schema; the library's own check runs too, so defaults and transforms reach the handler.
 */

import type { JsonObject } from "../platform/canonical-json.ts";

/** A schema that can check a value and say what it checks as JSON Schema. */
export interface StandardSchema<Output> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly jsonSchema: {
      readonly input: (options: { readonly target: "draft-2020-12" }) => Record<string, unknown>;
    };
  };
}

/** What checking a value gave. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] };

/** A schema of a tool's arguments. */
export type ToolInput = JsonObject | StandardSchema<unknown>;

/** True for a schema that checks values itself. */
export function isStandardSchema(input: ToolInput): input is StandardSchema<unknown> {
  return "~standard" in input;
}

/** The schema as JSON Schema. */
export function jsonSchemaOf(input: ToolInput): unknown {
  if (!isStandardSchema(input)) return input;
  // The dialect is ours to know; the gateway's own check refuses what it does not understand.
  const { $schema: _dialect, ...schema } = input["~standard"].jsonSchema.input({
    target: "draft-2020-12",
  });
  return schema;
}
