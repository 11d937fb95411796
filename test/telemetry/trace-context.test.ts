import { describe, expect, it } from "vitest";

import { traceContext } from "../../src/telemetry/trace-context.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

describe("traceContext", () => {
  it("takes over a well-formed header", () => {
    const header = `00-${TRACE}-${SPAN}-01`;
    expect(traceContext(header)).toEqual({ traceId: TRACE, traceparent: header });
  });

  it("takes over what it knows of a later version", () => {
    const { traceparent } = traceContext(`42-${TRACE}-${SPAN}-01-more`);
    expect(traceparent).toBe(`00-${TRACE}-${SPAN}-01`);
  });

  it.each([
    null,
    "",
    "nonsense",
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `42-${TRACE}-${SPAN}-01-${"x".repeat(600)}`,
  ])("starts a new trace for %j", (header) => {
    const { traceId, traceparent } = traceContext(header);
    expect(traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    expect(traceparent).toContain(traceId);
    expect(traceId).not.toBe(TRACE);
  });
});
