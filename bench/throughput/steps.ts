/**
 * What each step of a request costs the runtime: its own processor time a request, on a ladder of requests of which each
 * does a little more than the one before. Processor time, because wall time on a shared machine tells of others.
 * Where the system does not tell it (no /proc), there is no table, and that is said.
 */

import { readFileSync } from "node:fs";

import { ask, keepAlive, type Sent } from "../http.ts";
import { row, type BenchRow } from "../report.ts";
import type { World } from "../world.ts";

const REQUESTS = 3_000;
const WARM_UP = 300;

/** Ticks of the system's clock of processor time, a second (`getconf CLK_TCK` on every Linux). */
const TICKS_A_SECOND = 100;

interface Step {
  readonly does: string;
  readonly url: string;
  readonly sent: Sent;
}

/** Seconds of processor time these processes have taken; null where the system does not tell. */
function processorSeconds(processIds: readonly number[]): number | null {
  try {
    const ticks = processIds.map((id) => {
      const fields = readFileSync(`/proc/${id}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
      return Number(fields[11]) + Number(fields[12]);
    });
    return ticks.reduce((sum, count) => sum + count, 0) / TICKS_A_SECOND;
  } catch {
    return null;
  }
}

function ladder({ baseUrl, headers }: World, honoPort: number): readonly Step[] {
  const runs = (calls: readonly object[]): Sent => ({ method: "POST", body: { calls }, headers });
  const sleep = { ms: 0, k: "steps", n: 1 };
  const chat = { model: "fixed", messages: [{ role: "user", content: "Hello?" }] };
  return [
    {
      does: "a bare Hono route",
      url: `http://127.0.0.1:${honoPort}/v1/runs`,
      sent: { method: "POST", body: { calls: [] } },
    },
    { does: "own route: id, trace, headers, log line", url: `${baseUrl}/healthz`, sent: {} },
    {
      does: "refused body: besides key, tenant, JSON, schema",
      url: `${baseUrl}/v1/runs`,
      sent: runs([{ tool: "nobody", arguments: {} }]),
    },
    {
      does: "run of a tool inside the gateway: besides limits, plan, schedule, report",
      url: `${baseUrl}/v1/runs`,
      sent: runs([{ tool: "add", arguments: { expression: "1+2" } }]),
    },
    {
      does: "run of a cached call: besides the cache",
      url: `${baseUrl}/v1/runs`,
      sent: runs([{ tool: "cached", arguments: sleep }]),
    },
    {
      does: "run of a call: guard, breaker, balancer, request, answer in place of the cache",
      url: `${baseUrl}/v1/runs`,
      sent: runs([{ tool: "sleep", arguments: sleep }]),
    },
    {
      does: "chat completion without tools",
      url: `${baseUrl}/v1/chat/completions`,
      sent: { method: "POST", body: chat, headers: { ...headers, "x-gw-tools": "none" } },
    },
    {
      does: "chat completion, three tools offered",
      url: `${baseUrl}/v1/chat/completions`,
      sent: { method: "POST", body: chat, headers },
    },
  ];
}

/** One row a step. */
export async function stepRows(
  world: World,
  honoPort: number,
  smoke: boolean,
): Promise<readonly BenchRow[]> {
  const { processIds } = world.gateway;
  if (processorSeconds(processIds) === null) {
    console.log(
      "throughput: the system does not tell processor time; the table of steps is left out",
    );
    return [];
  }
  await world.send("PUT", "/v1/tools/add", {
    description: "Calculates",
    input: { type: "object", properties: { expression: { type: "string" } } },
    builtin: "calculator",
    effect: "pure",
  });
  const agent = keepAlive(1);
  const count = smoke ? 20 : REQUESTS;
  const rows: BenchRow[] = [];
  for (const { does, url, sent } of ladder(world, honoPort)) {
    for (let n = 0; n < Math.min(WARM_UP, count); n += 1) await ask(url, sent, agent);
    const before = processorSeconds(processIds) ?? 0;
    for (let n = 0; n < count; n += 1) await ask(url, sent, agent);
    const microseconds = (((processorSeconds(processIds) ?? 0) - before) / count) * 1e6;
    rows.push(row(`processor time a request, ${count} each`, does, microseconds, "µs"));
  }
  agent.destroy();
  return rows;
}
