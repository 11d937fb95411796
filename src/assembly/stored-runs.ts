/**
 * Durable runs from the edge: started in the background, listed, read, followed from any position, erased. Each lives in
 * its own `RunJournal`; the tenant's index only says which there are.
 */

import type { GatewayError } from "../contract/error.ts";
import { pageLimit, pageOf, type Page, type PageQuery } from "../contract/page.ts";
import type { RunEvent } from "../contract/run.ts";
import type { StoredRunKind, StoredRunView } from "../contract/stored-run.ts";
import type { TenantSnapshot } from "../contract/tenant.ts";
import { platformSignal } from "../platform/abort.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { runObject, tenantObject } from "../tenancy/objects.ts";
import type { RunOrder } from "./run-order.ts";
import { readLines, type LoggedEvent } from "./keyed-run.ts";
import type { IndexedRun } from "./run-index.ts";
import type { RunCaller } from "./run-context.ts";

/** What opens the rows of one run. */
export interface TenantKeyring extends Pick<TenantSnapshot, "tenantId" | "dataKey"> {
  readonly runId: string;
}

/** A run that was started in the background. */
export interface BackgroundRun {
  readonly view: StoredRunView;
  /** False when its idempotency key had started it before: what this order brought along was not used. */
  readonly isNew: boolean;
}

/**
 * Starts a run that goes on without its client, and answers once it will survive a crash. The order's `stored` says who
 * gives back its permit. The same id with another body is `idempotency_key_reused`.
 */
export async function startBackgroundRun(
  env: Pick<Env, "ROLE" | "RUN_JOURNAL">,
  order: RunOrder,
): Promise<Result<BackgroundRun, GatewayError>> {
  const { runId, snapshot } = order.context;
  const journal = runObject(env, snapshot.residency, snapshot.tenantId, runId);
  const started = await journal.start(JSON.stringify(order));
  if (!started.ok) return started;
  const { execution, isNew } = started.value;
  return ok({ view: viewOf(execution), isNew });
}

/** A durable run of this tenant, and its last event when it has ended. */
export interface StoredRun {
  readonly view: StoredRunView;
  readonly end: RunEvent | null;
}

/** One durable run; `not_found` when there is none or it was forgotten. */
export async function readStoredRun(
  env: Env,
  caller: RunCaller,
  runId: string,
): Promise<Result<StoredRun, GatewayError>> {
  const found = await findRun(env, caller, runId);
  if (!found.ok) return found;
  const view = viewOf(found.value);
  if (view.kind !== "run" || view.ended_at === null) return ok({ view, end: null });
  const response = await askJournal(env, caller, runId, "/end");
  if (response.status !== 200 || response.body === null) return fail({ code: "not_found" });
  for await (const { event } of readLines<RunEvent>(response.body)) return ok({ view, end: event });
  return fail({ code: "not_found" });
}

/** A durable run that is followed. */
export interface FollowedRun<Event> {
  /** As they happened and happen, to the last one. Leaving it leaves the run alone. */
  readonly events: AsyncIterable<LoggedEvent<Event>>;
  /** The run had ended before it was followed. */
  readonly hasEnded: boolean;
}

/** The events of a run after position `after`; `kind` is what asked for it, and `Event` what such a run says. */
export async function followStoredRun<Event>(
  env: Env,
  caller: RunCaller,
  runId: string,
  kind: StoredRunKind,
  after: number,
  signal: AbortSignal,
): Promise<Result<FollowedRun<Event>, GatewayError>> {
  const found = await findRun(env, caller, runId);
  if (!found.ok) return found;
  if (found.value.kind !== kind) return fail({ code: "not_found" });
  const response = await askJournal(env, caller, runId, `/events?after=${after}`, signal);
  if (response.status !== 200 || response.body === null)
    return fail(await response.json<GatewayError>());
  return ok({
    events: readLines<Event>(response.body),
    hasEnded: found.value.endedAtMs !== null,
  });
}

/** Stops a durable run where it goes on, and forgets it. */
export async function eraseStoredRun(
  env: Env,
  caller: RunCaller,
  runId: string,
): Promise<Result<null, GatewayError>> {
  const found = await findRun(env, caller, runId);
  if (!found.ok) return found;
  const { tenantId, residency } = caller.snapshot;
  await runObject(env, residency, tenantId, runId).erase();
  await tenantObject(env, residency, tenantId).forgetRun(runId);
  return ok(null);
}

/** The tenant's durable runs, newest first. */
export async function listStoredRuns(
  env: Pick<Env, "TENANT" | "ROLE">,
  { snapshot }: RunCaller,
  query: PageQuery,
): Promise<Result<Page<StoredRunView>, GatewayError>> {
  const before = query.after === null ? Number.MAX_SAFE_INTEGER : Number(query.after);
  if (!Number.isSafeInteger(before) || before < 0) {
    const message = "Is not a cursor of this list.";
    return fail({ code: "validation_failed", violations: [{ pointer: "/after", message }] });
  }
  const limit = pageLimit(query.limit);
  const tenant = tenantObject(env, snapshot.residency, snapshot.tenantId);
  const listed = await tenant.listRuns(before, limit + 1, Date.now());
  const page = pageOf(listed, limit, ({ position }) => String(position));
  return ok({
    ...page,
    data: page.data.map(({ id, ...run }) => viewOf({ ...run, runId: id })),
  });
}

/** How the run stands; one that was lost is taken up again by the asking. */
async function findRun(
  env: Env,
  { snapshot }: RunCaller,
  runId: string,
): Promise<Result<IndexedRun, GatewayError>> {
  if (!isRunId(runId)) return fail({ code: "not_found" });
  const found = await runObject(env, snapshot.residency, snapshot.tenantId, runId).state();
  return found === null ? fail({ code: "not_found" }) : ok(found);
}

function askJournal(
  env: Env,
  { snapshot }: RunCaller,
  runId: string,
  path: string,
  signal?: AbortSignal,
): Promise<Response> {
  const { tenantId, residency, dataKey } = snapshot;
  const keyring: TenantKeyring = { runId, tenantId, dataKey };
  return runObject(env, residency, tenantId, runId).fetch(`https://run-journal${path}`, {
    method: "POST",
    body: JSON.stringify(keyring),
    ...(signal === undefined ? {} : { signal: platformSignal(signal) }),
  });
}

/** True for a text that may be a run's id: an object is not asked for anything else. */
export function isRunId(text: string): boolean {
  return /^run_[0-9A-Za-z]{22}$/.test(text);
}

type Viewed = Pick<IndexedRun, "runId" | "kind" | "status" | "createdAtMs" | "endedAtMs">;

function viewOf({ runId, kind, status, createdAtMs, endedAtMs }: Viewed): StoredRunView {
  return {
    id: runId,
    object: "run",
    kind,
    status,
    created_at: new Date(createdAtMs).toISOString(),
    ended_at: endedAtMs === null ? null : new Date(endedAtMs).toISOString(),
  };
}
