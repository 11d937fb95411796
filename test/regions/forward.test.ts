import { describe, expect, it } from "vitest";

import { forward, isRouter, regionOf, type RouterEnv } from "../../src/regions/forward.ts";
import { mintKeyText } from "../../src/tenancy/key-format.ts";

/** A region that answers with its name and what it was sent. */
function region(name: string): Fetcher {
  return {
    fetch: async (input: RequestInfo | URL, init?: RequestInit) => {
      const received = new Request(input, init);
      const body = await received.text();
      return new Response(`${name} ${received.method} ${new URL(received.url).pathname} ${body}`);
    },
    connect: () => {
      throw new Error("not used");
    },
  };
}

const dead: Fetcher = {
  ...region("dead"),
  fetch: () => Promise.reject(new Error("no such Worker")),
};

const regions: RouterEnv = {
  REGION_US: region("us"),
  REGION_EU: region("eu"),
  REGION_APAC: region("apac"),
};

function request(authorization: string | null, cf: Record<string, string> = {}): Request {
  const headers = authorization === null ? {} : { authorization };
  return new Request("https://gateway/v1/runs", { method: "POST", body: "bytes", headers, cf });
}

describe("isRouter", () => {
  it("is true for the router's role only", () => {
    expect(isRouter({ ROLE: "router" })).toBe(true);
    expect(isRouter({ ROLE: "development" })).toBe(false);
  });
});

describe("forward", () => {
  it.each([
    ["us", "us"],
    ["eu", "eu"],
    ["ap", "apac"],
  ] as const)("hands a %s key's request to its region unchanged", async (word, name) => {
    const key = mintKeyText(word, "live");
    const answer = await forward(request(`Bearer ${key}`, { continent: "SA" }), regions);
    expect(await answer.text()).toBe(`${name} POST /v1/runs bytes`);
  });

  it("503 with retry-after when the region is down, and asks no other", async () => {
    const key = mintKeyText("eu", "live");
    const answer = await forward(request(`Bearer ${key}`), { ...regions, REGION_EU: dead });
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("5");
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(await answer.json()).toMatchObject({ code: "unavailable", retry_after_ms: 5000 });
  });
});

describe("regionOf", () => {
  it.each([
    ["EU", "eu"],
    ["AF", "eu"],
    ["AS", "ap"],
    ["OC", "ap"],
    ["NA", "us"],
    ["SA", "us"],
  ])("serves a request without a key from continent %s in %s", (continent, expected) => {
    expect(regionOf(request(null, { continent }))).toBe(expected);
  });

  it("reads the region in a key of either header", () => {
    const headers = { "x-api-key": mintKeyText("eu", "live") };
    expect(regionOf(new Request("https://gateway/v1/messages", { headers }))).toBe("eu");
  });

  it.each([null, "Bearer sk-123", "Basic dGZl"])(
    "falls back to us when neither header %j nor place says more",
    (header) => {
      expect(regionOf(request(header))).toBe("us");
    },
  );
});
