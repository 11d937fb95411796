import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { inject } from "vitest";
import { describe, expect, it } from "vitest";

import { cancelRun, startChat, startRun, type RunCaller } from "../../src/assembly/start-run.ts";
import type { ChatEvent, ChatRequest } from "../../src/contract/chat.ts";
import type { RunRequest } from "../../src/contract/run.ts";
import { collect, httpTool, modelUpstream, newCaller } from "../support/run-fixture.ts";

const NEVER = new AbortController().signal;
const KEY = { idempotencyKey: "order-1" };

const LEDGER = () =>
  httpTool(
    "write_entry",
    "/ledger",
    { entry: { type: "string" } },
    { effect: "write", http: { method: "POST", url: `${inject("servers")["tools"]}/ledger` } },
  );

async function entriesOf(entry: string): Promise<number> {
  const response = await fetch(`${inject("servers")["tools"]}/ledger`);
  return (await response.text()).split(JSON.stringify(entry)).length - 1;
}

function writing(entry: string): RunRequest {
  return {
    calls: [{ tool: "write_entry", arguments: { entry } }],
    mode: "parallel",
    stream: false,
  };
}

function journalOf(caller: RunCaller, runId: string) {
  return env.RUN_JOURNAL.getByName(`${caller.snapshot.tenantId}/run/${runId}`);
}

async function keyed(caller: RunCaller, request: RunRequest, signal: AbortSignal = NEVER) {
  const run = await startRun(env, caller, request, KEY, signal);
  if (!run.ok) throw new Error(run.error.code);
  return run.value;
}

function chat(text: string): ChatRequest {
  return { model: "scripted-1", messages: [{ role: "user", content: text }] };
}

const CHAT_OPTIONS = { tools: "all", idempotencyKey: "chat-1", isDebug: false } as const;

describe("a run under an idempotency key", () => {
  it("runs once and answers the same to everybody who comes back", async () => {
    const caller = await newCaller({ tools: [LEDGER()] });
    const first = await collect((await keyed(caller, writing("once"))).events);
    const again = await collect((await keyed(caller, writing("once"))).events);
    expect(again).toEqual(first);
    expect(await entriesOf("once")).toBe(1);
  });

  it("keeps its answer when the object is evicted", async () => {
    const caller = await newCaller({ tools: [LEDGER()] });
    const run = await keyed(caller, writing("evicted"));
    const first = await collect(run.events);
    await evictDurableObject(journalOf(caller, run.id));
    expect(await collect((await keyed(caller, writing("evicted"))).events)).toEqual(first);
    expect(await entriesOf("evicted")).toBe(1);
  });

  it("goes on when its client leaves, and lets the next one follow from the beginning", async () => {
    const tools = [httpTool("sleep", "/sleep/{ms}?k=survivor", { ms: { type: "integer" } })];
    const caller = await newCaller({ tools });
    const request: RunRequest = {
      calls: [{ tool: "sleep", arguments: { ms: 400 } }],
      mode: "parallel",
      stream: true,
    };
    const leave = new AbortController();
    const run = await keyed(caller, request, leave.signal);
    const events = run.events[Symbol.asyncIterator]();
    await events.next();
    leave.abort();
    await events.return?.();
    const joined = await collect((await keyed(caller, request)).events);
    expect(joined.at(0)).toMatchObject({ type: "run.created" });
    expect(joined.at(-1)).toMatchObject({ report: { status: "completed" } });
  });

  it("refuses the key with another body", async () => {
    const caller = await newCaller({ tools: [LEDGER()] });
    await collect((await keyed(caller, writing("body-a"))).events);
    const other = await startRun(env, caller, writing("body-b"), KEY, NEVER);
    expect(other).toEqual({ ok: false, error: { code: "idempotency_key_reused" } });
  });

  it("is another run under another API key", async () => {
    const caller = await newCaller({ tools: [LEDGER()] });
    const run = await keyed(caller, writing("two-keys"));
    await collect(run.events);
    const sibling = { ...caller, key: { ...caller.key, keyId: "key_other" } };
    const other = await keyed(sibling, writing("two-keys"));
    await collect(other.events);
    expect(other.id).not.toBe(run.id);
  });

  it("says that it was interrupted when the object was lost and its order cannot be read any more", async () => {
    const caller = await newCaller({ tools: [LEDGER()] });
    const run = await keyed(caller, writing("interrupted"));
    await collect(run.events);
    const journal = journalOf(caller, run.id);
    await runInDurableObject(journal, (_, state) => {
      state.storage.sql.exec("UPDATE run SET ended = 0");
      state.storage.sql.exec("UPDATE sealed_text SET sealed = 'lost' WHERE name = 'order'");
    });
    await evictDurableObject(journal);
    const again = await startRun(env, caller, writing("interrupted"), KEY, NEVER);
    expect(again).toEqual({ ok: false, error: { code: "run_interrupted", run: run.id } });
    expect(await entriesOf("interrupted")).toBe(1);
  });

  it("does not answer from rows that were changed", async () => {
    const caller = await newCaller({ tools: [LEDGER()] });
    const run = await keyed(caller, writing("tampered"));
    await collect(run.events);
    const journal = journalOf(caller, run.id);
    await runInDurableObject(journal, (_, state) => {
      state.storage.sql.exec("UPDATE record SET seq = seq + 1000");
    });
    const again = await startRun(env, caller, writing("tampered"), KEY, NEVER);
    expect(again).toMatchObject({ ok: false, error: { code: "run_interrupted" } });
  });

  it("may be tried again when nothing had been started", async () => {
    const dead = modelUpstream("http://127.0.0.1:1/v1");
    const caller = await newCaller({ upstreams: [dead] });
    const refused = await startChat(env, caller, chat("hello"), CHAT_OPTIONS, NEVER);
    if (!refused.ok) throw new Error(refused.error.code);
    expect(await collect(refused.value.events)).toMatchObject([{ type: "failed" }]);

    const alive = modelUpstream(`${inject("servers")["model"]}/v1`);
    const mended = { ...caller, snapshot: { ...caller.snapshot, upstreams: [alive] } };
    const answered = await startChat(env, mended, chat("hello"), CHAT_OPTIONS, NEVER);
    if (!answered.ok) throw new Error(answered.error.code);
    expect((await collect(answered.value.events)).at(-1)).toMatchObject({ type: "finished" });
  });

  it("may be tried again when its order could not be kept", async () => {
    const caller = await newCaller({ tools: [LEDGER()] });
    const { dataKey } = caller.snapshot;
    const broken = { ...caller.snapshot, dataKey: { ...dataKey, ct: dataKey.iv } };
    const lost = await keyed({ ...caller, snapshot: broken }, writing("unkept"));
    await expect(collect(lost.events)).rejects.toThrow("the run was lost");
    const again = await collect((await keyed(caller, writing("unkept"))).events);
    expect(again.at(-1)).toMatchObject({ report: { status: "completed" } });
    expect(await entriesOf("unkept")).toBe(1);
  });

  it("can be cancelled by its id", async () => {
    const tools = [httpTool("sleep", "/sleep/{ms}?k=keyed-cancel", { ms: { type: "integer" } })];
    const caller = await newCaller({ tools });
    const run = await keyed(caller, {
      calls: [{ tool: "sleep", arguments: { ms: 20_000 } }],
      mode: "parallel",
      stream: true,
    });
    const events = collect(run.events);
    await scheduler.wait(100);
    expect(await cancelRun(env, caller, run.id, null)).toEqual({ ok: true, value: null });
    expect((await events).at(-1)).toMatchObject({ report: { status: "cancelled" } });
  });

  it("is forgotten when its retention is over", async () => {
    const caller = await newCaller({ tools: [LEDGER()] });
    const run = await keyed(caller, writing("forgotten"));
    await collect(run.events);
    const journal = journalOf(caller, run.id);
    expect(await runDurableObjectAlarm(journal)).toBe(true);
    await collect((await keyed(caller, writing("forgotten"))).events);
    expect(await entriesOf("forgotten")).toBe(1);
    await runInDurableObject(journal, (_, state) => {
      state.storage.sql.exec("UPDATE execution SET ended_at_ms = ended_at_ms - 86400000");
    });
    expect(await runDurableObjectAlarm(journal)).toBe(true);
    await collect((await keyed(caller, writing("forgotten"))).events);
    expect(await entriesOf("forgotten")).toBe(2);
  });

  it("throws to its reader when the stored answer lacks its end, never looks like an end", async () => {
    const caller = await newCaller();
    const cut: Env = {
      ...env,
      RUN_JOURNAL: Object.assign(Object.create(env.RUN_JOURNAL), {
        getByName: () => ({ fetch: async () => new Response('{"type":"started"}\n') }),
      }),
    };
    const run = await startChat(cut, caller, chat("hi"), CHAT_OPTIONS, NEVER);
    if (!run.ok) throw new Error(run.error.code);
    await expect(collect(run.value.events)).rejects.toThrow("the run was lost");
    await run.value.ended;
  });

  it("tells an event when it happens, not when the next one does", async () => {
    const tools = [httpTool("sleep", "/sleep/{ms}?k=keyed-live", { ms: { type: "integer" } })];
    const caller = await newCaller({ tools });
    const run = await keyed(caller, {
      calls: [{ tool: "sleep", arguments: { ms: 20_000 } }],
      mode: "parallel",
      stream: true,
    });
    const types: string[] = [];
    for await (const event of run.events) {
      types.push(event.type);
      if (event.type === "call.started") await cancelRun(env, caller, run.id, null);
    }
    expect(types).toEqual([
      "run.created",
      "call.queued",
      "call.started",
      "call.cancelled",
      "run.completed",
    ]);
  });

  it("replays a chat event by event", async () => {
    const caller = await newCaller();
    const ask = async (): Promise<readonly ChatEvent[]> => {
      const run = await startChat(env, caller, chat("Say something."), CHAT_OPTIONS, NEVER);
      if (!run.ok) throw new Error(run.error.code);
      const events = await collect(run.value.events);
      await run.value.ended;
      return events;
    };
    const first = await ask();
    expect(first.at(-1)).toMatchObject({ type: "finished" });
    expect(await ask()).toEqual(first);
  });
});
