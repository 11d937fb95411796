/** The stream of a response against recorded ones, and the rules both must keep. */

import { describe, expect, inject, it } from "vitest";

import { isObject, parseJson, type UnknownObject } from "../../../dev/http/json.ts";
import { ItemStream } from "../../../src/orchestration/responses/item-stream.ts";
import { orderOf, responseFaults } from "../../../scripts/conformance/response-rules.ts";
import { ResponseScene, said, type Said } from "../../support/response-scene.ts";

const fixtures = inject("shared").wireFixtures;
const MCP = "openai-responses/openai-mcp-tool";

function recorded(name: string): readonly UnknownObject[] {
  return (fixtures?.[name] ?? "")
    .split("\n")
    .map((line) => parseJson(line))
    .filter(isObject);
}

function eventsOf({ events }: Said): readonly UnknownObject[] {
  return events.map((event): UnknownObject => ({ ...event }));
}

function approve(id: unknown) {
  return [{ type: "mcp_approval_response", approval_request_id: String(id), approve: true }];
}

/** Asks, says yes, and is answered. */
async function approvedScene(): Promise<readonly [Said, Said]> {
  const scene = new ResponseScene({ turns: [["ask"], "Done."] });
  const asked = await scene.respond({ input: "Go." });
  const request = asked.last?.response?.output.at(-1);
  return [asked, await scene.respond({ input: approve(request?.["id"]) })];
}

describe.skipIf(fixtures === null)("recorded streams", () => {
  it.each([
    `${MCP}-approval.1.chunks.txt`,
    `${MCP}-approval.2.chunks.txt`,
    `${MCP}-approval.3.chunks.txt`,
    `${MCP}-approval.4.chunks.txt`,
    `${MCP}.1.chunks.txt`,
    "open-responses/lmstudio-tool-call.1.chunks.txt",
    "open-responses/lmstudio-tool-call.2.chunks.txt",
  ])("%s keeps the rules", (name) => {
    expect(recorded(name).length).toBeGreaterThan(5);
    expect(responseFaults(recorded(name))).toEqual([]);
  });

  it("order a request for approval as ours does", async () => {
    const [asked] = await approvedScene();
    const theirs = orderOf(recorded(`${MCP}-approval.1.chunks.txt`), ["reasoning"]);
    expect(orderOf(eventsOf(asked))).toEqual(theirs);
  });

  it("order an approved call and the answer as ours does", async () => {
    const [, answered] = await approvedScene();
    // OpenAI says twice that an approved call is in progress.
    const theirs = orderOf(recorded(`${MCP}-approval.4.chunks.txt`), ["reasoning"]).filter(
      (one, at, all) =>
        !(one === "response.mcp_call.in_progress mcp_call" && all.indexOf(one) < at),
    );
    expect(orderOf(eventsOf(answered))).toEqual(theirs);
  });

  it("order calls one after the other as ours does", async () => {
    const scene = new ResponseScene({ turns: [["read"], ["read"], "Done."] });
    const ours = orderOf(eventsOf(await scene.respond({ input: "Go." })));
    expect(ours).toEqual(orderOf(recorded(`${MCP}.1.chunks.txt`), ["reasoning"]));
  });
});

describe("a response's stream", () => {
  it("keeps the rules, with parallel calls in model order", async () => {
    const scene = new ResponseScene({ turns: [["read", "read", "ask", "read"]] });
    const answer = await scene.respond({ input: "Go." });
    expect(responseFaults(eventsOf(answer))).toEqual([]);
    const added = answer.events.filter(({ type }) => type === "response.output_item.added");
    expect(added.map(({ output_index: index }) => index)).toEqual([0, 1, 2, 3, 4]);
  });

  it("is the same when it is read again from what the run said", async () => {
    for (const answer of await approvedScene())
      expect(said(structuredClone(answer.runEvents)).events).toEqual(answer.events);
  });

  it("closes every item when the run breaks off", async () => {
    const { runEvents } = await new ResponseScene({ turns: [["read"], "Done."] }).respond({
      input: "Go.",
    });
    for (let length = 1; length < runEvents.length; length += 1) {
      const broken = said([
        ...runEvents.slice(0, length),
        { type: "failed", error: { code: "upstream_timeout" }, run: "run_1" },
      ]);
      if (broken.refusal !== null) continue;
      expect(responseFaults(eventsOf(broken))).toEqual([]);
      expect(broken.last).toMatchObject({
        type: "response.failed",
        response: { status: "failed" },
      });
    }
  });

  it("begins at once when it goes on without its client", async () => {
    const scene = new ResponseScene({ turns: ["Done."] });
    const { events } = await scene.respond({ input: "Go.", background: true });
    expect(events.slice(0, 3).map(({ type }) => type)).toEqual([
      "response.created",
      "response.queued",
      "response.in_progress",
    ]);
    expect(events[0]?.response?.status).toBe("queued");
  });

  it("cuts what no client needs twice: outputs share a budget", () => {
    const stream = new ItemStream({
      type: "response_begun",
      skeleton: {
        id: "resp_1",
        object: "response",
        status: "in_progress",
        output: [],
        error: null,
      },
      toolsets: [],
      isQueued: false,
    });
    const held: string[] = [];
    for (let n = 0; n < 40; n += 1) {
      const id = `c${n}`;
      stream.take({ type: "gateway_call", id, name: "read", argumentsJson: "{}" });
      const [, done] = stream.take({
        type: "gateway_call_ended",
        id,
        status: "succeeded",
        outputJson: JSON.stringify("x".repeat(300_000)),
        error: null,
      });
      const { item } = { item: {}, ...done };
      held.push(isObject(item) ? String(item["output"]) : "");
    }
    expect(held[0]).toMatch(/^x{262144}… \(37856 more characters\)$/);
    expect(held.join("").length).toBeLessThan(4.1 * 1024 * 1024 + 40 * 40);
    expect(held.at(-1)).toBe("… (300000 more characters)");
  });
});

describe("responseFaults", () => {
  type Change = (events: UnknownObject[]) => UnknownObject[];
  it.each<[string, Change]>([
    ["a gap in the numbers", (events) => events.filter((_, at) => at !== 5)],
    ["an item that is never done", (events) => events.filter((_, at) => at !== events.length - 2)],
    ["two last events", (events) => [...events, ...events.slice(-1)]],
    ["a wrong beginning", (events) => events.slice(1)],
    [
      "an item done otherwise than it ends",
      (events) =>
        events.map((event) =>
          event["type"] === "response.output_item.done" ? { ...event, item: { id: "x" } } : event,
        ),
    ],
    [
      "a text that is not what was written",
      (events) =>
        events.map((event) =>
          event["type"] === "response.output_text.delta" ? { ...event, delta: "?" } : event,
        ),
    ],
  ])("sees %s", async (_, change) => {
    const scene = new ResponseScene({ turns: [["read"], "Done."] });
    const events = [...eventsOf(await scene.respond({ input: "Go." }))];
    expect(responseFaults(events)).toEqual([]);
    expect(responseFaults(change(events))).not.toEqual([]);
  });
});
