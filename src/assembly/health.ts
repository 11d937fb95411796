/**
 * Real probes of what every request depends on: a Durable Object answers from its storage, KV answers a read. Each probe
 * has its own short deadline, so a hanging dependency is a failed one.
 */

import { objectStub } from "../regions/jurisdiction.ts";
import { logHealth, type WriteLine } from "../telemetry/log.ts";

/** What answered in time. */
export interface DependencyHealth {
  readonly objects: boolean;
  readonly kv: boolean;
}

/** How long a dependency may take to prove that it is there. */
const PROBE_TIMEOUT_MS = 2_000;

/** Asks both dependencies at once. Never rejects. */
export async function probeDependencies(
  env: Pick<Env, "ROLE" | "KEY_DIRECTORY" | "RESULTS">,
): Promise<DependencyHealth> {
  const directory = objectStub(env, env.KEY_DIRECTORY, "none", "probe");
  const [objects, kv] = await Promise.all([
    inTime(async () => directory.findTenant("probe")),
    inTime(() => env.RESULTS.get("probe")),
  ]);
  return { objects, kv };
}

/** The scheduled check: probes once a minute whether or not there is traffic, and logs what did not answer. */
export async function checkHealth(
  env: Pick<Env, "ROLE" | "REGION" | "KEY_DIRECTORY" | "RESULTS">,
  write: WriteLine = console.error,
): Promise<void> {
  const health = await probeDependencies(env);
  if (!health.objects || !health.kv)
    logHealth({ region: env.REGION, ...health }, Date.now(), write);
}

async function inTime(probe: () => Promise<unknown>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), PROBE_TIMEOUT_MS);
  probe().then(
    () => resolve(true),
    () => resolve(false),
  );
  const answered = await promise;
  clearTimeout(timer);
  return answered;
}
