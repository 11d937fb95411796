/** `npm start` and `npm run demo` as a user runs them: the built gateway, real servers, real processes. */

import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { parseObject, textOf } from "../../dev/http/json.ts";
import { startModelServer } from "../../dev/model-server.ts";

const ROOT = join(import.meta.dirname, "../..");
/** A build may come first, on a busy machine. */
const PATIENCE_MS = 120_000;

let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "start-test-"));
});
afterAll(() => rm(home, { recursive: true, force: true }));

interface Program {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly exited: Promise<number | null>;
}

function run(script: string, env: Record<string, string> = {}): Program {
  const child = spawn(process.execPath, [join(ROOT, script)], {
    cwd: ROOT,
    env: { ...process.env, STATE_DIRECTORY: home, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data: Buffer) => {
      output += data.toString();
    });
  }
  const exited = new Promise<number | null>((resolve) => {
    // "close" waits for the pipes: a process left behind would hold them open.
    child.on("close", resolve);
  });
  return { child, output: () => output, exited };
}

async function ready(program: Program): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (
    !program.output().includes("curl -N") &&
    Date.now() < deadline &&
    program.child.exitCode === null
  ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(program.output()).toContain("Toolformer Edge is ready");
}

async function access(): Promise<{
  baseUrl: string;
  apiKey: string;
  tenantId: string;
  modelBaseUrl: string;
}> {
  const file = parseObject(await readFile(join(home, ".local", "demo.json"), "utf8"));
  const read = (name: string): string => textOf(file, name) ?? "";
  return {
    baseUrl: read("baseUrl"),
    apiKey: read("apiKey"),
    tenantId: read("tenantId"),
    modelBaseUrl: read("modelBaseUrl"),
  };
}

async function say(
  apiKey: string,
  baseUrl: string,
  content: string,
): Promise<string | null | undefined> {
  const client = new OpenAI({ baseURL: `${baseUrl}/v1`, apiKey, maxRetries: 0 });
  const answer = await client.chat.completions.create({
    model: "scripted-1",
    messages: [{ role: "user", content }],
  });
  return answer.choices[0]?.message.content;
}

describe("npm start", () => {
  it(
    "serves a chat, ends on SIGTERM with nothing left, and knows its tenant again after a restart",
    { timeout: PATIENCE_MS * 2 },
    async () => {
      const first = run("dev/start.ts", { PORT: "0" });
      await ready(first);
      const before = await access();
      expect(await say(before.apiKey, before.baseUrl, "What is 6 * 7?")).toContain("42");
      expect((await stat(join(home, ".local", "demo.json"))).mode & 0o777).toBe(0o600);
      first.child.kill("SIGTERM");
      expect(await first.exited).toBe(0);
      for (const url of [before.baseUrl, before.modelBaseUrl]) {
        await expect(fetch(url)).rejects.toThrow("fetch failed");
      }

      const provider = await startModelServer({ apiKey: "sk-from-dev-vars" });
      await writeFile(
        join(home, ".dev.vars"),
        `OPENAI_BASE_URL=${provider.url}/v1\nOPENAI_API_KEY=sk-from-dev-vars\n`,
      );
      const second = run("dev/start.ts", { PORT: "0" });
      try {
        await ready(second);
        const after = await access();
        expect([after.tenantId, after.apiKey]).toEqual([before.tenantId, before.apiKey]);
        expect(await say(after.apiKey, after.baseUrl, "What is 6 * 8?")).toContain("48");
        expect(provider.stats().completed).toBe(2);
      } finally {
        second.child.kill("SIGINT");
        expect(await second.exited).toBe(0);
        await provider.close();
      }
    },
  );
});

describe("npm run demo", () => {
  it(
    "streams the answer, shows at least three calls at once in 100 columns, and ends",
    { timeout: PATIENCE_MS },
    async () => {
      const demo = run("dev/demo.ts");
      expect(await demo.exited).toBe(0);
      const output = demo.output();
      expect(output).toContain("scripted stand-in");
      expect(output).toContain("La Table d'Odette");
      expect(Number(/at most (\d+) at once/.exec(output)?.[1])).toBeGreaterThanOrEqual(3);
      expect(Number(/ratio\s+([\d.]+) x/.exec(output)?.[1])).toBeGreaterThan(1.2);
      expect(Math.max(...output.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
      expect(output).not.toContain("\u001B[");
    },
  );
});
