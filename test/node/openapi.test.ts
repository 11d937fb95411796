import { spawnSync } from "node:child_process";

import { describe, expect, it } from "vitest";

describe("src/edge/openapi.generated.json", () => {
  it("is what the route table and the schemas make of it", () => {
    const checked = spawnSync(process.execPath, ["scripts/openapi.ts", "--check"], {
      encoding: "utf8",
    });
    expect(checked.stderr).toBe("");
    expect(checked.status).toBe(0);
  });
});
