/** Every field of a tool definition changes behaviour; test/node/field-inventory.test.ts keeps this list complete. */

import { expect, it } from "vitest";

import { listOf, objectOf, type UnknownObject } from "../../dev/http/json.ts";
import {
  callsOf,
  callTool,
  chat,
  echoTool,
  outputOf,
  run,
  saidBy,
  seenByProvider,
  startsWhileWriting,
  waitTool,
} from "./field-scene.ts";
import {
  newTenant,
  plain,
  pointersOf,
  servers,
  toolRequests,
  unique,
  type TestTenant,
} from "./scene.ts";

/** A tenant with these tools, shown as they are, whose model provider echoes what it is asked. */
function tenantWith(tools: Readonly<Record<string, UnknownObject>>): Promise<TestTenant> {
  const policy = { runs: { references: "off" } };
  return newTenant({ modelBaseUrl: `${servers.fault}/v1`, tools, policy });
}

/** What the model is told of its first tool. */
async function toldOf(tenant: TestTenant): Promise<UnknownObject> {
  const { body } = await seenByProvider(tenant);
  return objectOf(plain(listOf(body, "tools")[0]), "function");
}

it("tool/description: is what the model is told", async () => {
  for (const description of ["Reads the tides", "Reads the stars"]) {
    const tenant = await tenantWith({ look: echoTool({}, { description }) });
    expect(await toldOf(tenant)).toMatchObject({ name: "look", description });
  }
});

it("tool/input: is what the model is told and what arguments are held against", async () => {
  for (const [type, status] of [
    ["string", 200],
    ["integer", 422],
  ] as const) {
    const input = { type: "object", properties: { q: { type } } };
    const tenant = await tenantWith({ look: echoTool({}, { input }) });
    expect(await toldOf(tenant)).toMatchObject({ parameters: input });
    const answer = await run(tenant, callsOf("look", 1));
    expect(answer.status).toBe(status);
    expect(pointersOf(answer)).toEqual(status === 422 ? ["/calls/0/arguments/q"] : []);
  }
});

it("tool/output: fails a call whose result breaks it", async () => {
  const output = (method: string) => ({
    type: "object",
    properties: { method: { const: method } },
    required: ["method"],
  });
  const tenant = await tenantWith({
    any: echoTool(),
    right: echoTool({}, { output: output("GET") }),
    wrong: echoTool({}, { output: output("POST") }),
  });
  for (const name of ["any", "right"])
    expect(await callTool(tenant, name)).toMatchObject({ status: "succeeded" });
  expect(await callTool(tenant, "wrong")).toMatchObject({
    status: "failed",
    error: { code: "result_invalid" },
  });
});

it("tool/effect: says what a lost answer means, and whether results may be kept", async () => {
  const late = { timeout_ms: 300 };
  const { effect: _effect, ...unsaid } = waitTool(20_000, unique("k"), late);
  const tenant = await tenantWith({
    read: waitTool(20_000, unique("k"), late),
    write: waitTool(20_000, unique("k"), { ...late, effect: "write" }),
    unsaid,
  });
  expect(await callTool(tenant, "read")).toMatchObject({ status: "timeout" });
  expect(await callTool(tenant, "write")).toMatchObject({ status: "outcome_unknown" });
  expect(await callTool(tenant, "unsaid")).toMatchObject({ status: "outcome_unknown" });
  const cached = (effect: string) => echoTool({}, { effect, cache: { ttl_s: 60 } });
  await tenant.call("PUT", "/v1/tools/kept", cached("pure"));
  await expect(tenant.call("PUT", "/v1/tools/kept", cached("write"))).rejects.toMatchObject({
    status: 422,
  });
});

it("tool/http/method: is how the tool is asked", async () => {
  const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
  const tools = Object.fromEntries(methods.map((method) => [method, echoTool({ method })]));
  const tenant = await tenantWith(tools);
  for (const method of methods) expect(await outputOf(tenant, method)).toMatchObject({ method });
});

it("tool/http/url: is where the tool is, with arguments in its path", async () => {
  const tenant = await tenantWith({
    fixed: echoTool({ url: `${servers.tools}/echo/here` }),
    filled: echoTool({ url: `${servers.tools}/echo/{q}` }),
    elsewhere: echoTool({ url: `${servers.fault}/echo/there` }),
  });
  const args = { q: "a b/c" };
  expect(await outputOf(tenant, "fixed", args)).toMatchObject({ path: "/echo/here" });
  expect(await outputOf(tenant, "filled", args)).toMatchObject({ path: "/echo/a%20b%2Fc" });
  expect(await outputOf(tenant, "elsewhere", args)).toMatchObject({ url: "/echo/there" });
});

it("tool/http/query: puts arguments into the URL, and leaves absent ones out", async () => {
  const tenant = await tenantWith({
    none: echoTool(),
    some: echoTool({ query: { search: "{q}", unit: "m" } }),
  });
  const args = { q: "x&y" };
  expect(await outputOf(tenant, "none", args)).toMatchObject({ query: {} });
  const { query } = await outputOf(tenant, "some", args);
  expect(query).toEqual({ search: "x&y", unit: "m" });
  expect((await outputOf(tenant, "some"))["query"]).toEqual({ unit: "m" });
});

it("tool/http/headers: are sent, with arguments in them", async () => {
  const tenant = await tenantWith({
    none: echoTool(),
    some: echoTool({ headers: { "x-place": "{q}", "x-fixed": "yes" } }),
  });
  const seen = async (tool: string) =>
    objectOf(await outputOf(tenant, tool, { q: "Oslo" }), "headers");
  expect(await seen("some")).toMatchObject({ "x-place": "Oslo", "x-fixed": "yes" });
  const without = await seen("none");
  expect([without["x-place"], without["x-fixed"]]).toEqual([undefined, undefined]);
});

it("tool/http/body: is what is sent: the arguments, a template of them, or none", async () => {
  const post = (body?: unknown) =>
    echoTool(body === undefined ? { method: "POST" } : { method: "POST", body });
  const tenant = await tenantWith({
    unsaid: post(),
    json: post("json"),
    template: post({ deep: [{ place: "{q}" }], fixed: 1 }),
    none: post(null),
  });
  const bodyOf = async (tool: string) => (await outputOf(tenant, tool, { q: "Oslo" }))["body"];
  expect(await bodyOf("unsaid")).toEqual({ q: "Oslo" });
  expect(await bodyOf("json")).toEqual({ q: "Oslo" });
  expect(await bodyOf("template")).toEqual({ deep: [{ place: "Oslo" }], fixed: 1 });
  expect(await bodyOf("none")).toBe("");
});

it("tool/builtin: is answered by the gateway itself", async () => {
  const text = { type: "string" };
  const builtin = (name: string) => ({
    description: "Built in",
    input: { type: "object", properties: { expression: text, time_zone: text } },
    effect: "pure",
    builtin: name,
  });
  const tenant = await tenantWith({
    sum: builtin("calculator"),
    clock: builtin("current_time"),
  });
  const args = { expression: "6 * 7", time_zone: "Asia/Tokyo" };
  expect(await outputOf(tenant, "sum", args)).toEqual({ result: 42 });
  const clock = await outputOf(tenant, "clock", args);
  expect(JSON.stringify(clock)).toContain("Asia/Tokyo");
  expect(clock["result"]).toBeUndefined();
});

it("tool/timeout_ms: ends a call", async () => {
  const tenant = await tenantWith({
    hurried: waitTool(1500, unique("k"), { timeout_ms: 200 }),
    patient: waitTool(1500, unique("k"), { timeout_ms: 20_000 }),
  });
  expect(await callTool(tenant, "hurried")).toMatchObject({
    status: "timeout",
    error: { code: "tool_timeout" },
  });
  expect(await callTool(tenant, "patient")).toMatchObject({ status: "succeeded" });
});

it("tool/max_parallel: is how many of its calls are in flight in a run", async () => {
  const marks = { one: unique("k"), free: unique("k") };
  const tenant = await tenantWith({
    one: waitTool(150, marks.one, { max_parallel: 1 }),
    free: waitTool(400, marks.free),
  });
  const answer = await run(tenant, [...callsOf("free", 4), ...callsOf("one", 4)]);
  expect(answer.json).toMatchObject({ status: "completed" });
  expect((await toolRequests(marks.one)).peak).toBe(1);
  expect((await toolRequests(marks.free)).peak).toBeGreaterThan(1);
});

it("tool/requires_approval: keeps a call from being made before somebody said yes", async () => {
  const mark = unique("k");
  const tenant = await newTenant({
    tools: {
      free: waitTool(1, mark, { requires_approval: false }),
      never: waitTool(1, mark, { requires_approval: "never" }),
      asked: waitTool(1, mark, { requires_approval: true }),
      always: waitTool(1, mark, { requires_approval: "always" }),
    },
  });
  for (const name of ["free", "never"])
    expect(await callTool(tenant, name)).toMatchObject({ status: "succeeded" });
  for (const name of ["asked", "always"])
    expect(await callTool(tenant, name)).toMatchObject({
      status: "approval_required",
      error: { code: "approval_required" },
    });
  const said = saidBy(
    await chat(tenant, [{ calls: [{ name: "asked", arguments: {} }] }, { text: "{{results}}" }]),
  );
  expect(said.text).toContain("approval_required");
  expect((await toolRequests(mark)).started).toBe(2);
});

it("tool/observable: is not called before it is certain that the model wants it", async () => {
  const startsEarly = async (observable: boolean) => {
    const mark = unique("k");
    const tenant = await newTenant({ tools: { step: waitTool(0, mark, { observable }) } });
    return startsWhileWriting({ ...tenant, mark });
  };
  expect([await startsEarly(false), await startsEarly(true)]).toEqual([true, false]);
});

it("tool/max_uses: is how many calls of it one run sends", async () => {
  const marks = { none: unique("k"), two: unique("k") };
  const tenant = await tenantWith({
    none: waitTool(1, marks.none, { max_uses: null }),
    two: waitTool(1, marks.two, { max_uses: 2 }),
  });
  const answer = await run(tenant, [...callsOf("two", 4), ...callsOf("none", 4)]);
  const codes = listOf(answer.json, "results").map((one) => objectOf(plain(one), "error")["code"]);
  const used = "use_limit";
  expect(codes).toEqual([undefined, undefined, used, used, ...Array<undefined>(4).fill(undefined)]);
  expect((await toolRequests(marks.two)).started).toBe(2);
  expect((await toolRequests(marks.none)).started).toBe(4);
});
