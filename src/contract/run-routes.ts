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
    body: { name: "RunRequest", schema: RunRequest },
  },
  {
    method: "GET",
    path: "/v1/runs",
    scopes: ["tenant:admin"],
    status: 200,
    isList: true,
  },
  {
    method: "GET",
    path: "/v1/runs/:id",
    scopes: OWN_RUNS,
    status: 200,
  },
  {
    method: "DELETE",
    path: "/v1/runs/:id",
    scopes: OWN_RUNS,
    status: 204,
  },
  {
    method: "GET",
    path: "/v1/runs/:id/events",
    scopes: OWN_RUNS,
    status: 200,
  },
  {
    method: "POST",
    path: "/v1/runs/:id/cancel",
    scopes: ["run"],
    status: 200,
    body: { name: "RunCancel", schema: RunCancel },
  },
];
