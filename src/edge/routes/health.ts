/**
 * Health: `/healthz` (this process answers), `/readyz` (its critical dependencies do too), `/startupz` (it has its
 * secrets), each also under its name without the z.
 *
 * Readiness is this isolate's own view. Its dependencies are probed at most once a second however often it is asked, so
 * the route cannot be used to load them.
 */

import { Hono, type Context } from "hono";

import { probeDependencies, type DependencyHealth } from "../../assembly/health.ts";
import { INITIAL_READINESS, nextReadiness } from "../../telemetry/readiness.ts";
import type { EdgeEnv } from "../edge-env.ts";

/** Shortest time between two probes of one isolate. */
const PROBE_INTERVAL_MS = 1_000;

/** Asks the dependencies; `probeDependencies` in production. */
export type Probe = (env: Env) => Promise<DependencyHealth>;

/** Routes of health, with a view of readiness of their own. */
export function createHealth(probe: Probe = probeDependencies): Hono<EdgeEnv> {
  const isReady = createReadiness(probe);
  const ready = async (c: Context<EdgeEnv>) => {
    const state = await isReady(c.env, Date.now());
    const status = state.isReady ? "ready" : "not_ready";
    return c.json({ status, checks: state.checks }, state.isReady ? 200 : 503);
  };
  return new Hono<EdgeEnv>()
    .get("/healthz", alive)
    .get("/health", alive)
    .get("/readyz", ready)
    .get("/ready", ready)
    .get("/startupz", started)
    .get("/startup", started);
}

function alive(c: Context<EdgeEnv>): Response {
  return c.json({ status: "ok" });
}

function started(c: Context<EdgeEnv>): Response {
  const { KEY_PEPPERS, MASTER_KEYS, BOOTSTRAP_SECRET } = c.env;
  const isStarted = [KEY_PEPPERS, MASTER_KEYS, BOOTSTRAP_SECRET].every(Boolean);
  return c.json({ status: isStarted ? "started" : "not_started" }, isStarted ? 200 : 503);
}

/** Readiness over time; between two probes it answers what it knows. */
function createReadiness(probe: Probe) {
  let readiness = INITIAL_READINESS;
  let checks: DependencyHealth = { objects: true, kv: true };
  let probedMs = Number.NEGATIVE_INFINITY;
  return async (env: Env, nowMs: number) => {
    if (nowMs - probedMs >= PROBE_INTERVAL_MS) {
      probedMs = nowMs;
      checks = await probe(env);
      readiness = nextReadiness(readiness, checks.objects && checks.kv);
    }
    return { isReady: readiness.isReady, checks };
  };
}
