import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { isObject, listOf, objectOf, type UnknownObject } from "../../dev/http/json.ts";
import { startToolServer, type ToolServer } from "../../dev/tool-server.ts";

let server: ToolServer;

beforeAll(async () => {
  server = await startToolServer();
});
afterAll(() => server.close());
beforeEach(async () => {
  await call("DELETE", "/_stats");
});

async function call(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; value: UnknownObject }> {
  const response = await fetch(server.url + path, {
    method,
    redirect: "manual",
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const value: unknown = await response.json();
  return { status: response.status, value: isObject(value) ? value : {} };
}

async function until(isTrue: () => boolean): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!isTrue() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(isTrue()).toBe(true);
}

describe("sample tools", () => {
  it("search ranks the text about the query first and finds nothing for nonsense", async () => {
    const found = await call("GET", "/search?q=token%20bucket%20limits");
    expect(listOf(found.value, "results")[0]).toMatchObject({
      title: "Rate limiting with token buckets",
    });
    expect((await call("GET", "/search?q=qqzzxx")).value["results"]).toEqual([]);
    expect((await call("GET", "/search")).status).toBe(400);
  });

  it("weather, events and restaurants answer the same question the same way", async () => {
    for (const path of [
      "/weather/S%C3%A3o%20Paulo?days=3",
      "/events?city=Oslo&from=2026-12-30",
      "/restaurants?city=Oslo",
    ]) {
      expect(await call("GET", path)).toEqual(await call("GET", path));
    }
    const weather = await call("GET", "/weather/S%C3%A3o%20Paulo?days=3");
    expect(weather.value).toMatchObject({ city: "São Paulo" });
    expect(listOf(weather.value, "forecast")).toHaveLength(3);
    const french = await call("GET", "/restaurants?city=Paris&cuisine=french");
    expect(listOf(french.value, "restaurants")).toHaveLength(4);
    expect((await call("GET", "/events?city=Oslo&from=soon")).status).toBe(400);
  });

  it("currency converts and refuses an unknown code", async () => {
    const done = await call("GET", "/currency?from=eur&to=USD&amount=100");
    expect(done.value).toMatchObject({ from: "EUR", to: "USD", result: 108 });
    expect((await call("GET", "/currency?from=EUR&to=XXX")).status).toBe(404);
  });

  it.each([
    ["2 + 3 * 4", 14],
    ["-2^2", -4],
    ["2^3^2", 512],
    ["(1.5 + max(2, 3, pi)) % 2", (1.5 + Math.PI) % 2],
    ["10 / 4 - -1", 3.5],
  ])("calculate %s", async (expression, value) => {
    expect((await call("POST", "/calculate", { expression })).value).toEqual({ expression, value });
  });

  it.each(["2 +", "process.exit()", "1/0", "(".repeat(100), ")", "2 2", ""])(
    "calculate refuses %j",
    async (expression) => {
      expect((await call("POST", "/calculate", { expression })).status).toBe(400);
    },
  );

  it("analyze-code parses TypeScript and counts decisions", async () => {
    const source = [
      'import { a } from "./a.ts";',
      "export function pick(x: number, y?: string): string {",
      "  if (x > 1 && y) return y;",
      '  for (const one of [1]) if (one) return "z";',
      '  return x ? "a" : "b";',
      "}",
      "const short = (n: number) => n;",
      "class K { method() { switch (a) { case 1: return; default: return; } } }",
    ].join("\n");
    const { value } = await call("POST", "/analyze-code", { source, language: "typescript" });
    expect(value).toMatchObject({ imports: ["./a.ts"], complexity: 7, lines: 8 });
    expect(value["functions"]).toMatchObject([
      { name: "pick", complexity: 6, parameters: 2, lines: 5 },
      { name: "short", complexity: 1, parameters: 1 },
      { name: "method", complexity: 2 },
    ]);
    expect(value["longest_function"]).toMatchObject({ name: "pick" });
    expect((await call("POST", "/analyze-code", { source: "let =" })).status).toBe(400);
  });

  it("the ledger keeps every entry in order, twice when sent twice", async () => {
    await call("DELETE", "/ledger");
    await call("POST", "/ledger", { entry: "x" });
    await call("POST", "/ledger?fault=500", { entry: "x" });
    const { value } = await call("GET", "/ledger");
    expect(value["entries"]).toMatchObject([
      { n: 1, entry: "x" },
      { n: 2, entry: "x" },
    ]);
  });

  it("echo shows what reached the tool", async () => {
    const echoed = await call("POST", "/echo/a%2Fb?q=1", { deep: [1] });
    expect(echoed.value).toMatchObject({
      path: "/echo/a%2Fb",
      query: { q: "1" },
      body: { deep: [1] },
    });
  });
});

describe("latency and faults", () => {
  it("sleeps as long as asked and answers with its number", async () => {
    const started = performance.now();
    expect((await call("GET", "/sleep/60?n=7")).value).toEqual({ ms: 60, n: "7" });
    expect(performance.now() - started).toBeGreaterThanOrEqual(58);
  });

  it.each(["500", "503", "429"])("fault %s answers with that status", async (fault) => {
    const response = await fetch(`${server.url}/weather/Rome?fault=${fault}`);
    expect(response.status).toBe(Number(fault));
    expect(response.headers.get("retry-after")).toBe(fault === "429" ? "1" : null);
    await response.text();
  });

  it.each(["reset", "cut"])(
    "fault %s breaks the connection and is not counted as a client that left",
    async (fault) => {
      await expect(
        fetch(`${server.url}/weather/Rome?fault=${fault}`).then((response) => response.text()),
      ).rejects.toThrow(/fetch failed|terminated/);
      await until(() => server.stats().open === 0);
      expect(server.stats().aborted).toBe(0);
    },
  );

  it("fault garbage is not JSON, redirect points into the metadata range", async () => {
    await expect(call("GET", "/weather/Rome?fault=garbage")).rejects.toThrow(/JSON/);
    const redirect = await fetch(`${server.url}/weather/Rome?fault=redirect`, {
      redirect: "manual",
    });
    expect(redirect.headers.get("location")).toContain("169.254.169.254");
  });

  it("a shared fault hits its share of requests, evenly, until it is switched off", async () => {
    await call("PUT", "/_control", { fault: "500", rate: 0.25 });
    const statuses: number[] = [];
    for (let index = 0; index < 8; index += 1)
      statuses.push((await call("GET", "/weather/Rome")).status);
    await call("PUT", "/_control", { fault: null, rate: 1 });
    expect(statuses).toEqual([200, 200, 200, 500, 200, 200, 200, 500]);
    expect((await call("GET", "/weather/Rome")).status).toBe(200);
  });
});

describe("GET /_stats", () => {
  it("counts the peak in flight, also above 200 connections, per path and key", async () => {
    const leaving = new AbortController();
    const answers = Array.from({ length: 240 }, (_, index) => {
      const path = `/weather/Rome?fault=hang&k=${index % 2 === 0 ? "even" : "odd"}`;
      return fetch(server.url + path, { signal: leaving.signal }).catch(() => null);
    });
    await until(() => server.stats().open === 240);
    leaving.abort();
    await Promise.all(answers);
    await until(() => server.stats().open === 0);
    const stats = server.stats();
    expect(stats).toMatchObject({ peak: 240, completed: 0, aborted: 240 });
    expect(stats.paths["/weather"]?.peak).toBe(240);
    expect(stats.keys["even"]?.peak).toBe(120);
    expect(stats.busy_ms).toBeGreaterThan(0);
  });

  it("sees a client that leaves at once, with the time", async () => {
    const leaving = new AbortController();
    const answer = fetch(`${server.url}/weather/Rome?fault=hang&k=left`, {
      signal: leaving.signal,
    });
    await until(() => server.stats().open === 1);
    const leftAt = performance.timeOrigin + performance.now();
    leaving.abort();
    await expect(answer).rejects.toThrow(/aborted/);
    await until(() => server.stats().open === 0);
    const { aborts, keys } = server.stats();
    expect(aborts).toHaveLength(1);
    expect(aborts[0]?.at).toBeGreaterThanOrEqual(leftAt - 5);
    expect(aborts[0]?.at).toBeLessThan(leftAt + 2_000);
    expect(keys["left"]).toMatchObject({ aborted: 1, completed: 0 });
  });

  it("starts again after DELETE but keeps counting what is still open", async () => {
    const answer = fetch(`${server.url}/sleep/150`).then((response) => response.text());
    await until(() => server.stats().open === 1);
    const { value } = await call("DELETE", "/_stats");
    expect(value).toMatchObject({ open: 1, peak: 1, completed: 0 });
    await answer;
    await until(() => server.stats().open === 0);
    expect(server.stats()).toMatchObject({ open: 0, completed: 1 });
    expect(objectOf({ ...server.stats().paths }, "/sleep")).toMatchObject({ completed: 1 });
  });
});
