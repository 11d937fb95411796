/**
 * The built gateway in two Worker instances that share the gate objects, on a disk that survives kills: one tenant under a limit
 * that is decided one by one, one under a limit that is lent, and one whose breakers are opened.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startGateway, type Gateway } from "../../dev/gateway.ts";
import { buildBundle, ROOT } from "../../dev/gateway/bundle.ts";
import { isObject, listOf, parseObject } from "../../dev/http/json.ts";
import { bootstrapOperator, createTenantForTests } from "../../dev/provision.ts";
import { type Answer, ask, keepAlive } from "../http.ts";
import { BreakerWatch, WATCHED_POLICY, WATCHED_TOOLS } from "./breaker-watch.ts";
import type { GateUnderFire, KilledLimit } from "./kill-ledger.ts";

const INSTANCES = 2;
const SOCKETS = 64;

/** Refills half a token a second: too little to lend, so every debit is a row. */
const EXACT_WINDOW_S = 86_400;
const EXACT_PER_WINDOW = 43_200;

/** Half of this is spent between two kills, so the limit is always met. */
const LEASED = { limit: 300, window_s: 10, burst: 60 };

const CALL = { calls: [{ tool: "add", arguments: { expression: "1 + 1" } }] };
const TOOLS = {
  add: {
    description: "Adds",
    input: { type: "object", properties: { expression: { type: "string" } } },
    builtin: "calculator",
    effect: "pure",
  },
};

/** Opens the gateway; `exactBurst` is what the exact limit lets pass in all, but for a trickle. */
export async function openRealGate(exactBurst: number): Promise<GateUnderFire> {
  await buildBundle();
  const persistTo = await mkdtemp(join(tmpdir(), "tfe-gate-kills-"));
  const agent = keepAlive(SOCKETS);
  const start = (secrets: Gateway["secrets"] | null) =>
    startGateway({
      persistTo,
      workers: INSTANCES,
      bundleDir: join(ROOT, "dist"),
      ...(secrets === null ? {} : { secrets }),
      // Connections that break are what this is about.
      onLog: () => undefined,
    });
  let gateway = await start(null);
  const { secrets } = gateway;
  const close = async (): Promise<void> => {
    agent.destroy();
    await gateway.dispose();
    await rm(persistTo, { recursive: true, force: true });
  };
  let asked = 0;
  const askAny = (key: string, path: string, body?: unknown, port?: number): Promise<Answer> => {
    asked += 1;
    const at = port ?? gateway.directPorts[asked % INSTANCES] ?? 0;
    const headers = { authorization: `Bearer ${key}` };
    const sent = body === undefined ? { headers } : { method: "POST", headers, body };
    return ask(`http://127.0.0.1:${at}${path}`, sent, agent);
  };
  try {
    const keys = await makeTenants(gateway, exactBurst);
    const keyOf = ({ name }: KilledLimit): string => keys.get(name) ?? "";
    /** Lets every instance know the keys: unknown keys are shielded against. */
    const greet = async (): Promise<void> => {
      for (const key of keys.values())
        for (const port of gateway.directPorts) await askAny(key, "/v1/limits", undefined, port);
    };
    await greet();
    return {
      limits: [
        { name: "exact", burst: exactBurst, perMs: EXACT_PER_WINDOW / EXACT_WINDOW_S / 1000 },
        { name: "leased", burst: LEASED.burst, perMs: LEASED.limit / LEASED.window_s / 1000 },
      ],
      take: (limit) => take(() => askAny(keyOf(limit), "/v1/runs", CALL)),
      breakers: new BreakerWatch((path, body) => askAny(keys.get(WATCHED) ?? "", path, body)),
      left: async (limit) =>
        limit.name === "exact" ? leftOf(await askAny(keyOf(limit), "/v1/limits")) : null,
      kill: () => {
        for (const id of gateway.processIds) process.kill(id, "SIGKILL");
      },
      restart: async () => {
        await gateway.dispose().catch(() => undefined);
        gateway = await start(secrets);
        await greet();
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The tenant whose breakers are watched. */
const WATCHED = "watched";

/** API keys of a tenant under each limit, by the limit's name, and of the watched one. */
async function makeTenants(
  { baseUrl, secrets }: Gateway,
  exactBurst: number,
): Promise<ReadonlyMap<string, string>> {
  const operatorKey = await bootstrapOperator(baseUrl, secrets.BOOTSTRAP_SECRET);
  const exact = { limit: EXACT_PER_WINDOW, window_s: EXACT_WINDOW_S, burst: exactBurst };
  const keys = new Map<string, string>();
  for (const [name, limit] of Object.entries({ exact, leased: LEASED })) {
    const policy = { limits: { requests: [limit], concurrent_runs: null } };
    const setup = { tools: TOOLS, policy };
    const { apiKey } = await createTenantForTests(baseUrl, operatorKey, setup);
    keys.set(name, apiKey);
  }
  const watched = { tools: WATCHED_TOOLS, policy: WATCHED_POLICY };
  keys.set(WATCHED, (await createTenantForTests(baseUrl, operatorKey, watched)).apiKey);
  return keys;
}

async function take(send: () => Promise<Answer>): Promise<"passed" | "refused" | "unknown"> {
  try {
    const { status } = await send();
    return status === 200 ? "passed" : status === 429 ? "refused" : "unknown";
  } catch {
    return "unknown";
  }
}

function leftOf({ status, text }: Answer): number {
  const [view] = listOf(parseObject(text), "data").filter(isObject);
  const left = view?.["left"];
  if (status !== 200 || typeof left !== "number")
    throw new Error(`the gate does not say what is left: ${status} ${text.slice(0, 200)}`);
  return left;
}
