/** Requests go on while one of several targets is there, and nothing of one target reaches another. */

import { expect, it } from "vitest";

import { listOf, objectOf, textOf } from "../../dev/http/json.ts";
import { startModelServer } from "../../dev/model-server.ts";
import { startToolServer } from "../../dev/tool-server.ts";
import {
  callsOf,
  callTool,
  chat,
  echoTool,
  outputOf,
  resultsOf,
  run,
  saidBy,
} from "./field-scene.ts";
import { newTenant, plain, servers } from "./scene.ts";

const DEAD = "http://127.0.0.1:9";

it("a model answers from its other target when one dies, with no request lost", async () => {
  const dying = await startModelServer();
  const tenant = await newTenant({
    tools: {},
    upstream: {
      targets: [
        { id: "a", base_url: `${dying.url}/v1` },
        { id: "b", base_url: `${servers.model}/v1` },
      ],
    },
  });
  const ask = async (n: number): Promise<string> =>
    saidBy(await chat(tenant, [{ text: `${n}` }])).text;
  for (let n = 0; n < 6; n += 1) expect(await ask(n)).toBe(`${n}`);
  await dying.close();
  for (let n = 6; n < 18; n += 1) expect(await ask(n)).toBe(`${n}`);
});

it("a model's choice is explained by x-gw-debug: who was considered, at what cost, and why", async () => {
  const targets = [
    { id: "dead", base_url: `${DEAD}/v1` },
    { id: "alive", base_url: `${servers.model}/v1` },
  ];
  const tenant = await newTenant({ tools: {}, upstream: { targets, strategy: "priority" } });
  const answer = await chat(tenant, [{ text: "hello" }], {}, { "x-gw-debug": "1" });
  const debug = objectOf(objectOf(answer.json, "x_gw"), "debug");
  expect(debug).toMatchObject({ upstream: "model", target: "alive" });
  const choice = objectOf(debug, "choice");
  expect(choice).toMatchObject({ target: "model@alive", strategy: "priority", reason: "first" });
  const states = listOf(choice, "candidates").map((one) => [
    textOf(plain(one), "id"),
    textOf(plain(one), "state"),
  ]);
  expect(states).toEqual([
    ["model@dead", "tried"],
    ["model@alive", "ready"],
  ]);
});

it("a tool answers from its other place when one dies, and a run of many calls keeps them all", async () => {
  const dying = await startToolServer();
  const targets = [dying.url, servers.tools].map((base, n) => ({
    id: `t${n}`,
    url: `${base}/echo/${n}`,
  }));
  const tenant = await newTenant({ tools: { look: echoTool({ url: undefined, targets }) } });
  const all = (calls: number) => run(tenant, callsOf("look", calls));
  const statuses = async (calls: number) =>
    new Set(resultsOf(await all(calls)).map((result) => textOf(result, "status")));
  expect(await statuses(20)).toEqual(new Set(["succeeded"]));
  await dying.close();
  expect(await statuses(20)).toEqual(new Set(["succeeded"]));
});

it("a secret goes only to the host it is bound to; a place without it is passed over", async () => {
  const host = new URL(servers.tools).host;
  const tenant = await newTenant({ tools: {} });
  await tenant.call("PUT", "/v1/secrets/token", { value: "canary-of-balance", hosts: [host] });
  const headers = { "x-token": "{{secret.token}}" };
  const targets = [
    { id: "unbound", url: `${servers.fault}/echo/elsewhere` },
    { id: "bound", url: `${servers.tools}/echo/here` },
  ];
  const put = (order: object[]) => {
    const http = { url: undefined, headers, targets: order, strategy: "priority" };
    return tenant.call("PUT", "/v1/tools/look", echoTool(http));
  };
  await put(targets);
  expect(await outputOf(tenant, "look")).toMatchObject({ path: "/echo/here" });
  await put(targets.slice(0, 1));
  expect(await callTool(tenant, "look")).toMatchObject({
    status: "failed",
    error: { code: "secret_unavailable" },
    attempts: 0,
  });
});

it("what is kept of a tool's answer does not depend on the place that gave it", async () => {
  const targets = [
    { id: "a", url: `${servers.tools}/echo/same` },
    { id: "b", url: `${servers.tools}/echo/same` },
  ];
  const tool = echoTool(
    { url: undefined, targets, strategy: "weighted" },
    { cache: { ttl_s: 60 } },
  );
  const tenant = await newTenant({ tools: { look: tool } });
  await callTool(tenant, "look", { q: "1" });
  for (let n = 0; n < 8; n += 1)
    expect(await callTool(tenant, "look", { q: "1" })).toMatchObject({ cache: "hit", attempts: 0 });
});

it("arguments that fit no place are refused before anything is sent, wherever it would have gone", async () => {
  const targets = ["a", "b"].map((id) => ({ id, url: `${servers.tools}/echo/${id}/{q}` }));
  const tenant = await newTenant({ tools: { look: echoTool({ url: undefined, targets }) } });
  expect(await callTool(tenant, "look", { q: ".." })).toMatchObject({
    error: { code: "arguments_invalid" },
    attempts: 0,
  });
});
