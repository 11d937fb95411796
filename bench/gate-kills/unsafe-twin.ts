/**
 * The unsafe twin: an object that counts in memory, answers, and writes a moment later, after an await. The same checker must
 * catch it, or it would prove nothing about the gate.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";

import { armReaper, childProcesses } from "../../dev/gateway/reaper.ts";
import { ask, keepAlive } from "../http.ts";
import type { GateUnderFire } from "./kill-ledger.ts";

const SOCKETS = 64;

const SCRIPT = `
import { DurableObject } from "cloudflare:workers";
/** Tokens that are counted in memory and written later. */
export class Bucket extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS bucket (id INTEGER PRIMARY KEY, left INTEGER NOT NULL)");
    const [row] = ctx.storage.sql.exec("SELECT left FROM bucket");
    this.left = row?.left ?? Number(env.BURST);
  }
  look() { return this.left; }
  take() {
    if (this.left <= 0) return false;
    this.left -= 1;
    this.ctx.waitUntil(this.save(this.left));
    return true;
  }
  async save(left) {
    await scheduler.wait(100);
    this.ctx.storage.sql.exec("INSERT OR REPLACE INTO bucket (id, left) VALUES (1, ?)", left);
  }
}
export default {
  async fetch(request, env) {
    const bucket = env.BUCKET.get(env.BUCKET.idFromName("one"));
    if (request.method === "GET") return new Response(String(await bucket.look()));
    return new Response(null, { status: (await bucket.take()) ? 200 : 429 });
  },
};
`;

/** Opens the twin with a bucket of so many tokens that never fills again. */
export async function openUnsafeTwin(burst: number): Promise<GateUnderFire> {
  const persistTo = await mkdtemp(join(tmpdir(), "tfe-gate-twin-"));
  const agent = keepAlive(SOCKETS);
  let runtime = await start(persistTo, burst);
  return {
    limits: [{ name: "unsafe twin", burst, perMs: 0 }],
    take: async () => {
      try {
        const { status } = await ask(runtime.url, { method: "POST" }, agent);
        return status === 200 ? "passed" : status === 429 ? "refused" : "unknown";
      } catch {
        return "unknown";
      }
    },
    left: async () => Number((await ask(runtime.url, {}, agent)).text),
    kill: () => {
      for (const id of runtime.processIds) process.kill(id, "SIGKILL");
    },
    restart: async () => {
      await runtime.dispose().catch(() => undefined);
      runtime = await start(persistTo, burst);
    },
    close: async () => {
      agent.destroy();
      await runtime.dispose();
      await rm(persistTo, { recursive: true, force: true });
    },
  };
}

async function start(persistTo: string, burst: number) {
  const before = new Set(childProcesses());
  const mf = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      log: new Log(LogLevel.NONE),
      handleStructuredLogs: () => undefined,
      telemetry: { enabled: false },
      resourcePersistencePath: persistTo,
      workers: [
        {
          name: "twin",
          modules: true,
          script: SCRIPT,
          compatibilityDate: "2026-01-01",
          bindings: { BURST: String(burst) },
          durableObjects: { BUCKET: { className: "Bucket", useSQLite: true } },
          unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
        },
      ],
    }),
  );
  await mf.ready;
  const url = (await mf.unsafeGetDirectURL("twin")).origin;
  const processIds = childProcesses().filter((id) => !before.has(id));
  const disarm = armReaper(processIds);
  const dispose = async (): Promise<void> => {
    disarm();
    await mf.dispose();
  };
  return { url, processIds, dispose };
}
