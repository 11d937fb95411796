/** Kept answers of models, with a model that plays given events: what is kept, what never is, and who waits for whom. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";

import { cachedModel } from "../../src/assembly/cached-model.ts";
import type { RunContext } from "../../src/assembly/run-context.ts";
import type { ModelEvent } from "../../src/contract/chat.ts";
import { Upstream } from "../../src/contract/upstream.ts";
import type { JsonObject } from "../../src/platform/canonical-json.ts";
import { fail, ok } from "../../src/platform/result.ts";
import { loadSnapshot } from "../../src/tenancy/snapshot.ts";
import { newTestTenant } from "../support/tenants.ts";
import { storedTool } from "../support/tools.ts";

const NEVER = new AbortController().signal;
const USAGE = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
const SAID: readonly ModelEvent[] = [
  { type: "delta", delta: { content: "Hello" } },
  { type: "finish", reason: "stop" },
  { type: "usage", usage: USAGE },
];
const BODY = { model: "m", temperature: 0, messages: [{ role: "user", content: "Hi" }] };

async function* play(events: readonly ModelEvent[]): AsyncGenerator<ModelEvent> {
  for (const event of events) yield Promise.resolve(event);
}

interface Setup {
  readonly upstream?: object;
  readonly tenant?: Record<string, unknown>;
  readonly said?: readonly ModelEvent[];
}

/** A tenant whose upstream keeps answers, and a model that counts how often it is asked. */
async function scene({
  upstream = { cache: { ttl_s: 60 } },
  tenant = {},
  said = SAID,
}: Setup = {}) {
  const { record } = await newTestTenant(tenant);
  const loaded = await loadSnapshot(env, record, Date.now());
  if (!loaded.ok) throw new Error("no tenant");
  const whole = Upstream.parse({
    kind: "openai",
    models: "*",
    targets: [{ id: "one", base_url: "https://api.example.com/v1" }],
    ...upstream,
  });
  const tools = [
    storedTool("look.up", { effect: "read", http: { method: "GET", url: "https://x.example/" } }),
    storedTool("save", { effect: "write", http: { method: "POST", url: "https://x.example/" } }),
  ];
  const snapshot = {
    ...loaded.value,
    tools,
    upstreams: [{ name: "u", version: 1, upstream: whole }],
  };
  const context: RunContext = { runId: "run_1", snapshot, locale: "en", traceparent: null };
  const state = { asked: 0, work: [] as Promise<unknown>[] };
  const port = cachedModel(
    env,
    context,
    (work) => void state.work.push(work),
    () => {
      state.asked += 1;
      return Promise.resolve(ok(play(said)));
    },
  );
  const ask = async (body: JsonObject = BODY): Promise<readonly ModelEvent[]> => {
    const answer = await port(body, NEVER);
    if (!answer.ok) throw new Error(answer.error.code);
    const events: ModelEvent[] = [];
    for await (const event of answer.value) events.push(event);
    await Promise.all(state.work);
    return events;
  };
  return { state, ask, port };
}

const offer = (name: string) => ({ type: "function", function: { name } });

describe("cachedModel", () => {
  it("tells a kept answer again without its usage, streamed or not, and says what that was", async () => {
    const { state, ask } = await scene();
    expect(await ask()).toEqual(SAID);
    const again = [
      SAID[0],
      SAID[1],
      {
        type: "usage",
        usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
        saved: USAGE,
      },
    ];
    expect(await ask({ ...BODY, stream: true, stream_options: {} })).toEqual(again);
    expect(state.asked).toBe(1);
  });

  it("keeps a resident tenant's answers too", async () => {
    const { state, ask } = await scene({ tenant: { residency: "eu" } });
    await ask();
    await ask();
    expect(state.asked).toBe(1);
  });

  it.each<[string, JsonObject, number]>([
    ["another message", { ...BODY, messages: [] }, 2],
    ["no temperature", { model: "m", messages: [] }, 3],
    ["a temperature", { ...BODY, temperature: 1 }, 3],
    ["several answers", { ...BODY, n: 2 }, 3],
    ["a tool that writes", { ...BODY, tools: [offer("save")] }, 3],
    ["a tool of the client's", { ...BODY, tools: [offer("mine")] }, 3],
    ["tools that are no list", { ...BODY, tools: "all" }, 3],
    ["a tool without a name", { ...BODY, tools: [{}] }, 3],
    ["tools that only read", { ...BODY, tools: [offer("look_up"), offer("result_query")] }, 2],
  ])("asks for %s so often in three questions", async (_, body, asked) => {
    const { state, ask } = await scene();
    await ask();
    await ask(body);
    await ask(body);
    expect(state.asked).toBe(asked);
  });

  it.each<[string, Setup]>([
    ["no upstream wants it", { upstream: { cache: undefined } }],
    ["the policy has no caches", { tenant: { profile: "simple" } }],
    [
      "it broke off",
      { said: [...SAID.slice(0, 1), { type: "failed", error: { code: "internal" } } as const] },
    ],
    ["it never finished", { said: SAID.slice(0, 1) }],
  ])("keeps nothing when %s", async (_, setup) => {
    const { state, ask } = await scene(setup);
    await ask();
    await ask();
    expect(state.asked).toBe(2);
  });

  it("keeps nothing of an answer that was left, and hands a failure on", async () => {
    const { state, ask, port } = await scene();
    const answer = await port(BODY, NEVER);
    if (!answer.ok) throw new Error("no answer");
    const iterator = answer.value[Symbol.asyncIterator]();
    await iterator.next();
    await iterator.return?.();
    await ask();
    expect(state.asked).toBe(2);
    const failing = await scene();
    const broken = cachedModel(
      env,
      { runId: "r", locale: "en", traceparent: null, snapshot: await newSnapshot() },
      (work) => void failing.state.work.push(work),
      () => Promise.resolve(fail({ code: "upstream_unreachable" })),
    );
    expect(await broken(BODY, NEVER)).toEqual({
      ok: false,
      error: { code: "upstream_unreachable" },
    });
  });

  it("asks once for those who ask at the same time", async () => {
    const { state, ask } = await scene();
    const answers = await Promise.all([ask(), ask(), ask()]);
    for (const events of answers) expect(events[0]).toEqual(SAID[0]);
    expect(state.asked).toBe(1);
  });
});

/** A tenant's snapshot with an upstream that keeps answers. */
async function newSnapshot(): Promise<RunContext["snapshot"]> {
  const { record } = await newTestTenant();
  const loaded = await loadSnapshot(env, record, Date.now());
  if (!loaded.ok) throw new Error("no tenant");
  const upstream = Upstream.parse({
    kind: "openai",
    models: "*",
    targets: [{ id: "one", base_url: "https://api.example.com/v1" }],
    cache: { ttl_s: 60 },
  });
  return { ...loaded.value, upstreams: [{ name: "u", version: 1, upstream }] };
}
