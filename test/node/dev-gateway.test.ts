import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startGateway, type Gateway, type GatewayOptions } from "../../dev/gateway.ts";
import { secretsIn } from "../../dev/gateway/secrets.ts";
import { freePort } from "../../dev/start/free-port.ts";
import { providerIn } from "../../dev/start/provider.ts";
import { claimState } from "../../dev/start/state.ts";

/** A worker with the object classes of wrangler.toml that counts its requests in one of them. */
const WORKER = `
import { DurableObject } from "cloudflare:workers";
export class KeyDirectory extends DurableObject {
  async next() { const n = ((await this.ctx.storage.get("n")) ?? 0) + 1; await this.ctx.storage.put("n", n); return n; }
}
export class Tenant extends DurableObject {}
export class TenantGate extends DurableObject {}
export class RunJournal extends DurableObject {}
export class ToolShard extends DurableObject {}
export class KeptResult extends DurableObject {}
export class Conversation extends DurableObject {}
export default { async fetch(request, env) {
  console.log("answering");
  return Response.json({ n: await env.KEY_DIRECTORY.getByName("x").next(), role: env.ROLE, extra: env.EXTRA ?? null });
} };`;

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "gateway-test-"));
  await mkdir(join(directory, "bundle"));
  await writeFile(join(directory, "bundle", "index.js"), WORKER);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function withGateway<T>(
  options: GatewayOptions,
  use: (gateway: Gateway) => Promise<T>,
): Promise<T> {
  const gateway = await startGateway({ bundleDir: join(directory, "bundle"), ...options });
  try {
    return await use(gateway);
  } finally {
    await gateway.dispose();
  }
}

async function ask(port: number): Promise<unknown> {
  return (await fetch(`http://127.0.0.1:${port}/`)).json();
}

describe("startGateway", () => {
  it("serves several workers that share the same objects, each on its own port", async () => {
    const logged: string[] = [];
    const onLog = (line: { message: string }): void => void logged.push(line.message);
    await withGateway({ workers: 2, bindings: { EXTRA: "e" }, onLog }, async ({ directPorts }) => {
      const [first = 0, second = 0] = directPorts;
      expect(await ask(first)).toEqual({ n: 1, role: "development", extra: "e" });
      expect(await ask(second)).toEqual({ n: 2, role: "development", extra: "e" });
    });
    expect(logged).toContain("answering");
  });

  it("keeps state where asked, and nowhere otherwise", async () => {
    const persistTo = join(directory, "state");
    const count = (options: GatewayOptions) =>
      withGateway(options, ({ directPorts }) => ask(directPorts[0] ?? 0));
    expect(await count({ persistTo })).toMatchObject({ n: 1 });
    expect(await count({ persistTo })).toMatchObject({ n: 2 });
    expect(await count({})).toMatchObject({ n: 1 });
  });

  it("frees its port and ends its processes on dispose", async () => {
    const port = await freePort(20_000 + (process.pid % 10_000));
    await withGateway({ port }, ({ baseUrl }) =>
      Promise.resolve(expect(baseUrl).toBe(`http://127.0.0.1:${port}`)),
    );
    expect(await freePort(port)).toBe(port);
  });

  it.each(["SIGKILL", "SIGTERM", "SIGINT"] as const)(
    "leaves no process behind after %s",
    async (signal) => {
      const program = `
      import { startGateway } from ${JSON.stringify(join(import.meta.dirname, "../../dev/gateway.ts"))};
      import { childProcesses } from ${JSON.stringify(join(import.meta.dirname, "../../dev/gateway/reaper.ts"))};
      await startGateway({ bundleDir: ${JSON.stringify(join(directory, "bundle"))} });
      console.log(JSON.stringify(childProcesses()));
      setInterval(() => {}, 1000);`;
      const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const [line] = await new Promise<string[]>((resolve) => {
        child.stdout.once("data", (data: Buffer) => {
          resolve(data.toString().split("\n"));
        });
      });
      const processes: unknown = JSON.parse(line ?? "[]");
      expect(Array.isArray(processes) && processes.length).toBeGreaterThanOrEqual(2);
      child.kill(signal);
      const alive = async (): Promise<string> =>
        (
          await promisify(execFile)("ps", ["-o", "pid=,stat=", "-p", String(processes)]).catch(
            () => ({ stdout: "" }),
          )
        ).stdout
          .split("\n")
          // A process that is only waiting to be collected by its parent is gone.
          .filter((row) => row.trim() !== "" && !/\sZ/.test(row))
          .join();
      const deadline = Date.now() + 10_000;
      while ((await alive()) !== "" && Date.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 50));
      expect(await alive()).toBe("");
    },
  );
});

describe("npm start's parts", () => {
  it("takes the next free port when one is busy", async () => {
    const server = createServer();
    const busy = await new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        resolve(address === null || typeof address === "string" ? 0 : address.port);
      });
    });
    expect(await freePort(busy)).toBeGreaterThan(busy);
    server.close();
    await expect(freePort(70_000)).rejects.toThrow("not a port number");
  });

  it("makes secrets once and keeps them readable by their owner only", async () => {
    const file = join(directory, "local", "secrets.json");
    const first = await secretsIn(file);
    expect(await secretsIn(file)).toEqual(first);
    expect(first.MASTER_KEYS).toMatch(/^v1:[A-Za-z0-9+/]{43}=$/);
    const { stdout } = await promisify(execFile)("stat", ["-c", "%a", file]);
    expect(stdout.trim()).toBe("600");
  });

  it("reads a provider from .dev.vars, and none when it names none", async () => {
    const file = join(directory, ".dev.vars");
    expect(await providerIn(file)).toBeNull();
    await writeFile(file, 'OPENAI_API_KEY="sk-1"\n');
    expect(await providerIn(file)).toEqual({
      baseUrl: "https://api.openai.com/v1",
      apiKey: "sk-1",
    });
    await writeFile(file, "OPENAI_BASE_URL=http://127.0.0.1:9/v1\n");
    expect(await providerIn(file)).toEqual({ baseUrl: "http://127.0.0.1:9/v1" });
  });

  it("gives the state on disk to one start at a time, and sets aside state without secrets", async () => {
    const local = join(directory, "claims");
    const state = join(directory, "claimed-state");
    const mine = await claimState(local, state, 1);
    expect(mine).toMatchObject({ directory: state, notes: [] });
    // Process 1 always runs: to the second start the first looks like another process.
    await writeFile(join(local, "start.pid"), "1");
    const second = await claimState(local, state, 2);
    expect(second.directory).toBeNull();
    expect(second.notes[0]).toContain("Another npm start runs");
    await second.release();
    await mine.release();
    await mkdir(state);
    const third = await claimState(local, state, 3);
    expect(third.notes[0]).toContain("cannot be opened");
    await third.release();
  });
});
