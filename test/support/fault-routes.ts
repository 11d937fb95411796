/** The fault origin's plain routes, listed in fault-origin.ts; each is the first word of the path. */

import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";

import type { Exchange } from "./fault-exchange.ts";

type Route = (exchange: Exchange, argument: string) => Promise<void> | void;

const BOMB_BYTES = 64 * 1024 * 1024;
let bomb: Buffer | undefined;

/** What each route does with a request; `argument` is the second word of the path. */
export const ROUTES: Readonly<Record<string, Route>> = {
  status({ response, url }, argument) {
    const retryAfter = url.searchParams.get("retry-after");
    if (retryAfter !== null) response.setHeader("retry-after", retryAfter);
    response.writeHead(Number(argument), { "content-type": "text/plain" }).end(argument);
  },
  async delay({ response }, argument) {
    await sleep(Number(argument));
    response.writeHead(200, { "content-type": "text/plain" }).end("late");
  },
  reset({ request }) {
    request.socket.destroy();
  },
  async cut({ response }) {
    response.writeHead(200, { "content-type": "application/json", "content-length": "100" });
    response.write('{"half":');
    await sleep(20);
    response.destroy();
  },
  garbage({ response }) {
    response.writeHead(200, { "content-type": "application/json" }).end("<<<%%% no format at all");
  },
  huge({ response, url }) {
    response.writeHead(200, { "content-type": "text/plain" });
    response.end("x".repeat(Number(url.searchParams.get("bytes") ?? "1048576")));
  },
  "gzip-bomb"({ response }) {
    bomb ??= gzipSync(Buffer.alloc(BOMB_BYTES));
    response.writeHead(200, { "content-type": "text/plain", "content-encoding": "gzip" }).end(bomb);
  },
  "invalid-utf8"({ response }) {
    response
      .writeHead(200, { "content-type": "text/plain" })
      .end(Buffer.from([0x61, 0xff, 0xfe, 0x62]));
  },
  coded({ response, url }) {
    const coding = url.searchParams.get("as") ?? "";
    const plain = Buffer.from("coded");
    response.writeHead(200, { "content-type": "text/plain", "content-encoding": coding });
    response.end(coding === "gzip" ? gzipSync(plain) : plain);
  },
  hang() {},
  stall({ response }) {
    response.writeHead(200, { "content-type": "text/plain" });
    response.write("x");
  },
  headers({ response }) {
    response.writeHead(200, {
      "content-type": "Application/JSON; charset=utf-8",
      "set-cookie": "session=1",
      "strict-transport-security": "max-age=1",
      "www-authenticate": "Basic",
      etag: '"v1"',
    });
    response.end("{}");
  },
  redirect({ response, url }) {
    const to = url.searchParams.get("to");
    const code = Number(url.searchParams.get("code") ?? "302");
    response.writeHead(code, to === null ? {} : { location: to }).end("moved");
  },
  echo({ request, response, body }) {
    const { method, url, headers } = request;
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ method, url, headers, body }));
  },
};
