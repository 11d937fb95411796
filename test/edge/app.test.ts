import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";

import { ROUTE_TABLE } from "../../src/contract/route-table.ts";
import { createApp, type AppOptions } from "../../src/edge/app.ts";
import openApi from "../../src/edge/openapi.generated.json" with { type: "json" };
import { call, request } from "../support/http-call.ts";
import { newTestTenant } from "../support/tenants.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

/** One request to an app of its own, and the lines it logged. */
async function ask(asked: Request, options: AppOptions = {}, bindings: Env = env) {
  const lines: string[] = [];
  const ctx = createExecutionContext();
  const app = createApp({ write: (line) => lines.push(line), ...options });
  const response = await app.fetch(asked, bindings, ctx);
  const body = await response.text();
  await waitOnExecutionContext(ctx);
  return { response, body, lines };
}

describe("every answer", () => {
  it("carries a request id: the client's when it is well formed, else a new one", async () => {
    const kept = await call("GET /healthz", { headers: { "x-request-id": "order-66_a" } });
    expect(kept.headers.get("x-request-id")).toBe("order-66_a");
    for (const id of ["", "with space", "x".repeat(65), "a\tb"]) {
      const made = await call("GET /healthz", { headers: { "x-request-id": id } });
      expect(made.headers.get("x-request-id")).toMatch(/^req_[0-9A-Za-z]{22}$/);
    }
  });

  it("carries its language, its own time, and no permission to be kept or sniffed", async () => {
    const { headers } = await call("GET /healthz");
    expect(headers.get("content-language")).toBe("en");
    expect(headers.get("server-timing")).toMatch(/^gw;dur=\d+$/);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("access-control-allow-origin")).toBe(null);
  });
});

describe("unknown routes", () => {
  it("404 as a problem for a path nobody serves", async () => {
    const response = await call("GET /v1/nothing");
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      code: "not_found",
      instance: response.headers.get("x-request-id"),
    });
  });

  it("404 in OpenAI's envelope for a route of OpenAI's that is not served", async () => {
    const response = await call("POST /v1/files", { body: {} });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { code: "not_found" } });
  });

  it("405 with the allowed methods", async () => {
    const response = await call("PUT /v1/runs");
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET, HEAD, POST");
    const options = await call("OPTIONS /v1/tools/a");
    expect(options.status).toBe(405);
    expect(options.headers.get("allow")).toBe("DELETE, GET, HEAD, PUT");
  });
});

describe("a bug", () => {
  it("500 without a word of it, and its place in the log", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    const { response, body, lines } = await ask(request("GET /readyz"), {
      probe: () => Promise.reject(new TypeError("CANARY")),
    });
    expect(response.status).toBe(500);
    expect(JSON.parse(body)).toMatchObject({ code: "internal", status: 500 });
    expect(JSON.parse(lines.join(""))).toMatchObject({
      level: "error",
      code: "internal",
      route: "/readyz",
      status: 500,
    });
    expect(log.mock.calls.join("")).toContain('"fault":"TypeError"');
    expect(body + lines.join("") + log.mock.calls.join("")).not.toContain("CANARY");
  });
});

describe("the log", () => {
  it("says one line a request, with nothing of the body, the key, the path or the query", async () => {
    const { key, tenant } = await newTestTenant();
    const asked = request("PUT /v1/tools/CANARY-name?lang=CANARY-query", {
      key,
      body: { description: "CANARY-body", input: { type: "object" }, oops: "CANARY-field" },
      headers: {
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "x-secret": "CANARY-header",
      },
    });
    const { response, lines } = await ask(asked);
    expect(response.status).toBe(400);
    expect(lines).toHaveLength(1);
    const line = lines.join("");
    expect(JSON.parse(line)).toMatchObject({
      level: "info",
      request_id: response.headers.get("x-request-id"),
      trace_id: "0af7651916cd43dd8448eb211c80319c",
      route: "/v1/tools/:name",
      method: "PUT",
      status: 400,
      code: "validation_failed",
      region: "us",
      run_id: null,
    });
    expect(line).toMatch(/"tenant":"[0-9a-f]{16}"/);
    for (const secret of ["CANARY", key, key.slice(0, 20), tenant.id]) {
      expect(line).not.toContain(secret);
    }
  });

  it("names no route and no tenant where there is none", async () => {
    const { lines } = await ask(request("GET /CANARY"));
    expect(JSON.parse(lines.join(""))).toMatchObject({ route: "none", tenant: null, status: 404 });
    expect(lines.join("")).not.toContain("CANARY");
  });
});

describe("health", () => {
  it.each(["/healthz", "/health", "/readyz", "/ready", "/startupz", "/startup"])(
    "200 at %s without a key",
    async (path) => {
      expect((await call(`GET ${path}`)).status).toBe(200);
    },
  );

  it("503 at /readyz after three failed probes in a row, 200 again after two good ones", async () => {
    let isHealthy = false;
    let probes = 0;
    const clock = vi.spyOn(Date, "now");
    const app = createApp({
      write: () => {},
      probe: () => {
        probes++;
        return Promise.resolve({ objects: true, kv: isHealthy });
      },
    });
    async function statusAt(ms: number): Promise<number> {
      clock.mockReturnValue(ms);
      const ctx = createExecutionContext();
      const response = await app.fetch(request("GET /readyz"), env, ctx);
      await waitOnExecutionContext(ctx);
      return response.status;
    }
    expect([await statusAt(0), await statusAt(1000), await statusAt(2000)]).toEqual([
      200, 200, 503,
    ]);
    // Asked again within a second it answers what it knows.
    expect(await statusAt(2999)).toBe(503);
    expect(probes).toBe(3);
    isHealthy = true;
    expect([await statusAt(3000), await statusAt(4000)]).toEqual([503, 200]);
    expect(probes).toBe(5);
  });

  it("503 at /startupz without the deployment's secrets", async () => {
    const bare: Env = { ...env, MASTER_KEYS: "" };
    const { response, body } = await ask(request("GET /startupz"), {}, bare);
    expect(response.status).toBe(503);
    expect(JSON.parse(body)).toEqual({ status: "not_started" });
  });
});

describe("the route table", () => {
  it("is exactly what the app serves", () => {
    const served = createApp()
      .routes.filter((route) => route.method !== "ALL")
      .map((route) => `${route.method} ${route.path}`);
    const listed = ROUTE_TABLE.map((route) => `${route.method} ${route.path}`);
    expect([...new Set(served)].toSorted()).toEqual(listed.toSorted());
  });

  it.each(ROUTE_TABLE.filter((route) => route.scopes.length > 0))(
    "401 at $method $path without a key",
    async ({ method, path }) => {
      const response = await call(`${method} ${path.replace(/:\w+/, "x")}`);
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
    },
  );
});

describe("GET /openapi.json", () => {
  it("200 with a document that names every route and can find everything it refers to", async () => {
    const response = await call("GET /openapi.json");
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ openapi: "3.1.0" });
    const operations = Object.entries(openApi.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path.replaceAll(/[{}]/g, "")}`),
    );
    const listed = ROUTE_TABLE.map(({ method, path }) => `${method} ${path.replace(":", "")}`);
    expect(operations.toSorted()).toEqual(listed.toSorted());
    for (const [, name] of text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)) {
      expect(Object.keys(openApi.components.schemas)).toContain(name);
    }
    expect(text.match(/"\$ref":"(?!#\/components\/schemas\/)/)).toBe(null);
  });

  it("304 to a client that has it", async () => {
    const tag = (await call("GET /openapi.json")).headers.get("etag") ?? "";
    expect(tag).toMatch(/^"[\w-]{22}"$/);
    for (const header of [tag, `W/${tag}`, `"other", ${tag}`, "*"]) {
      const again = await call("GET /openapi.json", { headers: { "if-none-match": header } });
      expect(again.status).toBe(304);
      expect(again.headers.get("etag")).toBe(tag);
    }
    const other = await call("GET /openapi.json", { headers: { "if-none-match": '"other"' } });
    expect(other.status).toBe(200);
  });
});

describe("GET /docs", () => {
  it("200 with a page of its own: no script, nothing from elsewhere", async () => {
    const response = await call("GET /docs");
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    const html = await response.text();
    expect(html).toContain("/v1/chat/completions");
    expect(html).toContain("Scope: <code>run</code>");
    expect(html).toContain('href="#RunRequest"');
    expect(html).not.toMatch(/<script|https?:\/\/[^&"]*\.(js|css)/);
  });
});

describe("GET /.well-known/security.txt", () => {
  it("200 with a contact and a date of expiry within a year", async () => {
    const text = await (await call("GET /.well-known/security.txt")).text();
    expect(text).toMatch(/^Contact: mailto:\S+@\S+$/m);
    const expires = Date.parse(/^Expires: (.+)$/m.exec(text)?.[1] ?? "");
    expect(expires).toBeGreaterThan(Date.now() + 86_400_000);
    expect(expires).toBeLessThan(Date.now() + 365 * 86_400_000);
  });
});
