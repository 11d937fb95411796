/**
 * A run under the tenant's limits: admitted, started, and its permit given back when nothing of it is open any more.
 *
 * The run's signal aborts when the client leaves; `leave` does the same for a stream that finds out by writing.
 */

import type { Context } from "hono";

import { callerOf } from "../assembly/run-context.ts";
import { releasePermit } from "../assembly/run-index.ts";
import type { RunCaller, StartedRun } from "../assembly/start-run.ts";
import { Priority } from "../contract/backpressure.ts";
import type { GatewayError } from "../contract/error.ts";
import { parse } from "../contract/parse.ts";
import { Abort } from "../platform/abort.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { admitPatiently, type PatientOptions } from "../tenancy/backpressure.ts";
import type { EdgeEnv } from "./edge-env.ts";

/** A run that was admitted and started. The caller reads `events` to their end or calls `leave`. */
export interface AdmittedRun<E> {
  readonly id: string;
  readonly events: AsyncIterator<E>;
  /** Aborts when the client has left. */
  readonly signal: AbortSignal;
  /** Stops the run at once. */
  leave(this: void): void;
}

/** Admits the caller and starts the run. A refused request consumes nothing; its rates are noted for the headers. */
export async function startAdmitted<E>(
  c: Context<EdgeEnv>,
  caller: RunCaller,
  start: (signal: AbortSignal) => Promise<Result<StartedRun<E>, GatewayError>>,
): Promise<Result<AdmittedRun<E>, GatewayError>> {
  const { record } = c.var;
  const waitUntil = (promise: Promise<unknown>) => c.executionCtx.waitUntil(promise);
  const patience = patienceOf(c);
  if (!patience.ok) return patience;
  const admitted = await admitPatiently(
    c.env,
    waitUntil,
    caller.snapshot,
    callerOf(caller),
    patience.value,
  );
  record.rates = admitted.ok ? admitted.value.rates : admitted.error.rates;
  if (!admitted.ok) return fail(admitted.error.error);
  const session = admitted.value;

  const clientSignal = c.req.raw.signal;
  const left = new Abort().follow(clientSignal);
  const leave = () => left.abort();

  let ended: Promise<unknown> = Promise.resolve();
  try {
    const started = await start(left.signal);
    if (!started.ok) return started;
    ({ ended } = started.value);
    const { id, events } = started.value;
    record.runId = id;
    return ok({ id, events: events[Symbol.asyncIterator](), signal: clientSignal, leave });
  } finally {
    waitUntil(afterwards(ended, () => session.release()));
  }
}

/**
 * Admits the caller and starts a run that outlives this request: `start` gets the permit, and the run gives it back. When
 * the run was there before, or did not start, the permit is given back here.
 */
export async function startInBackground<T extends { readonly isNew: boolean }>(
  c: Context<EdgeEnv>,
  caller: RunCaller,
  start: (permit: string | null) => Promise<Result<T, GatewayError>>,
): Promise<Result<T, GatewayError>> {
  const { record } = c.var;
  const waitUntil = (promise: Promise<unknown>) => c.executionCtx.waitUntil(promise);
  const patience = patienceOf(c);
  if (!patience.ok) return patience;
  const options = { ...patience.value, handsOver: true } as const;
  const admitted = await admitPatiently(
    c.env,
    waitUntil,
    caller.snapshot,
    callerOf(caller),
    options,
  );
  record.rates = admitted.ok ? admitted.value.rates : admitted.error.rates;
  if (!admitted.ok) return fail(admitted.error.error);
  const permit = admitted.value.handOver();
  let isTaken = false;
  try {
    const started = await start(permit);
    isTaken = started.ok && started.value.isNew;
    return started;
  } finally {
    if (!isTaken && permit !== null) waitUntil(releasePermit(c.env, caller, permit));
  }
}

/** How much a request matters, and until when it may wait. */
function patienceOf(c: Context<EdgeEnv>): Result<PatientOptions, GatewayError> {
  const priority = parse(Priority, c.req.header("x-gw-priority") ?? "normal");
  if (priority.ok) return ok({ priority: priority.value, signal: c.req.raw.signal });
  const message = "x-gw-priority must be high, normal or low.";
  return fail({ code: "validation_failed", violations: [{ pointer: "", message }] });
}

/** Runs `action` when `promise` is done, whichever way. */
async function afterwards(promise: Promise<unknown>, action: () => void): Promise<void> {
  try {
    await promise;
  } finally {
    action();
  }
}
