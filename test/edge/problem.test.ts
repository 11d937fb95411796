import { describe, expect, it } from "vitest";

import type { ErrorCode, GatewayError } from "../../src/contract/error.ts";
import { ENGLISH, errorDetail } from "../../src/edge/error-texts.ts";
import { isOpenAIPath, openAIErrorResponse } from "../../src/edge/openai-error.ts";
import { problemResponse, STATUS } from "../../src/edge/problem.ts";

/** One error of every code, and the status it must have. */
const EVERY: { readonly [C in ErrorCode]: readonly [number, Extract<GatewayError, { code: C }>] } =
  {
    invalid_json: [400, { code: "invalid_json", detail: "The body is not valid JSON." }],
    body_too_large: [413, { code: "body_too_large", maxBytes: 7 }],
    unsupported_media_type: [415, { code: "unsupported_media_type" }],
    validation_failed: [
      400,
      {
        code: "validation_failed",
        violations: [{ pointer: "/a/0", message: "Must be an object." }],
      },
    ],
    unprocessable: [
      422,
      { code: "unprocessable", violations: [{ pointer: "/b~1c/d", message: "No such tool." }] },
    ],
    unauthenticated: [401, { code: "unauthenticated" }],
    insufficient_scope: [403, { code: "insufficient_scope", scope: "run" }],
    not_found: [404, { code: "not_found" }],
    method_not_allowed: [405, { code: "method_not_allowed", allow: ["GET", "PUT"] }],
    model_not_found: [404, { code: "model_not_found", model: "m" }],
    idempotency_key_reused: [409, { code: "idempotency_key_reused" }],
    run_interrupted: [409, { code: "run_interrupted", run: "run_1" }],
    previous_response_not_found: [400, { code: "previous_response_not_found", id: "resp_1" }],
    approval_refused: [409, { code: "approval_refused", reason: "already used" }],
    turn_expired: [409, { code: "turn_expired" }],
    conflict: [409, { code: "conflict", detail: "At most 32 upstreams." }],
    gone: [410, { code: "gone" }],
    origin_refused: [403, { code: "origin_refused" }],
    precondition_failed: [412, { code: "precondition_failed" }],
    quota_exceeded: [429, { code: "quota_exceeded", limit: "tenant:60", retryAfterMs: 801 }],
    concurrency_exceeded: [429, { code: "concurrency_exceeded", limit: "t", retryAfterMs: 1000 }],
    too_many_unknown_keys: [429, { code: "too_many_unknown_keys", retryAfterMs: 60_000 }],
    cancelled: [499, { code: "cancelled" }],
    deadline_exceeded: [504, { code: "deadline_exceeded" }],
    upstream_unreachable: [502, { code: "upstream_unreachable" }],
    upstream_timeout: [504, { code: "upstream_timeout" }],
    upstream_invalid_response: [502, { code: "upstream_invalid_response" }],
    upstream_rejected: [
      502,
      { code: "upstream_rejected", upstreamStatus: 503, upstreamCode: null, retryAfterMs: null },
    ],
    upstream_credentials_exhausted: [
      503,
      { code: "upstream_credentials_exhausted", upstream: "openai", retryAfterMs: 4000 },
    ],
    circuit_open: [503, { code: "circuit_open", upstream: "openai", retryAfterMs: 4000 }],
    upstream_rate_limited: [
      429,
      { code: "upstream_rate_limited", upstream: "openai", retryAfterMs: 4000 },
    ],
    upstream_overloaded: [
      503,
      { code: "upstream_overloaded", upstream: "openai", retryAfterMs: 1000 },
    ],
    egress_refused: [502, { code: "egress_refused", detail: "private address" }],
    secret_unavailable: [502, { code: "secret_unavailable", secret: "weather" }],
    unavailable: [503, { code: "unavailable", retryAfterMs: 1 }],
    internal: [500, { code: "internal" }],
  };

const CODES = Object.values(EVERY);

describe("problemResponse", () => {
  it.each(CODES)("%i as RFC 9457 for %j", async (status, error) => {
    const response = problemResponse(error, "req_1");
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    const body = await response.json();
    expect(body).toMatchObject({
      type: `https://toolformer-edge.dev/errors/${error.code.replaceAll("_", "-")}`,
      title: ENGLISH[error.code].title,
      status,
      code: error.code,
      instance: "req_1",
    });
    // Every placeholder was filled from the error, and nothing else got in.
    expect(errorDetail(error, ENGLISH)).not.toMatch(/[{}]|undefined|null/);
  });

  it("names the upstream where it is known, and says of an answer that broke off that it did", () => {
    const upstream = "openai";
    const detail = (error: GatewayError) => errorDetail(error, ENGLISH);
    expect(detail({ code: "upstream_timeout" })).toBe("The upstream did not answer in time.");
    expect(detail({ code: "upstream_timeout", upstream })).toContain("upstream openai did not");
    expect(detail({ code: "upstream_unreachable", upstream })).toContain("upstream openai could");
    expect(detail({ code: "upstream_invalid_response", upstream })).toContain("understood");
    expect(detail({ code: "upstream_invalid_response", upstream, isUnfinished: true })).toBe(
      "The answer of the upstream openai broke off before it was complete.",
    );
  });

  it("carries the violations", async () => {
    const body = await problemResponse(EVERY.unprocessable[1], "req_1").json();
    expect(body).toMatchObject({ violations: EVERY.unprocessable[1].violations });
  });

  it("says when to come back: milliseconds in the body, whole seconds rounded up in the header", async () => {
    const response = problemResponse(EVERY.quota_exceeded[1], "req_1");
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toMatchObject({ retry_after_ms: 801 });
    const unknown = problemResponse(EVERY.upstream_rejected[1], "req_1");
    expect(unknown.headers.get("retry-after")).toBe(null);
    expect(await unknown.json()).not.toHaveProperty("retry_after_ms");
  });

  it("names the allowed methods and the scheme of authentication", () => {
    expect(problemResponse(EVERY.method_not_allowed[1], "").headers.get("allow")).toBe("GET, PUT");
    expect(problemResponse(EVERY.unauthenticated[1], "").headers.get("www-authenticate")).toBe(
      "Bearer",
    );
  });
});

describe("openAIErrorResponse", () => {
  it.each(CODES)("%i in OpenAI's envelope for %j", async (status, error) => {
    const response = openAIErrorResponse(error);
    expect(response.status).toBe(status);
    const body = await response.json<{ error: Record<string, unknown> }>();
    expect(Object.keys(body)).toEqual(["error"]);
    expect(Object.keys(body.error)).toEqual(["message", "type", "param", "code"]);
    expect(body.error["message"]).not.toBe("");
  });

  it("uses OpenAI's own words where clients branch on them", async () => {
    const codeAndType = async (error: GatewayError) => {
      const { error: body } = await openAIErrorResponse(error).json<{
        error: { code: string; type: string };
      }>();
      return [body.code, body.type];
    };
    expect(await codeAndType(EVERY.unauthenticated[1])).toEqual([
      "invalid_api_key",
      "authentication_error",
    ]);
    expect(await codeAndType(EVERY.quota_exceeded[1])).toEqual([
      "rate_limit_exceeded",
      "rate_limit_error",
    ]);
    expect(await codeAndType(EVERY.concurrency_exceeded[1])).toEqual([
      "rate_limit_exceeded",
      "rate_limit_error",
    ]);
    expect(await codeAndType(EVERY.insufficient_scope[1])).toEqual([
      "insufficient_scope",
      "permission_error",
    ]);
    expect(await codeAndType(EVERY.model_not_found[1])).toEqual([
      "model_not_found",
      "invalid_request_error",
    ]);
    expect(await codeAndType(EVERY.internal[1])).toEqual(["internal", "server_error"]);
  });

  it("names the first wrong place as OpenAI does", async () => {
    const violations = [{ pointer: "/messages/0/tool~1calls", message: "Must be an array." }];
    expect(await openAIErrorResponse({ code: "validation_failed", violations }).json()).toEqual({
      error: {
        message: "messages[0].tool/calls: Must be an array.",
        type: "invalid_request_error",
        param: "messages[0].tool/calls",
        code: "validation_failed",
      },
    });
    const whole = [{ pointer: "", message: "Must be an object." }];
    expect(
      await openAIErrorResponse({ code: "validation_failed", violations: whole }).json(),
    ).toMatchObject({ error: { message: "Must be an object.", param: null } });
  });

  it.each([
    [400, 400],
    [404, 404],
    [413, 413],
    [422, 422],
    [429, 429],
    [500, 502],
    [529, 502],
  ])("an upstream's %i becomes %i, with its code", async (upstreamStatus, status) => {
    const response = rejectedWith(upstreamStatus);
    expect(response.status).toBe(status);
    expect(response.headers.get("retry-after")).toBe(upstreamStatus === 429 ? "2" : null);
    expect(await response.json()).toMatchObject({ error: { code: "context_length_exceeded" } });
  });

  it.each([401, 403])(
    "an upstream's %i becomes 502 without its code: it is not about the client's key",
    async (upstreamStatus) => {
      const response = rejectedWith(upstreamStatus);
      expect(response.status).toBe(502);
      expect(await response.json()).toMatchObject({ error: { code: "upstream_rejected" } });
    },
  );

  function rejectedWith(upstreamStatus: number): Response {
    return openAIErrorResponse({
      code: "upstream_rejected",
      upstreamStatus,
      upstreamCode: "context_length_exceeded",
      retryAfterMs: upstreamStatus === 429 ? 1500 : null,
    });
  }

  it("tells OpenAI's clients not to repeat what must not be repeated", () => {
    const retried = (code: ErrorCode) =>
      openAIErrorResponse(EVERY[code][1]).headers.get("x-should-retry");
    expect(retried("idempotency_key_reused")).toBe("false");
    expect(retried("turn_expired")).toBe("false");
    expect(retried("quota_exceeded")).toBe(null);
    expect(retried("upstream_unreachable")).toBe(null);
  });
});

describe("isOpenAIPath", () => {
  it("knows OpenAI's paths, served or not, from the gateway's own", () => {
    for (const path of ["/v1/chat/completions", "/v1/models/gpt", "/v1/embeddings", "/v1/chat"]) {
      expect(isOpenAIPath(path)).toBe(true);
    }
    for (const path of ["/v1/runs", "/v1/tools/models", "/v2/models", "/models", "/v1", "/"]) {
      expect(isOpenAIPath(path)).toBe(false);
    }
  });
});

describe("STATUS", () => {
  it("has an error status for every code", () => {
    for (const status of Object.values(STATUS)) expect(status).toBeGreaterThanOrEqual(400);
    expect(Object.keys(STATUS).toSorted()).toEqual(Object.keys(EVERY).toSorted());
  });
});
