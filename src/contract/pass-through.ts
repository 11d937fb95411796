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
}

/** Every route that passes through; all are `POST`. */
export const PASS_THROUGH: readonly PassThroughRoute[] = [
  { path: "/embeddings", form: "json" },
  { path: "/completions", form: "json" },
  { path: "/moderations", form: "json" },
  { path: "/rerank", form: "json" },
  { path: "/images/generations", form: "json" },
  { path: "/images/edits", form: "multipart" },
  { path: "/images/variations", form: "multipart" },
  { path: "/audio/speech", form: "json" },
  { path: "/audio/transcriptions", form: "multipart" },
  { path: "/audio/translations", form: "multipart" },
];

/** Their part of the route table. */
export const PASS_THROUGH_ROUTES: readonly RouteEntry[] = PASS_THROUGH.map(({ path, form }) => ({
  method: "POST",
  path: `/v1${path}`,
  scopes: ["run"],
  status: 200,
  ...(form === "json" && { body: { name: "PassThroughRequest", schema: PassThroughRequest } }),
}));
