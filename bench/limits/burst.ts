/**
 * A concurrent burst against a limit of tokens: so many requests at once at each instance, each of which uses 1,500 tokens by its
 * provider's own count, on 162,000 tokens a minute.
 */

import { createServer, type Server } from "node:http";

import { bucketOf } from "../../src/algorithms/rate-promise.ts";
import { createTenantForTests } from "../../dev/provision.ts";
import { inParallel } from "../bench.ts";
import { isOverLimit, type Fleet } from "./fleet.ts";

/** Tokens a minute, and tokens of one request. */
const LIMIT = 162_000;
const INPUT = 10;
const OUTPUT = 1490;

/** What a burst came to, in tokens. */
export interface BurstTally {
  readonly requests: number;
  readonly admitted: number;
  /** Beyond burst + rate × elapsed. */
  readonly overAdmitted: number;
  /** Refused for another reason than the limit. */
  readonly failed: number;
  readonly elapsedMs: number;
}

/** Sends it. A strict limit promises the minute's tokens in every minute; the other lets all of them come at once. */
export async function sendBurst(
  fleet: Fleet,
  { instances, each, strict }: { instances: number; each: number; strict: boolean },
): Promise<BurstTally> {
  const provider = await countingProvider();
  const terms = { limit: LIMIT, window_s: 60, strict };
  try {
    const { apiKey } = await createTenantForTests(fleet.gateway.baseUrl, fleet.operatorKey, {
      modelBaseUrl: `${provider.url}/v1`,
      policy: {
        limits: {
          requests: null,
          concurrent_runs: null,
          tokens: [terms],
        },
      },
    });
    const body = {
      model: "counted",
      max_tokens: OUTPUT,
      messages: [{ role: "user", content: "Count." }],
    };
    let passed = 0;
    let failed = 0;
    await fleet.greet(apiKey);
    const startedAt = performance.now();
    const requests = instances * each;
    await inParallel(requests, requests, async (n) => {
      const answer = await fleet.ask(n % instances, apiKey, "/v1/chat/completions", body);
      if (answer.status === 200) passed += 1;
      else if (!isOverLimit(answer)) failed += 1;
    });
    const elapsedMs = performance.now() - startedAt;
    const admitted = passed * (INPUT + OUTPUT);
    const { limit, burst, windowMs } = bucketOf(terms);
    const allowed = burst + (limit / windowMs) * elapsedMs;
    const overAdmitted = Math.max(0, admitted - allowed);
    return { requests, admitted, overAdmitted, failed, elapsedMs };
  } finally {
    provider.server.close();
  }
}

function chunk(part: object): string {
  return `data: ${JSON.stringify({ id: "c", ...part })}\n\n`;
}

async function countingProvider(): Promise<{ readonly server: Server; readonly url: string }> {
  const usage = {
    prompt_tokens: INPUT,
    completion_tokens: OUTPUT,
    total_tokens: INPUT + OUTPUT,
  };
  const delta = { role: "assistant", content: "One." };
  const body = [
    chunk({ choices: [{ index: 0, delta, finish_reason: "stop" }] }),
    chunk({ choices: [], usage }),
    "data: [DONE]\n\n",
  ].join("");
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(body);
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
  return { server, url: `http://127.0.0.1:${port}` };
}
