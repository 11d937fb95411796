/** Bodies that are multipart forms: bounded while they are read, then parsed by the runtime. */

import type { GatewayError } from "../contract/error.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { readBytes } from "./body.ts";

/** The request's form. */
export async function readForm(
  request: Request,
  maxBytes: number,
): Promise<Result<FormData, GatewayError>> {
  const contentType = request.headers.get("content-type") ?? "";
  if (!/^multipart\/form-data *;/i.test(contentType))
    return fail({ code: "unsupported_media_type" });
  const bytes = await readBytes(request, maxBytes);
  if (bytes === null) return fail({ code: "body_too_large", maxBytes });
  try {
    const form = new Response(bytes, { headers: { "content-type": contentType } });
    return ok(await form.formData());
  } catch {
    const message = "The body is not a multipart form.";
    return fail({ code: "validation_failed", violations: [{ pointer: "", message }] });
  }
}
