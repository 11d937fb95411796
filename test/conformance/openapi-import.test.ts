/** `POST /v1/tools/import` over HTTP: what is stored is called like any other tool. */

import { describe, expect, it } from "vitest";

import { listOf } from "../../dev/http/json.ts";
import { outputOf } from "./field-scene.ts";
import { newTenant, plain, pointersOf, send, servers } from "./scene.ts";

const document = {
  openapi: "3.1.0",
  info: { title: "Echo", version: "1" },
  servers: [{ url: servers.tools }],
  paths: {
    "/echo/{place}": {
      get: {
        operationId: "echoPlace",
        parameters: [
          { name: "place", in: "path", required: true, schema: { type: "string" } },
          { name: "tag", in: "query", schema: { type: "array", items: { type: "string" } } },
        ],
      },
    },
    "/echo": {
      post: { operationId: "upload", requestBody: { required: true, content: { "text/csv": {} } } },
    },
  },
};

describe("POST /v1/tools/import", () => {
  it("200 with the tools it made and the operations it could not; a made tool runs", async () => {
    const tenant = await newTenant({ tools: {} });
    const made = await tenant.call("POST", "/v1/tools/import", { openapi: document });
    expect(made).toMatchObject({
      data: [{ name: "echoPlace", operation: "GET /echo/{place}", effect: "read" }],
      unsupported: [{ operation: "POST /echo" }],
      collisions: [],
    });
    const args = { place: "a b", tag: ["x", "y"] };
    expect(await outputOf(tenant, "echoPlace", args)).toMatchObject({
      method: "GET",
      path: "/echo/a%20b",
      query: { tag: "y" },
    });
  });

  it("200 and nothing stored for a dry run; names that are taken are listed, and replaced when asked", async () => {
    const tenant = await newTenant({ tools: {} });
    const dry = await tenant.call("POST", "/v1/tools/import", { openapi: document, dry_run: true });
    expect(listOf(dry, "data")).toHaveLength(1);
    expect(listOf(await tenant.call("GET", "/v1/tools"), "data")).toEqual([]);
    await tenant.call("POST", "/v1/tools/import", { openapi: document });
    const again = await tenant.call("POST", "/v1/tools/import", { openapi: document });
    expect(again).toMatchObject({ data: [], collisions: [{ name: "echoPlace" }] });
    const replaced = await tenant.call("POST", "/v1/tools/import", {
      openapi: document,
      replace: true,
    });
    expect(replaced).toMatchObject({ data: [{ name: "echoPlace" }], collisions: [] });
    expect(plain(await tenant.call("GET", "/v1/tools/echoPlace"))["version"]).toBe(2);
  });

  it("422 for an address that may not be fetched or brings no document", async () => {
    const { apiKey: key } = await newTenant({ tools: {} });
    for (const openapi of [
      "http://10.0.0.1/openapi.json",
      `${servers.fault}/status/500`,
      `${servers.fault}/garbage`,
      `${servers.fault}/huge?bytes=5000000`,
    ]) {
      const answer = await send("POST", "/v1/tools/import", { key, body: { openapi } });
      expect([answer.status, pointersOf(answer)]).toEqual([422, ["/openapi"]]);
    }
  });
});
