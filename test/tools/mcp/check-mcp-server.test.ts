import { describe, expect, it } from "vitest";

import { McpServer } from "../../../src/contract/mcp.ts";
import { checkMcpServer } from "../../../src/tools/mcp/check-mcp-server.ts";

function pointers(server: object, allowLoopback = false): readonly string[] {
  const parsed = McpServer.parse({ url: "https://mcp.example.com/mcp", ...server });
  return checkMcpServer(parsed, { allowLoopback }).map(({ pointer }) => pointer);
}

describe("checkMcpServer", () => {
  it("has nothing against a public https address with a sealed credential", () => {
    expect(pointers({ headers: { authorization: "Bearer {{secret.a}}", "x-team": "a" } })).toEqual(
      [],
    );
  });

  it("names an address that may not be fetched, or has a fragment", () => {
    expect(pointers({ url: "http://127.0.0.1:9/mcp" })).toEqual(["/url"]);
    expect(pointers({ url: "http://127.0.0.1:9/mcp" }, true)).toEqual([]);
    expect(pointers({ url: "https://mcp.example.com/mcp#a" })).toEqual(["/url"]);
  });

  it("names headers that are the protocol's, malformed, doubled or too many", () => {
    expect(pointers({ headers: { "Mcp-Session-Id": "a" } })).toEqual(["/headers/Mcp-Session-Id"]);
    expect(pointers({ headers: { accept: "a" } })).toEqual(["/headers/accept"]);
    expect(pointers({ headers: { "a b": "a" } })).toEqual(["/headers/a b"]);
    expect(pointers({ headers: { a: "{{secret.A}}" } })).toEqual(["/headers/a"]);
    expect(pointers({ headers: { a: "1", A: "2" } })).toEqual(["/headers/A"]);
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`x-${String(n)}`, "a"]));
    expect(pointers({ headers: many(16) })).toEqual([]);
    expect(pointers({ headers: many(17) })).toEqual(["/headers"]);
  });

  it("keeps results of pure and read tools only", () => {
    const cache = { ttl_s: 5 };
    expect(pointers({ tools: { "a/b": { cache }, c: { cache, effect: "read" } } })).toEqual([
      "/tools/a~1b/cache",
    ]);
  });
});
