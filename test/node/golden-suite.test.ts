/**
 * The suite of golden streams can fail: in front of its provider stands a gateway that forwards every byte, and then the
 * same with one rule broken. What a forwarder keeps is ok; every planted fault is found by the check it concerns.
 */

import { createServer, request as send, type IncomingMessage } from "node:http";
import { once } from "node:events";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startToolServer, type ToolServer } from "../../dev/tool-server.ts";
import {
  GOLDEN_KEY,
  startGoldenUpstream,
  type GoldenUpstream,
} from "../../scripts/conformance/golden-upstream.ts";
import { CHECKS, runSuite } from "../../scripts/conformance/run-suite.ts";
import { counts, textTable } from "../../scripts/conformance/table.ts";

/** One broken rule of a forwarder. */
interface Plant {
  /** Changes the whole answer. */
  readonly edit?: (text: string) => string;
  readonly status?: (status: number) => number;
  readonly dropsHeader?: string;
  /** Decodes each piece by itself. */
  readonly cutsLetters?: true;
  /** Makes a broken stream end like a whole one. */
  readonly endsCleanly?: true;
  /** Goes on reading for a client that has left. */
  readonly staysOn?: true;
}

let upstream: GoldenUpstream;
let tools: ToolServer;
beforeAll(async () => {
  [upstream, tools] = await Promise.all([startGoldenUpstream(), startToolServer()]);
});
afterAll(() => Promise.all([upstream.close(), tools.close()]));

async function forwarder(plant: Plant): Promise<{ url: string; close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    const { "x-scripted-model": _, host: __, ...headers } = request.headers;
    const onward = send(new URL(request.url ?? "/", upstream.url), {
      method: request.method,
      headers,
    });
    onward.on("error", () => response.destroy());
    onward.once("response", (answer) => {
      const kept = { ...answer.headers };
      delete kept[plant.dropsHeader ?? ""];
      delete kept["content-length"];
      response.writeHead(plant.status?.(answer.statusCode ?? 0) ?? answer.statusCode ?? 0, kept);
      void pass(answer, (piece) => response.write(piece), plant).then(
        () => response.end(),
        () => response.destroy(),
      );
    });
    response.once("close", () => {
      if (!response.writableFinished && plant.staysOn !== true) onward.destroy();
    });
    request.pipe(onward);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function pass(
  answer: IncomingMessage,
  write: (piece: string | Uint8Array) => void,
  { edit, cutsLetters, endsCleanly }: Plant,
): Promise<void> {
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of answer as AsyncIterable<Uint8Array>) {
      if (edit !== undefined) pieces.push(piece);
      else write(cutsLetters === true ? Buffer.from(piece).toString("utf8") : piece);
    }
    if (edit !== undefined) write(edit(Buffer.concat(pieces).toString("utf8")));
  } catch (error) {
    if (endsCleanly !== true) throw error;
    write('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n');
  }
}

async function outcomes(plant: Plant, area: string, claim: RegExp): Promise<readonly string[]> {
  const { url, close } = await forwarder(plant);
  const headers = (key: string) => () => ({ authorization: `Bearer ${key}` });
  const target = {
    name: "forwarder",
    baseUrl: url,
    model: "golden-1",
    headers: headers(GOLDEN_KEY),
    wrongKey: headers("wrong"),
  };
  try {
    const checks = CHECKS.filter((check) => check.area === area && claim.test(check.claim));
    expect(checks.length).toBeGreaterThan(0);
    const lines = await runSuite({ target, upstream, tools }, checks);
    expect(textTable(lines)).toContain(counts(lines));
    return lines.map(({ outcome }) => outcome.kind);
  } finally {
    await close();
  }
}

const replace = (from: string | RegExp, to: string) => ({
  edit: (text: string) => text.replace(from, to),
});

/** What is planted, and the checks that must find it. */
const PLANTS: readonly (readonly [name: string, plant: Plant, area: string, claim: RegExp])[] = [
  ["a changed word", replace("word for", "word by"), "chat stream", /^text, word/],
  ["a lost [DONE]", replace("data: [DONE]\n\n", ""), "chat stream", /^text, word/],
  ["a second [DONE]", replace("[DONE]", "[DONE]\n\ndata: [DONE]"), "chat stream", /^text, word/],
  ["another id", replace("chatcmpl-golden", "chatcmpl-other"), "chat stream", /^text, word/],
  ["a tool's message", replace('"assistant"', '"tool"'), "chat stream", /^text, word/],
  ["choices that are no list", replace('"choices":[', '"x":['), "chat stream", /^text, word/],
  ["letters cut in pieces", { cutsLetters: true }, "chat stream", /^letters/],
  ["another finish", replace('"length"', '"stop"'), "chat stream", /finish reason length/],
  ["a lost refusal", replace(/"refusal":"not/, '"r":"not'), "chat stream", /^a refusal/],
  ["lost reasoning", replace("reasoning_content", "thinking"), "chat stream", /^reasoning/],
  [
    "calls that share an index",
    { edit: (text) => text.replaceAll('"index":1', '"index":0') },
    "chat stream",
    /interleaved/,
  ],
  ["an index that is left out", replace('"index":1', '"index":2'), "chat stream", /interleaved/],
  ["an escape undone", replace(/\\\\\\"/, '\\"'), "chat stream", /inside strings/],
  ["usage that is lost", replace('"total_tokens":12', '"total":12'), "chat stream", /asked for/],
  ["an error that is swallowed", replace('{"error"', '{"e"'), "chat stream", /^an error in/],
  ["a clean end of a cut stream", { endsCleanly: true }, "chat stream", /lost half way/],
  ["usage that differs", replace('"total_tokens": 12', '"total_tokens": 13'), "chat, whole", /^te/],
  ["calls that are lost", replace('"tool_calls": [', '"calls": ['), "chat, whole", /interleaved/],
  ["a status that is hidden", { status: () => 200 }, "errors", /400|429|500/],
  ["429 as 500", { status: (s) => (s === 429 ? 500 : s) }, "errors", /429/],
  ["a lost Retry-After", { dropsHeader: "retry-after" }, "errors", /429/],
  ["an error without its envelope", replace('"error"', '"e"'), "errors", /wrong key|400|429|500/],
  ["going on for nobody", { staysOn: true }, "leaving", /./],
  ["a gap in the numbers", replace('_number":3', '_number":4'), "responses", /streamed/],
  ["a lost end", replace(/response\.completed/g, "response.done"), "responses", /streamed/],
  ["items out of order", replace('"output_index":0', '"output_index":1'), "responses", /streamed/],
  ["a lost message_stop", replace(/event: message_stop[^]*$/, ""), "messages", /streamed/],
  ["a block out of order", replace('"index":0', '"index":1'), "messages", /streamed/],
  ["a tool that is not asked for", replace("tool_use", "text"), "messages", /two calls/],
];

describe("the suite of golden streams", () => {
  it("is ok with a forwarder, but for what nobody puts right", async () => {
    const stream = await outcomes(
      {},
      "chat stream",
      /^(?!.*(silent|same index|no index|without a))/,
    );
    expect(new Set(stream)).toEqual(new Set(["ok"]));
    expect(await outcomes({}, "chat stream", /same index|no index/)).toEqual(["fails", "fails"]);
    for (const area of ["chat, whole", "leaving", "responses", "messages"])
      expect(new Set(await outcomes({}, area, /./)), area).toEqual(new Set(["ok"]));
    const errors = await outcomes({}, "errors", /wrong key|provider's|models/);
    expect(new Set(errors)).toEqual(new Set(["ok"]));
  });

  it("says what a forwarder does not offer", async () => {
    const found = await outcomes({}, "tools", /./);
    expect(new Set(found)).toEqual(new Set(["not_offered"]));
  });

  it.each(PLANTS)("finds %s", async (_name, plant, area, claim) => {
    const found = await outcomes(plant, area, claim);
    expect(new Set(found)).toEqual(new Set(["fails"]));
  });
});
