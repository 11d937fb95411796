/** One request to a tool server, with every fault it can have, over real HTTP. */

import { describe, expect, inject, it } from "vitest";

import { sendRequest } from "../../src/upstream/send.ts";
import type { UpstreamRequest } from "../../src/upstream/send.ts";
import { faultCounts, settledCounts } from "../support/fault-stats.ts";

const origin = inject("servers")["fault"] ?? "";
const DEVELOPMENT = { allowLoopback: true, maxBytes: 1_000_000 };

function request(path: string, overrides: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return { method: "GET", url: new URL(path, origin), headers: {}, body: null, ...overrides };
}

function send(
  path: string,
  overrides: Partial<UpstreamRequest> = {},
  signal = new AbortController().signal,
) {
  return sendRequest(request(path, overrides), DEVELOPMENT, signal);
}

async function echoed(path: string, overrides: Partial<UpstreamRequest> = {}) {
  const sent = await send(path, overrides);
  if (!sent.ok) throw new Error(sent.error.kind);
  const echo: unknown = JSON.parse(sent.value.text);
  return echo;
}

describe("sendRequest", () => {
  it("sends method, headers and body as given", async () => {
    const echo = await echoed("/echo?q=1", {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": "k" },
      body: '{"a":1}',
    });
    expect(echo).toMatchObject({
      method: "POST",
      url: "/echo?q=1",
      headers: { "content-type": "application/json", "x-api-key": "k" },
      body: '{"a":1}',
    });
  });

  it("answers with any status, its text and when to come back", async () => {
    const sent = await send("/status/503?retry-after=4");
    expect(sent).toMatchObject({
      ok: true,
      value: { status: 503, contentType: "text/plain", text: "503", retryAfterMs: 4_000 },
    });
    expect(await send("/status/200")).toMatchObject({ ok: true, value: { retryAfterMs: null } });
    expect(await send("/status/204")).toMatchObject({ ok: true, value: { status: 204, text: "" } });
    expect(await send("/status/304")).toMatchObject({ ok: true, value: { status: 304 } });
  });

  it("keeps the media type and drops what is meant for a browser", async () => {
    const sent = await send("/headers");
    if (!sent.ok) throw new Error(sent.error.kind);
    expect(sent.value.contentType).toBe("application/json");
    expect(sent.value.headers["etag"]).toBe('"v1"');
    for (const name of ["set-cookie", "strict-transport-security", "www-authenticate"]) {
      expect(sent.value.headers).not.toHaveProperty(name);
    }
  });

  it.each([
    ["host", "evil.com"],
    ["Content-Length", "3"],
    ["cf-connecting-ip", "1.2.3.4"],
    ["X-Forwarded-For", "1.2.3.4"],
    ["proxy-authorization", "x"],
    ["bad name", "x"],
    ["x-a", "line\r\nbreak"],
    ["x-a", "é"],
    ["x-a", "x".repeat(8193)],
  ])("refuses the header %s before anything is sent", async (name, value) => {
    const id = `header-${name}-${value.length}`;
    const sent = await send(`/echo?id=${encodeURIComponent(id)}`, { headers: { [name]: value } });
    expect(sent).toMatchObject({ ok: false, error: { kind: "request_refused", sent: false } });
    expect((await faultCounts(origin, id)).requests).toBe(0);
  });

  it("refuses the 65th header and an unknown method", async () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`x-${n}`, "v"]));
    expect(await send("/echo", { headers: many(64) })).toMatchObject({ ok: true });
    expect(await send("/echo", { headers: many(65) })).toMatchObject({
      error: { kind: "request_refused" },
    });
    expect(await send("/echo", { method: "TRACE" })).toMatchObject({
      error: { kind: "request_refused" },
    });
  });

  it("refuses an address the guard refuses, unsent", async () => {
    const sent = await sendRequest(
      request("/echo"),
      { allowLoopback: false, maxBytes: 10 },
      new AbortController().signal,
    );
    expect(sent).toMatchObject({ ok: false, error: { kind: "egress_refused", sent: false } });
  });

  it.each(["/reset", "/cut"])("says unreachable, sent, for %s", async (path) => {
    expect(await send(path)).toEqual({ ok: false, error: { kind: "unreachable", sent: true } });
  });

  it("says unreachable when nothing listens", async () => {
    const sent = await send("http://127.0.0.1:1/");
    expect(sent).toEqual({ ok: false, error: { kind: "unreachable", sent: true } });
  });

  it("reads a body at the cap and refuses one byte more", async () => {
    expect(await send("/huge?bytes=1000000")).toMatchObject({
      ok: true,
      value: { text: "x".repeat(1_000_000) },
    });
    expect(await send("/huge?bytes=1000001")).toEqual({
      ok: false,
      error: { kind: "too_large", maxBytes: 1_000_000, sent: true },
    });
  });

  it("counts decoded bytes, so a gzip bomb stops at the cap", async () => {
    expect(await send("/gzip-bomb")).toMatchObject({ ok: false, error: { kind: "too_large" } });
  });

  it("reads one content coding and refuses two, or an unknown one", async () => {
    expect(await send("/coded?as=gzip")).toMatchObject({ ok: true, value: { text: "coded" } });
    expect(await send("/coded?as=gzip,%20gzip")).toMatchObject({
      error: { kind: "invalid_response", status: 200 },
    });
    expect(await send("/coded?as=zstd")).toMatchObject({ error: { kind: "invalid_response" } });
  });

  it("refuses bytes that are not UTF-8", async () => {
    expect(await send("/invalid-utf8")).toMatchObject({
      error: { kind: "invalid_response", sent: true },
    });
  });

  it("says cancelled and closes the connection when the signal aborts, before or after the headers", async () => {
    for (const path of ["/hang", "/stall"]) {
      const id = `cancel-${path}`;
      const controller = new AbortController();
      const sending = send(`${path}?id=${encodeURIComponent(id)}`, {}, controller.signal);
      while ((await faultCounts(origin, id)).open === 0);
      controller.abort();
      expect(await sending).toEqual({ ok: false, error: { kind: "cancelled", sent: true } });
      expect(await settledCounts(origin, id)).toMatchObject({ open: 0, aborted: 1 });
    }
  });

  it("sends nothing when the signal has aborted already", async () => {
    expect(await send("/echo?id=never", {}, AbortSignal.abort())).toEqual({
      ok: false,
      error: { kind: "cancelled", sent: false },
    });
    expect((await faultCounts(origin, "never")).requests).toBe(0);
  });
});

describe("sendRequest on a redirect", () => {
  function to(target: string, code: number): string {
    return `/redirect?code=${code}&to=${encodeURIComponent(target)}`;
  }
  const posted = {
    method: "POST",
    headers: { "content-type": "text/plain", "x-k": "1" },
    body: "body",
  };

  it.each([301, 302, 303, 307, 308])("follows %i of a GET within the origin", async (code) => {
    expect(await echoed(to("/echo?n=1", code))).toMatchObject({ method: "GET", url: "/echo?n=1" });
  });

  it.each([301, 302, 303])("turns a POST into a GET without body on %i", async (code) => {
    const echo = await echoed(to("/echo", code), posted);
    expect(echo).toMatchObject({ method: "GET", body: "", headers: { "x-k": "1" } });
    expect(echo).not.toHaveProperty("headers.content-type");
  });

  it.each([307, 308])("repeats a POST on %i", async (code) => {
    expect(await echoed(to("/echo", code), posted)).toMatchObject({ method: "POST", body: "body" });
  });

  it("turns a DELETE into a GET on 303 only", async () => {
    expect(await echoed(to("/echo", 303), { method: "DELETE" })).toMatchObject({ method: "GET" });
    expect(await send(to("/echo", 302), { method: "DELETE" })).toMatchObject({
      error: {
        kind: "redirect_refused",
        reason: "The redirect would change what is asked for.",
        sent: true,
      },
    });
  });

  it.each([
    ["another port", "http://127.0.0.1:1/echo", "The redirect leaves the origin."],
    ["another name of this machine", "http://localhost:1/", "The redirect leaves the origin."],
    ["a private address", "http://169.254.169.254/latest", "Only https is allowed."],
    ["a file", "file:///etc/passwd", "The URL is not an absolute https URL."],
    ["no valid place", "http://[", "The redirect names no valid place."],
  ])("refuses %s", async (_, target, reason) => {
    for (const code of [301, 302, 303, 307, 308]) {
      expect(await send(to(target, code))).toMatchObject({
        error: { kind: "redirect_refused", reason, status: code },
      });
    }
  });

  it("refuses one without a location", async () => {
    expect(await send("/redirect?code=302")).toMatchObject({ error: { kind: "redirect_refused" } });
  });

  it("follows three hops and refuses the fourth", async () => {
    const hops = (count: number): string => (count === 0 ? "/echo" : to(hops(count - 1), 302));
    expect(await send(hops(3))).toMatchObject({ ok: true });
    expect(await send(hops(4))).toMatchObject({
      error: { kind: "redirect_refused", reason: "There are too many redirects." },
    });
  });
});
