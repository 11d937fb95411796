/**
 * `npm run bench -- mcp`: what a tool of an MCP server costs over the same tool as plain HTTP, once the session is warm.
 *
 * Both are called through the gateway as runs of one call, in turn, so that the machine's mood hits both alike; the added
 * time is the difference of a round. The server counts hand-shakes: a warm session makes none, and other credentials or
 * another tenant never find somebody else's session.
 */

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

import { parseObject } from "../dev/http/json.ts";
import type { Bench, BenchOptions } from "./bench.ts";
import { ask, keepAlive } from "./http.ts";
import { row, type BenchRow } from "./report.ts";
import { median, quantile } from "./statistics.ts";
import { openWorld, runAnswerOf, type World } from "./world.ts";

const ROUNDS = 1_000;
const WARM_UP = 100;
/** Added by the protocol at the median of a warm session. */
const MAX_ADDED_MS = 2;

/** Labels of the server as the tenant knows it, with the path of each revision. */
const SERVERS = [
  { label: "modern", path: "modern", revision: "2026-07-28" },
  { label: "session", path: "session", revision: "2025-11-25" },
] as const;

async function startServer(): Promise<{ readonly url: string; readonly stop: () => void }> {
  const file = fileURLToPath(new URL("fast-mcp.ts", import.meta.url));
  const child = spawn(process.execPath, [file], { stdio: ["pipe", "pipe", "inherit"] });
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.once("data", (chunk: Uint8Array) => {
      resolve(Number(Buffer.from(chunk).toString("utf8")));
    });
    child.once("error", reject);
  });
  return { url: `http://127.0.0.1:${port}`, stop: () => child.stdin.end() };
}

async function provision(world: World, url: string): Promise<void> {
  const put = async (path: string, body: unknown): Promise<void> => {
    const answer = await world.send("PUT", path, body);
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  };
  await put("/v1/tools/plain", {
    description: "Echoes a number",
    input: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] },
    effect: "read",
    http: { method: "GET", url: `${url}/echo`, query: { n: "{n}" } },
  });
  for (const { label, path } of SERVERS) {
    // The same server with two credentials is two sessions.
    for (const who of ["", "2"]) {
      await put(`/v1/mcp-servers/${label}${who}`, {
        url: `${url}/${path}`,
        headers: { authorization: `Bearer ${label}${who}` },
        tools: { echo: { effect: "read" } },
      });
    }
  }
}

async function callOnce(world: World, tool: string, n: number): Promise<number> {
  const answer = await world.send("POST", "/v1/runs", { calls: [{ tool, arguments: { n } }] });
  const { status } = runAnswerOf(answer);
  if (status !== "completed") throw new Error(`${tool}: ${answer.text.slice(0, 300)}`);
  return answer.tookMs;
}

interface Round {
  readonly plain: number;
  readonly modern: number;
  readonly session: number;
}

async function measure(world: World, rounds: number): Promise<readonly Round[]> {
  const measured: Round[] = [];
  for (let index = 0; index < rounds; index += 1) {
    const plain = await callOnce(world, "plain", index);
    const modern = await callOnce(world, "modern__echo", index);
    const session = await callOnce(world, "session__echo", index);
    measured.push({ plain, modern, session });
  }
  return measured;
}

/** Hand-shakes so far with these credentials. */
async function handShakes(url: string): Promise<(label: string) => number> {
  const agent = keepAlive(1);
  const stats = parseObject((await ask(`${url}/stats`, {}, agent)).text);
  agent.destroy();
  return (label) => Number(stats[`Bearer ${label}`] ?? 0);
}

async function run({ smoke }: BenchOptions): Promise<readonly BenchRow[]> {
  const server = await startServer();
  const world = await openWorld();
  try {
    await provision(world, server.url);
    await measure(world, smoke ? 5 : WARM_UP);
    const before = await handShakes(server.url);
    const rounds = smoke ? 10 : ROUNDS;
    const measured = await measure(world, rounds);
    const after = await handShakes(server.url);
    const rows: BenchRow[] = [];
    const plain = median(measured.map((round) => round.plain));
    for (const { label, revision } of SERVERS) {
      const subject = `a run of one call, warm, ${revision}, ${rounds} rounds`;
      const added = measured.map((round) => round[label] - round.plain);
      const own = median(measured.map((round) => round[label]));
      rows.push(
        row(subject, "p50 added by MCP over plain HTTP", median(added), "ms", `<= ${MAX_ADDED_MS}`),
        row(subject, "p95 added by MCP over plain HTTP", quantile(added, 0.95), "ms"),
        row(subject, "p50 of MCP ÷ p50 of plain HTTP", own / plain, "×"),
        row(subject, "hand-shakes while warm", after(label) - before(label), "", "== 0"),
      );
      const [first, again] = [
        await handShakesOf(world, server.url, `${label}2`),
        await handShakesOf(world, server.url, `${label}2`),
      ];
      const other = `the same server with other credentials, ${revision}`;
      rows.push(row(other, "hand-shakes of the second call", again - first, "", "== 0"));
      rows.push(row(other, "hand-shakes of its own", again, "", ">= 1"));
    }
    rows.push(row("a run of one call", "p50 of plain HTTP", plain, "ms"));
    return rows;
  } finally {
    await world.close();
    server.stop();
  }
}

/** Calls the tool once under a label; the hand-shakes made with that label's credentials so far. */
async function handShakesOf(world: World, url: string, label: string): Promise<number> {
  await callOnce(world, `${label}__echo`, 1);
  return (await handShakes(url))(label);
}

/** The benchmark of MCP tools. */
export const mcp: Bench = { name: "mcp", seed: 1, run };
