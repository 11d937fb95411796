/**
 * What the two SDKs of the Model Context Protocol take from the platform, in place of their own (`alias` in wrangler.toml): each
 * brings a copy of the schema validator that is here already.
 */

import { type Schema, Validator } from "@cfworker/json-schema";

/** A fetch that throws has met the network, never a browser's rule. */
export const CORS_IS_POSSIBLE = false;

/** What a validator says of a value. */
type Verdict =
  | { readonly valid: true; readonly data: unknown; readonly errorMessage: undefined }
  | { readonly valid: false; readonly data: undefined; readonly errorMessage: string };

/** Schemas as the SDKs hand them over, by the dialect they name; 2020-12 where they name none. */
export class DefaultJsonSchemaValidator {
  getValidator(schema: Schema): (input: unknown) => Verdict {
    const validator = new Validator(schema, draftOf(schema.$schema));
    return (input) => {
      const { valid, errors } = validator.validate(input);
      if (valid) return { valid, data: input, errorMessage: undefined };
      const errorMessage = errors
        .map(({ instanceLocation, error }) => `${instanceLocation}: ${error}`)
        .join("; ");
      return { valid, data: undefined, errorMessage };
    };
  }
}

/** Only a transport that does not exist here would use it. */
export const process = {};

function draftOf(dialect: string | undefined): "7" | "2019-09" | "2020-12" {
  if (dialect === undefined || dialect.includes("2020-12")) return "2020-12";
  if (dialect.includes("2019-09")) return "2019-09";
  if (/draft-0[67]/.test(dialect)) return "7";
  throw new Error("The schema names a dialect that is not known here.");
}
