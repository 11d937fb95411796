/** Every field that decides between several targets, of an upstream or a tool, changes who is asked. */

import { expect, it } from "vitest";

import { listOf, objectOf, textOf, type UnknownObject } from "../../dev/http/json.ts";
import { callTool, chat, echoTool, outputOf, run, resultsOf, saidBy } from "./field-scene.ts";
import { newTenant, pointersOf, send, servers, type TestTenant } from "./scene.ts";

/** Nobody listens there. */
const DEAD = "http://127.0.0.1:9";

/** A tenant whose upstream has these targets. */
function tenantAt(targets: readonly UnknownObject[], strategy: string): Promise<TestTenant> {
  return newTenant({
    modelBaseUrl: `${servers.fault}/v1`,
    tools: {},
    upstream: { targets, strategy },
  });
}

/** Who answered: the fault origin says "pong", the model server what it is told. */
async function answerOf(tenant: TestTenant, body: object = {}): Promise<string> {
  return saidBy(await chat(tenant, [{ text: "model" }], { model: "any", ...body })).text;
}

const MODEL = { id: "model", base_url: `${servers.model}/v1` };
const FAULT = { id: "fault", base_url: `${servers.fault}/v1` };
const BROKEN = { id: "broken", base_url: `${DEAD}/v1` };

/** A tool with these targets, each an echo that names itself. */
function tenantWithTool(targets: readonly UnknownObject[], strategy?: string): Promise<TestTenant> {
  const http = { url: undefined, targets, ...(strategy !== undefined && { strategy }) };
  return newTenant({ tools: { look: echoTool(http) } });
}

function echo(id: string, more: UnknownObject = {}, base = servers.tools): UnknownObject {
  return { id, url: `${base}/echo/${id}`, ...more };
}

/** Ids of the targets that answered so many calls, one after the other. */
async function askedBy(tenant: TestTenant, calls: number): Promise<readonly string[]> {
  const asked: string[] = [];
  for (let n = 0; n < calls; n += 1) {
    const { path } = await outputOf(tenant, "look", { q: String(n) });
    asked.push(String(path).slice("/echo/".length));
  }
  return asked;
}

it("upstream/strategy: decides which of several targets is asked", async () => {
  const first = await tenantAt([MODEL, FAULT], "priority");
  const second = await tenantAt([FAULT, MODEL], "priority");
  for (let n = 0; n < 3; n += 1)
    expect([await answerOf(first), await answerOf(second)]).toEqual(["model", "pong"]);
  const hashed = await tenantAt([MODEL, FAULT], "bounded_hash");
  const users = Array.from({ length: 12 }, (_, n) => `user ${n}`);
  const seen: (readonly [string, string])[] = [];
  for (const user of users)
    seen.push([await answerOf(hashed, { user }), await answerOf(hashed, { user })]);
  expect(seen.every(([once, again]) => once === again)).toBe(true);
  expect(new Set(seen.map(([once]) => once))).toEqual(new Set(["model", "pong"]));
  const odd = { kind: "openai", models: "*", targets: [MODEL], strategy: "coin" };
  const refused = await send("PUT", "/v1/upstreams/odd", { key: hashed.apiKey, body: odd });
  expect([refused.status, pointersOf(refused)]).toEqual([400, ["/strategy"]]);
});

it("upstream/targets[]/weight: is a target's share of the requests", async () => {
  const tenant = await tenantAt(
    [
      { ...MODEL, weight: 1 },
      { ...FAULT, weight: 1000 },
    ],
    "weighted",
  );
  const answers: string[] = [];
  for (let n = 0; n < 12; n += 1) answers.push(await answerOf(tenant));
  expect(answers.filter((text) => text === "pong").length).toBeGreaterThanOrEqual(11);
});

it("upstream/targets[]/failure_domain: after a failure another domain is asked first", async () => {
  const shared = { failure_domain: "cable" };
  const near = { ...FAULT, ...shared };
  const tenant = await tenantAt([{ ...BROKEN, ...shared }, near, MODEL], "priority");
  expect(await answerOf(tenant)).toBe("model");
  const unknown = await tenantAt([BROKEN, FAULT, MODEL], "priority");
  expect(await answerOf(unknown)).toBe("pong");
});

it("upstream/targets[]/region: after a failure another region is asked first", async () => {
  const here = { region: "us" };
  const near = { ...FAULT, ...here };
  const tenant = await tenantAt(
    [{ ...BROKEN, ...here }, near, { ...MODEL, region: "eu" }],
    "priority",
  );
  expect(await answerOf(tenant)).toBe("model");
  const unknown = await tenantAt([BROKEN, FAULT, MODEL], "priority");
  expect(await answerOf(unknown)).toBe("pong");
});

it("tool/http/targets[]/url: is where one of several places is, with arguments in its path", async () => {
  const tenant = await tenantWithTool([echo("first", { url: `${servers.tools}/echo/{q}` })]);
  expect(await outputOf(tenant, "look", { q: "a b" })).toMatchObject({ path: "/echo/a%20b" });
  const put = (http: UnknownObject) =>
    send("PUT", "/v1/tools/odd", { key: tenant.apiKey, body: echoTool(http) });
  const both = await put({ targets: [echo("a")] });
  expect([both.status, pointersOf(both)]).toEqual([422, ["/http"]]);
  const bad = await put({ url: undefined, targets: [echo("a"), echo("b", { url: "ftp://x" })] });
  expect([bad.status, pointersOf(bad)]).toEqual([422, ["/http/targets/1/url"]]);
  const seventeen = Array.from({ length: 17 }, (_, n) => echo(`t${n}`));
  expect((await put({ url: undefined, targets: seventeen })).status).toBe(400);
  expect((await put({ url: undefined, targets: seventeen.slice(1) })).status).toBe(201);
});

it("tool/http/targets[]/id: is named by x-gw-debug, and different for each", async () => {
  const tenant = await tenantWithTool([echo("one"), echo("two")], "priority");
  const answer = await run(tenant, [{ tool: "look" }], {}, { "x-gw-debug": "1" });
  const choice = objectOf(resultsOf(answer)[0] ?? {}, "choice");
  expect(choice).toMatchObject({ target: "tool:look@one", strategy: "priority", reason: "first" });
  const ids = listOf(choice, "candidates").map((one) => textOf(Object(one), "id"));
  expect(ids).toEqual(["tool:look@one", "tool:look@two"]);
  expect(await callTool(tenant, "look")).not.toHaveProperty("choice");
  const body = echoTool({ url: undefined, targets: [echo("one"), echo("one")] });
  const refused = await send("PUT", "/v1/tools/odd", { key: tenant.apiKey, body });
  expect([refused.status, pointersOf(refused)]).toEqual([400, ["/http/targets"]]);
});

it("tool/http/strategy: decides which of several places is asked", async () => {
  const first = await tenantWithTool([echo("a"), echo("b")], "priority");
  expect(await askedBy(first, 3)).toEqual(["a", "a", "a"]);
  const second = await tenantWithTool([echo("b"), echo("a")], "priority");
  expect(await askedBy(second, 3)).toEqual(["b", "b", "b"]);
  const spread = await tenantWithTool([echo("a"), echo("b")], "weighted");
  expect(new Set(await askedBy(spread, 20))).toEqual(new Set(["a", "b"]));
});

it("tool/http/targets[]/weight: is a place's share of the calls", async () => {
  const tenant = await tenantWithTool([echo("a"), echo("b", { weight: 1000 })], "weighted");
  const asked = await askedBy(tenant, 12);
  expect(asked.filter((id) => id === "b").length).toBeGreaterThanOrEqual(11);
});

it("tool/http/targets[]/failure_domain: after a failure another domain is asked first", async () => {
  const shared = { failure_domain: "cable" };
  const near = [echo("dead", shared, DEAD), echo("b", shared), echo("c")];
  expect(await askedBy(await tenantWithTool(near, "priority"), 1)).toEqual(["c"]);
  const unknown = [echo("dead", {}, DEAD), echo("b"), echo("c")];
  expect(await askedBy(await tenantWithTool(unknown, "priority"), 1)).toEqual(["b"]);
});

it("tool/http/targets[]/region: after a failure another region is asked first", async () => {
  const here = { region: "us" };
  const near = [echo("dead", here, DEAD), echo("b", here), echo("c", { region: "eu" })];
  expect(await askedBy(await tenantWithTool(near, "priority"), 1)).toEqual(["c"]);
  const unknown = [echo("dead", {}, DEAD), echo("b"), echo("c")];
  expect(await askedBy(await tenantWithTool(unknown, "priority"), 1)).toEqual(["b"]);
});
