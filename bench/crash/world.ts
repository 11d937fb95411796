/**
 * A gateway that can be killed: its state is on disk, and after a SIGKILL of the runtime the next one finds it there. The
 * ledger and the model server live on.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startGateway, type Gateway } from "../../dev/gateway.ts";
import { buildBundle, ROOT } from "../../dev/gateway/bundle.ts";
import { childProcesses } from "../../dev/gateway/reaper.ts";
import { startModelServer } from "../../dev/model-server.ts";
import { bootstrapOperator, createTenantForTests } from "../../dev/provision.ts";
import { startLedger, type Ledger } from "./ledger.ts";

/** What the campaign talks to. */
export interface CrashWorld {
  readonly ledger: Ledger;
  readonly apiKey: string;
  /** Of the gateway that lives now. */
  readonly baseUrl: () => string;
  /** Kills the runtime, this instant. */
  readonly kill: () => void;
  /** Starts the next runtime on the same state. */
  readonly restart: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Opens the world. `journalling` false is the positive control. */
export async function openCrashWorld(journalling: boolean): Promise<CrashWorld> {
  await buildBundle();
  const directory = await mkdtemp(join(tmpdir(), "tfe-crash-"));
  const ledger = await startLedger();
  const model = await startModelServer();
  let runtime = await startRuntime(directory, journalling, null);
  const { secrets } = runtime.gateway;
  const close = async () => {
    await runtime.gateway.dispose();
    await Promise.all([ledger.close(), model.close()]);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const { baseUrl } = runtime.gateway;
    const operatorKey = await bootstrapOperator(baseUrl, secrets.BOOTSTRAP_SECRET);
    const { apiKey } = await createTenantForTests(baseUrl, operatorKey, {
      modelBaseUrl: `${model.url}/v1`,
      tools: toolsOf(ledger.url),
      policy: {
        limits: { requests: [{ limit: 1_000_000, window_s: 1 }], concurrent_runs: 10_000 },
        // Longer than the campaign keeps a run from ending: it must end because it can.
        runs: { deadline_ms: 300_000 },
      },
    });
    return {
      ledger,
      apiKey,
      baseUrl: () => runtime.gateway.baseUrl,
      kill: () => runtime.kill(),
      restart: async () => {
        await runtime.gateway.dispose().catch(() => undefined);
        runtime = await startRuntime(directory, journalling, secrets);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Runtime {
  readonly gateway: Gateway;
  readonly kill: () => void;
}

async function startRuntime(
  persistTo: string,
  journalling: boolean,
  secrets: Gateway["secrets"] | null,
): Promise<Runtime> {
  const before = new Set(childProcesses());
  const gateway = await startGateway({
    persistTo,
    bundleDir: join(ROOT, "dist"),
    ...(secrets === null ? {} : { secrets }),
    bindings: journalling ? {} : { JOURNALING: "off" },
    // Connections that break are what this is about.
    onLog: () => undefined,
  });
  const processes = childProcesses().filter((id) => !before.has(id));
  return {
    gateway,
    kill: () => {
      for (const id of processes) {
        try {
          process.kill(id, "SIGKILL");
        } catch {
          // It is gone already.
        }
      }
    },
  };
}

function toolsOf(url: string) {
  const input = {
    type: "object",
    properties: { run: { type: "string" }, n: { type: "integer" }, ms: { type: "integer" } },
    required: ["run", "n", "ms"],
  };
  const tool = (effect: string, http: object) => ({
    description: "Does something at the ledger",
    input,
    effect,
    timeout_ms: 20_000,
    http,
  });
  const query = { run: "{run}", n: "{n}", ms: "{ms}" };
  return {
    look: tool("read", { method: "GET", url: `${url}/read`, query }),
    put: tool("idempotent_write", { method: "POST", url: `${url}/put`, body: "json" }),
    append: tool("write", { method: "POST", url: `${url}/append`, body: "json" }),
  };
}
