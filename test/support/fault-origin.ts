/**
 * An upstream that misbehaves on purpose, over real HTTP on loopback: one route for every fault a tool server or model
 * provider can have. `?id=` (or `user` in a chat request) names a group of requests in the statistics.
 *
 *   /status/:code?retry-after=   that status, its text as body          /delay/:ms     answers "late" after that time
 *   /reset                       socket destroyed before headers        /cut           headers, half a body, destroyed
 *   /garbage                     200 with bytes that are no format      /huge?bytes=   that many bytes of text
 *   /gzip-bomb                   64 MiB of zeros as 64 KiB of gzip      /invalid-utf8  200 with broken UTF-8
 *   /coded?as=                   content-encoding header as given       /hang          never answers
 *   /stall                       headers and a byte, then silence       /headers       with headers nobody should keep
 *   /redirect?to=&code=          that redirect (code 302 by default)    /echo          method, url, headers, body as JSON
 *   GET /stats                   { open, peak, requests, aborted, byId: { [id]: { open, peak, requests, aborted } } }
 *
 * POST /v1/chat/completions answers as its `model` says: see fault-models.ts. "aborted" counts connections that closed before the
 * answer was complete, whoever closed them.
 */

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

import { parseObject } from "./fault-exchange.ts";
import { answerAsModel } from "./fault-models.ts";
import { ROUTES } from "./fault-routes.ts";
import type { RunningServer } from "./servers.ts";

interface Counts {
  open: number;
  peak: number;
  requests: number;
  aborted: number;
}

/** Starts the server under the name "fault" on a free port of 127.0.0.1. */
export async function startFaultOrigin(): Promise<RunningServer> {
  const all = newCounts();
  const byId = new Map<string, Counts>();
  const server = createServer((request, response) => {
    void serve(request, response, all, byId);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    name: "fault",
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  all: Counts,
  byId: Map<string, Counts>,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://fault");
  if (url.pathname === "/stats") {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ ...all, byId: Object.fromEntries(byId) }));
    return;
  }
  const body = await readAll(request).catch(() => "");
  const exchange = { request, response, url, body };
  count(response, [all, countsOf(byId, idOf(url, body))]);
  const [, name = "", argument = ""] = url.pathname.split("/");
  if (url.pathname === "/v1/chat/completions") await answerAsModel(exchange);
  else if (Object.hasOwn(ROUTES, name)) await ROUTES[name]?.(exchange, argument);
  else response.writeHead(404).end();
}

/** Counts a request as open until its answer is complete or its connection closes. */
function count(response: ServerResponse, groups: readonly Counts[]): void {
  for (const group of groups) {
    group.requests += 1;
    group.open += 1;
    group.peak = Math.max(group.peak, group.open);
  }
  response.once("close", () => {
    for (const group of groups) {
      group.open -= 1;
      if (!response.writableFinished) group.aborted += 1;
    }
  });
}

function countsOf(byId: Map<string, Counts>, id: string): Counts {
  const counts = byId.get(id) ?? newCounts();
  byId.set(id, counts);
  return counts;
}

function idOf(url: URL, body: string): string {
  const { user } = parseObject(body);
  return url.searchParams.get("id") ?? (typeof user === "string" ? user : "");
}

function newCounts(): Counts {
  return { open: 0, peak: 0, requests: 0, aborted: 0 };
}

async function readAll(request: IncomingMessage): Promise<string> {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (text: string) => (body += text));
  await once(request, "end");
  return body;
}
