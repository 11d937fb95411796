/** The routes of runs; see route-table.ts, which holds those of everything else. */

import type { Scope } from "./key.ts";
import type { RouteEntry } from "./route-table.ts";
import { RunCancel, RunRequest } from "./run.ts";

/** Whoever has a run's id was given it: ids cannot be guessed. Listing them takes an administrator's key. */
const OWN_RUNS: readonly Scope[] = ["run", "tenant:admin"];

/** Every route of runs. */
export const RUN_ROUTES: readonly RouteEntry[] = [
  {
    method: "POST",
    path: "/v1/runs",
    scopes: ["run"],
    status: 200,
    summary: "Runs tool calls without a model, in parallel; SSE or NDJSON with stream: true.",
    body: { name: "RunRequest", schema: RunRequest },
  },
  {
    method: "GET",
    path: "/v1/runs",
    scopes: ["tenant:admin"],
    status: 200,
    summary: "Lists the tenant's durable runs, newest first.",
    isList: true,
  },
  {
    method: "GET",
    path: "/v1/runs/:id",
    scopes: OWN_RUNS,
    status: 200,
    summary: "Reads a durable run: how it stands, or its answer.",
  },
  {
    method: "DELETE",
    path: "/v1/runs/:id",
    scopes: OWN_RUNS,
    status: 204,
    summary: "Stops a durable run and forgets it.",
  },
  {
    method: "GET",
    path: "/v1/runs/:id/events",
    scopes: OWN_RUNS,
    status: 200,
    summary: "Streams a durable run's events after Last-Event-ID, as SSE or NDJSON.",
  },
  {
    method: "POST",
    path: "/v1/runs/:id/cancel",
    scopes: ["run"],
    status: 200,
    summary: "Cancels a run that is going on.",
    body: { name: "RunCancel", schema: RunCancel },
  },
];
