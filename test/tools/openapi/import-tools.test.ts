import { describe, expect, it } from "vitest";

import { OpenApiImport } from "../../../src/contract/openapi-import.ts";
import type { JsonObject } from "../../../src/platform/canonical-json.ts";
import { importTools, MAX_IMPORTED } from "../../../src/tools/openapi/import-tools.ts";
import { MAX_OPERATIONS } from "../../../src/tools/openapi/read-document.ts";

const OPEN = { allowLoopback: false };

function document(paths: JsonObject, more: JsonObject = {}): JsonObject {
  const servers = [
    { url: "https://{env}.example.com/v1/", variables: { env: { default: "api" } } },
  ];
  return { openapi: "3.0.3", info: { title: "t", version: "1" }, servers, paths, ...more };
}

function imported(root: JsonObject, wanted: object = {}, baseUrl: string | null = null) {
  return importTools(root, OpenApiImport.parse({ openapi: root, ...wanted }), baseUrl, OPEN);
}

function only(root: JsonObject, wanted: object = {}) {
  const made = imported(root, wanted);
  if (!made.ok) throw new Error(JSON.stringify(made.error));
  return { tool: made.value.tools[0], unsupported: made.value.unsupported };
}

const text = { type: "string" };

describe("importTools", () => {
  it("maps path, query and header parameters, the body's members and the answer", () => {
    const root = document(
      {
        "/pets/{petId}": {
          parameters: [{ name: "petId", in: "path", required: true, schema: text }],
          patch: {
            operationId: "updatePet",
            summary: "Changes a pet",
            parameters: [
              { name: "dry", in: "query", schema: { type: "boolean" }, description: "Only look" },
              { name: "X-Team", in: "header", required: true, schema: text },
              { name: "filter[x]", in: "query", schema: text },
            ],
            requestBody: {
              required: true,
              content: { "application/json": { schema: { $ref: "#/components/schemas/Pet" } } },
            },
            responses: {
              "200": {
                content: { "application/json": { schema: { $ref: "#/components/schemas/Pet" } } },
              },
            },
          },
        },
      },
      {
        components: {
          schemas: {
            Pet: {
              type: "object",
              required: ["name"],
              properties: {
                name: text,
                petId: text,
                age: { type: "integer", nullable: true, minimum: 0, exclusiveMinimum: true },
                friend: { $ref: "#/components/schemas/Pet" },
              },
            },
          },
        },
      },
    );
    const { tool, unsupported } = only(root);
    expect(unsupported).toEqual([]);
    expect(tool).toMatchObject({
      name: "updatePet",
      operation: "PATCH /pets/{petId}",
      definition: {
        description: "Changes a pet",
        effect: "write",
        http: {
          method: "PATCH",
          url: "https://api.example.com/v1/pets/{petId}",
          query: { dry: "{dry}", "filter[x]": "{filter_x_}" },
          headers: { "X-Team": "{X-Team}" },
          body: { name: "{name}", petId: "{petId_body}", age: "{age}", friend: "{friend}" },
        },
        input: {
          required: ["petId", "X-Team", "name"],
          properties: {
            dry: { type: "boolean", description: "Only look" },
            age: { type: ["integer", "null"], exclusiveMinimum: 0 },
            friend: { $ref: "#/$defs/Pet" },
          },
        },
        output: { $ref: "#/$defs/Pet" },
      },
    });
  });

  it("takes effects from methods and names from method and path where there is no id", () => {
    const paths = {
      "/a/{id}": Object.fromEntries(
        ["get", "put", "delete", "post", "head"].map((method) => [
          method,
          { parameters: [{ name: "id", in: "path", required: true, schema: text }] },
        ]),
      ),
    };
    const made = imported(document(paths));
    const effects = made.ok
      ? made.value.tools.map(({ name, definition }) => [name, definition.effect])
      : [];
    expect(effects).toEqual([
      ["get_a_id", "read"],
      ["put_a_id", "idempotent_write"],
      ["post_a_id", "write"],
      ["delete_a_id", "idempotent_write"],
    ]);
    expect(made.ok && made.value.unsupported).toEqual([
      {
        operation: "HEAD /a/{id}",
        pointer: "/paths/~1a~1{id}/head",
        message: "The method HEAD is not supported.",
      },
    ]);
  });

  it("puts the tenant's secrets where the security schemes want them", () => {
    const schemes = {
      Key: { type: "apiKey", in: "query", name: "key" },
      Token: { type: "http", scheme: "bearer" },
      Cookie: { type: "apiKey", in: "cookie", name: "c" },
    };
    const root = document(
      {
        "/both": { get: { security: [{ Cookie: [] }, { Key: [], Token: [] }] } },
        "/none": { get: { security: [] } },
        "/cookie": { get: { security: [{ Cookie: [] }] } },
      },
      { components: { securitySchemes: schemes }, security: [{ Token: [] }] },
    );
    const made = imported(root, { secrets: { Token: "mine" } });
    expect(made).toMatchObject({
      ok: true,
      value: {
        tools: [
          {
            definition: {
              http: {
                query: { key: "{{secret.key}}" },
                headers: { authorization: "Bearer {{secret.mine}}" },
              },
            },
          },
          { definition: { http: { query: {}, headers: {} } } },
        ],
        unsupported: [{ operation: "GET /cookie" }],
      },
    });
  });

  it("drops nothing in silence", () => {
    const get = (more: JsonObject) => ({ get: more });
    const root = document(
      {
        "/remote": get({ parameters: [{ $ref: "https://elsewhere.example/p.json" }] }),
        "/round": get({ parameters: [{ $ref: "#/components/parameters/A" }] }),
        "/lost": get({ parameters: [{ $ref: "#/components/parameters/None" }] }),
        "/cookie": get({ parameters: [{ name: "c", in: "cookie", required: true, schema: text }] }),
        "/form": {
          post: { requestBody: { required: true, content: { "multipart/form-data": {} } } },
        },
        "/list": {
          post: {
            requestBody: {
              required: true,
              content: { "application/json": { schema: { type: "array" } } },
            },
          },
        },
        "/twice1": get({ operationId: "twice" }),
        "/twice2": get({ operationId: "twice" }),
        "/noted": get({ parameters: [{ name: "o", in: "query", schema: { type: "object" } }] }),
      },
      {
        components: {
          parameters: {
            A: { $ref: "#/components/parameters/B" },
            B: { $ref: "#/components/parameters/A" },
          },
        },
      },
    );
    const made = imported(root);
    const left = made.ok ? made.value.unsupported : [];
    expect(left.map(({ operation }) => operation)).toEqual([
      "GET /remote",
      "GET /round",
      "GET /lost",
      "GET /cookie",
      "POST /form",
      "POST /list",
      "GET /twice1",
      "GET /twice2",
    ]);
    expect(left[0]?.message).toContain("#/");
    expect(left[1]?.message).toContain("back to itself");
    expect(made.ok && made.value.tools).toMatchObject([
      { name: "get_noted", notes: [expect.stringContaining('"o" is left out')] },
    ]);
  });

  it("selects by id, by method and path, and by tag", () => {
    const root = document({
      "/a": { get: { operationId: "a", tags: ["x"] } },
      "/b": { get: { operationId: "b", tags: ["y"] } },
      "/c": { get: { tags: ["x"] } },
    });
    const names = (select: object) => {
      const made = imported(root, { select, prefix: "p." });
      return made.ok ? made.value.tools.map(({ name }) => name) : [];
    };
    expect(names({ operations: ["b", "GET /c"] })).toEqual(["p.b", "p.get_c"]);
    expect(names({ tags: ["x"] })).toEqual(["p.a", "p.get_c"]);
    expect(names({ tags: ["x"], operations: ["a"] })).toEqual(["p.a"]);
  });

  it("names what is no document, what is too much, and a server that may not be asked", () => {
    const wrong = (root: JsonObject, wanted = {}) => {
      const made = imported(root, wanted);
      return made.ok ? "fine" : made.error[0]?.pointer;
    };
    expect(wrong({ swagger: "2.0", paths: {} })).toBe("/openapi/openapi");
    expect(wrong({ openapi: "3.1.0" })).toBe("/openapi/paths");
    expect(wrong(document({}), { server: "http://10.0.0.1" })).toBe("/server");
    expect(wrong(document({}, { servers: [{ url: "/v1" }] }))).toBe("/openapi/servers/0/url");
    const many = (count: number) =>
      document(
        Object.fromEntries(
          Array.from({ length: count }, (_, n) => [`/p${String(n)}`, { get: {} }]),
        ),
      );
    expect(wrong(many(MAX_IMPORTED))).toBe("fine");
    expect(wrong(many(MAX_IMPORTED + 1))).toBe("/select");
    expect(wrong(many(MAX_OPERATIONS), { select: { operations: ["GET /p1"] } })).toBe("fine");
    expect(wrong(many(MAX_OPERATIONS + 1), { select: { operations: ["GET /p1"] } })).toBe(
      "/openapi/paths",
    );
    expect(
      imported(
        document({ "/a": { get: {} } }, { servers: [{ url: "/v2" }] }),
        {},
        "https://docs.example.com/api.json",
      ),
    ).toMatchObject({
      ok: true,
      value: { tools: [{ definition: { http: { url: "https://docs.example.com/v2/a" } } }] },
    });
  });

  it("follows a chain of references as long as a schema may be, and names one that is longer", () => {
    const chained = (length: number) => {
      const schemas = Object.fromEntries(
        Array.from({ length }, (_, n) => {
          const next = { $ref: `#/components/schemas/s${(n + 1) % length}` };
          return [`s${n}`, { type: "object", properties: { x: next } }];
        }),
      );
      const schema = { $ref: "#/components/schemas/s0" };
      const get = { parameters: [{ name: "q", in: "header", schema }] };
      return document({ "/a": { get } }, { components: { schemas } });
    };
    expect(only(chained(600)).tool).toBeDefined();
    expect(only(chained(5_000)).unsupported).toMatchObject([
      { operation: "GET /a", message: expect.stringContaining("parts") },
    ]);
  });
});
