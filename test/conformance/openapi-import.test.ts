/** `POST /v1/tools/import` over HTTP: what is stored is called like any other tool. */

import { describe, expect, it } from "vitest";

import { dump } from "js-yaml";

import { listOf } from "../../dev/http/json.ts";
import { listen } from "../../dev/http/listen.ts";
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

  it("200 for the same document as text in YAML or JSON, and for the URL of one in YAML", async () => {
    const yaml = dump(document);
    const served = await listen(0, async ({ response }) => {
      response.writeHead(200, { "content-type": "application/yaml" }).end(yaml);
    });
    try {
      const answers: unknown[] = [];
      const texts = [yaml, JSON.stringify(document, null, 1), `${served.url}/api.yaml`];
      for (const openapi of [document, ...texts]) {
        const tenant = await newTenant({ tools: {} });
        await tenant.call("POST", "/v1/tools/import", { openapi });
        answers.push(plain(await tenant.call("GET", "/v1/tools/echoPlace"))["input"]);
      }
      expect(answers[0]).toMatchObject({ type: "object" });
      expect(new Set(answers.map((input) => JSON.stringify(input))).size).toBe(1);
    } finally {
      await served.close();
    }
  });

  it("422 with the line for a text that is no YAML, and for an alias bomb", async () => {
    const { apiKey: key } = await newTenant({ tools: {} });
    const bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"];
    for (let n = 1; n < 10; n += 1)
      bomb.push(
        `a${n}: &a${n} [${Array(9)
          .fill(`*a${n - 1}`)
          .join(", ")}]`,
      );
    for (const openapi of ["openapi: 3.1.0\n paths: [", bomb.join("\n")]) {
      const answer = await send("POST", "/v1/tools/import", { key, body: { openapi } });
      expect(answer.status).toBe(422);
      expect(pointersOf(answer)).toEqual(["/openapi"]);
    }
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
