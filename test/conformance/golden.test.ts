/** The suite of golden streams that `npm run conformance` runs against any gateway, against ours. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Target } from "../../scripts/conformance/check.ts";
import {
  startGoldenUpstream,
  type GoldenUpstream,
} from "../../scripts/conformance/golden-upstream.ts";
import { provisionOwn } from "../../scripts/conformance/own-gateway.ts";
import { CHECKS, runSuite } from "../../scripts/conformance/run-suite.ts";
import { startToolServer, type ToolServer } from "../../dev/tool-server.ts";
import { gateway } from "./scene.ts";

let upstream: GoldenUpstream;
let tools: ToolServer;
let target: Target;

beforeAll(async () => {
  [upstream, tools] = await Promise.all([startGoldenUpstream(), startToolServer()]);
  target = await provisionOwn(gateway, { upstream: upstream.url, tools: tools.url });
});
afterAll(() => Promise.all([upstream.close(), tools.close()]));

const AREAS = [...new Set(CHECKS.map(({ area }) => area))];

describe("golden streams", () => {
  it.each(AREAS)("%s: the gateway keeps every claim", async (area) => {
    const checks = CHECKS.filter((check) => check.area === area);
    const lines = await runSuite({ target, upstream, tools }, checks);
    expect(lines.filter(({ outcome }) => outcome.kind !== "ok")).toEqual([]);
  });
});
