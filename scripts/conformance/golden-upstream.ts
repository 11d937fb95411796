/**
 * The provider behind the gateway under test: replays the golden answer that a message names (`golden:text`), in the
 * protocol of the path it was asked on, and hands everything else to the scripted model, which plays tool loops.
 *
 * Golden answers are files of `test/conformance/golden`, sent byte for byte; how they are cut into writes and how they end
 * is said here. Each request is kept under the tag of its check, so that a check sees what reached the provider.
 */

import { readFileSync } from "node:fs";
import { request as send } from "node:http";
import { fileURLToPath } from "node:url";

import { parseObject, objectOf, type UnknownObject } from "../../dev/http/json.ts";
import { listen, pause, sendJson, type Exchange } from "../../dev/http/listen.ts";
import { startModelServer } from "../../dev/model-server.ts";

/** What the provider asks for as a key; another one gets 401. */
export const GOLDEN_KEY = "golden-key";

const FOLDER = new URL("../../test/conformance/golden/", import.meta.url);
const FACES: Readonly<Record<string, string>> = {
  "/v1/chat/completions": "chat",
  "/v1/responses": "responses",
  "/v1/messages": "messages",
};
/** Bytes of one write of an answer that is cut everywhere: no letter of more than one byte stays whole. */
const SMALL_WRITE = 5;
const FOREVER_MS = 2_147_483_647;
/** Requests kept; a suite makes fewer. */
const MAX_SEEN = 500;

/** How an answer departs from a file sent in one piece. */
interface Golden {
  /** Another file's answer is used. */
  readonly file?: string;
  readonly writes?: "small";
  /** After the file's bytes; absent: the answer ends. */
  readonly ends?: "drop" | "hang";
  /** In place of a file. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Nothing is answered at all, or the connection is dropped before a header. */
  readonly silent?: "hang" | "drop";
}

function refusal(code: string, type: string): string {
  return JSON.stringify({ error: { message: "A golden refusal.", type, param: null, code } });
}

/** Answers that are more than their file; any other name is its file in one piece. */
const GOLDENS: Readonly<Record<string, Golden>> = {
  unicode: { writes: "small" },
  framing: { writes: "small" },
  cut: { file: "unfinished", ends: "drop" },
  stalled: { file: "unfinished", ends: "hang" },
  silent: { silent: "hang" },
  "no-answer": { silent: "drop" },
  "status-400": { status: 400, body: refusal("context_length_exceeded", "invalid_request_error") },
  "status-429": {
    status: 429,
    headers: { "retry-after": "7" },
    body: refusal("rate_limit_exceeded", "rate_limit_error"),
  },
  "status-500": { status: 500, body: refusal("server_error", "server_error") },
  "html-502": {
    status: 502,
    headers: { "content-type": "text/html" },
    body: "<html><body><h1>Bad gateway</h1></body></html>",
  },
  garbage: { status: 200, body: '{"choices": [{"message": <!doctype html>' },
};

/** A request as it reached the provider. */
export interface SeenRequest {
  readonly body: UnknownObject;
  /** True once the gateway left before the answer was complete. */
  left: boolean;
}

/** The running provider. `url` has no path: the API is at `<url>/v1`. */
export interface GoldenUpstream {
  readonly url: string;
  /** Requests whose body holds `tag`, oldest first. */
  readonly seen: (tag: string) => readonly SeenRequest[];
  readonly close: () => Promise<void>;
}

/** Starts the provider on 127.0.0.1; `port` 0 is a free one. */
export async function startGoldenUpstream(port = 0): Promise<GoldenUpstream> {
  const model = await startModelServer();
  const requests: { readonly text: string; readonly seen: SeenRequest }[] = [];
  const server = await listen(port, async (exchange) => {
    const seen: SeenRequest = { body: parseObject(exchange.body), left: false };
    requests.push({ text: exchange.body, seen });
    if (requests.length > MAX_SEEN) requests.shift();
    exchange.signal.addEventListener("abort", () => {
      if (exchange.outcome() === "aborted") seen.left = true;
    });
    const { authorization, "x-api-key": own } = exchange.request.headers;
    const face = FACES[exchange.url.pathname];
    const name = /golden:([a-z0-9-]+)/.exec(exchange.body)?.[1];
    if (authorization !== `Bearer ${GOLDEN_KEY}` && own !== GOLDEN_KEY)
      sendJson(exchange.response, 401, parseObject(refusal("invalid_api_key", "invalid_request")));
    else if (face === undefined || name === undefined) await forward(exchange, model.url);
    else await replay(exchange, face, name);
  });
  return {
    url: server.url,
    seen: (tag) => requests.filter(({ text }) => text.includes(tag)).map(({ seen }) => seen),
    close: async () => {
      await Promise.all([server.close(), model.close()]);
    },
  };
}

async function replay(exchange: Exchange, face: string, name: string): Promise<void> {
  const { response, signal } = exchange;
  const golden = GOLDENS[name] ?? {};
  if (golden.silent === "drop") {
    exchange.drop("close");
    return;
  }
  if (golden.silent === "hang") {
    await pause(FOREVER_MS, signal);
    return;
  }
  if (golden.body !== undefined) {
    const headers = { "content-type": "application/json", ...golden.headers };
    response.writeHead(golden.status ?? 200, headers).end(golden.body);
    return;
  }
  const asked = parseObject(exchange.body);
  const isStream = asked["stream"] === true;
  const bytes = contentOf(`${golden.file ?? name}.${face}.${isStream ? "sse" : "json"}`, asked);
  response.writeHead(200, {
    "content-type": isStream ? "text/event-stream; charset=utf-8" : "application/json",
  });
  const size = golden.writes === "small" ? SMALL_WRITE : bytes.length;
  for (let at = 0; at < bytes.length; at += size) {
    response.write(bytes.subarray(at, at + size));
    if (size < bytes.length && !(await pause(1, signal))) return;
  }
  if (golden.ends === "hang") await pause(FOREVER_MS, signal);
  else if (golden.ends === "drop" && (await pause(20, signal))) exchange.drop("close");
  else response.end();
}

/** The bytes of a file; a stream's usage goes only to whoever asked for it, as OpenAI does it. */
function contentOf(file: string, asked: UnknownObject): Buffer {
  const text = readFileSync(fileURLToPath(new URL(file, FOLDER)), "utf8");
  const wantsUsage = objectOf(asked, "stream_options")["include_usage"] === true;
  if (!file.endsWith(".chat.sse") || wantsUsage) return Buffer.from(text);
  return Buffer.from(text.replaceAll(/data: ?\{[^\n]*"choices":\[\],"usage"[^\n]*\n\r?\n/g, ""));
}

/** Hands a request to the scripted model, byte for byte both ways. */
async function forward({ request, response, body, signal }: Exchange, to: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const onward = send(
      new URL(request.url ?? "/", to),
      { method: request.method, headers: { "content-type": "application/json" }, signal },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, {
          "content-type": answer.headers["content-type"] ?? "application/json",
        });
        answer.pipe(response);
        answer.once("close", resolve);
      },
    );
    // The gateway left, or the model cut the answer: both end here.
    onward.once("error", () => {
      response.destroy();
      resolve();
    });
    onward.end(body);
  });
}
