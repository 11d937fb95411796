/** What holds for calls whatever asks for them: identical reads are one, idempotent writes carry their key. */

import { describe, expect, it } from "vitest";

import { objectOf } from "../../dev/http/json.ts";
import { chat, echoTool, resultsOf, run as runCalls, waitTool } from "./field-scene.ts";
import { ledgerEntries, newTenant, plain, servers, toolRequests, unique } from "./scene.ts";

const wait = (ms: number, n = 0) => ({ tool: "wait", arguments: { ms, n } });

describe("identical calls", () => {
  it("of a pure or read tool run once in a run and share the result; writes all run", async () => {
    const tenant = await newTenant();
    const entry = unique("twice");
    const note = { tool: "record_note", arguments: { entry } };
    const answer = await runCalls(tenant, [wait(80), wait(80), wait(80), note, note]);
    expect(answer.json).toMatchObject({ status: "completed", usage: { calls: 5, attempts: 3 } });
    const [one, two, three] = resultsOf(answer).map(({ output }) => output);
    expect([two, three]).toEqual([one, one]);
    expect(await ledgerEntries(entry)).toBe(2);
    expect((await toolRequests(tenant.mark)).started).toBe(3);
  });
});

describe("a read in a later turn of a chat", () => {
  it("is sent again: what it gave before may have changed", async () => {
    const mark = unique("again");
    const tenant = await newTenant({ tools: { step: waitTool(1, mark) } });
    const turn = { calls: [{ name: "step", arguments: { q: "same" } }] };
    expect((await chat(tenant, [turn, turn, { text: "." }])).status).toBe(200);
    expect((await toolRequests(mark)).started).toBe(2);
  });

  it("that failed the same way in two turns is not sent a third time", async () => {
    const mark = unique("broken");
    const tenant = await newTenant({
      tools: {
        step: echoTool(
          { url: `${servers.tools}/sleep/1`, query: { k: mark, fault: "500" } },
          { retry: { max_attempts: 1 } },
        ),
      },
    });
    const turn = { calls: [{ name: "step", arguments: { q: "same" } }] };
    expect((await chat(tenant, [turn, turn, turn, { text: "." }])).status).toBe(200);
    expect((await toolRequests(mark)).started).toBe(2);
  });
});

describe("an idempotent write", () => {
  it("carries an Idempotency-Key of its own; reads and writes carry none", async () => {
    const tenant = await newTenant({
      tools: {
        put: echoTool({ method: "PUT" }, { effect: "idempotent_write" }),
        own: echoTool({ headers: { "Idempotency-Key": "mine" } }, { effect: "idempotent_write" }),
        write: echoTool({ method: "POST" }, { effect: "write" }),
        read: echoTool(),
      },
    });
    const calls = ["put", "put", "own", "write", "read"].map((tool) => ({ tool, arguments: {} }));
    const keys = resultsOf(await runCalls(tenant, calls)).map(
      ({ output }) => objectOf(plain(output), "headers")["idempotency-key"],
    );
    expect(keys).toEqual([
      expect.stringMatching(/^[\w-]{43}$/),
      expect.stringMatching(/^[\w-]{43}$/),
      "mine",
      undefined,
      undefined,
    ]);
    expect(keys[0]).not.toBe(keys[1]);
  });
});
