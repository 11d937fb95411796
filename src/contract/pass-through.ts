/**
 * Routes of OpenAI's API that a model answers without tools: they pass through to the upstream that has the model, under the
 * tenant's limits and with its key. Routes that keep things in the provider's account (files, batches, vector stores) are
 * not among them: what one subject left there another could read.
 */

import * as z from "zod/mini";

import type { RouteEntry } from "./route-table.ts";

/** A JSON body that passes through: only its model is read. */
export const PassThroughRequest = z.looseObject({
  model: z.optional(z.string().check(z.minLength(1), z.maxLength(128))),
});
/** A JSON body that passes through. */
export type PassThroughRequest = z.infer<typeof PassThroughRequest>;

/** How the body of a route comes. */
export type PassedForm = "json" | "multipart";

/** One route that passes through. */
export interface PassThroughRoute {
  /** Below `/v1`, and below the upstream's base URL. */
  readonly path: string;
  readonly form: PassedForm;
  readonly summary: string;
}

/** Every route that passes through; all are `POST`. */
export const PASS_THROUGH: readonly PassThroughRoute[] = [
  { path: "/embeddings", form: "json", summary: "OpenAI's embeddings, passed through." },
  { path: "/completions", form: "json", summary: "OpenAI's plain completions, passed through." },
  { path: "/moderations", form: "json", summary: "OpenAI's moderations, passed through." },
  { path: "/rerank", form: "json", summary: "Reranking as compatible providers have it." },
  { path: "/images/generations", form: "json", summary: "Makes images, passed through." },
  { path: "/images/edits", form: "multipart", summary: "Edits images, passed through." },
  { path: "/images/variations", form: "multipart", summary: "Varies images, passed through." },
  { path: "/audio/speech", form: "json", summary: "Speaks a text, passed through." },
  { path: "/audio/transcriptions", form: "multipart", summary: "Writes speech, passed through." },
  { path: "/audio/translations", form: "multipart", summary: "Translates speech." },
];

/** Their part of the route table. */
export const PASS_THROUGH_ROUTES: readonly RouteEntry[] = PASS_THROUGH.map(
  ({ path, form, summary }) => ({
    method: "POST",
    path: `/v1${path}`,
    scopes: ["run"],
    status: 200,
    summary,
    ...(form === "json" && { body: { name: "PassThroughRequest", schema: PassThroughRequest } }),
  }),
);
