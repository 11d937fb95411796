import { describe, expect, it } from "vitest";

import { giveShardName, MAX_FREE_NAMES, takeShardName } from "../../src/assembly/shard-names.ts";

describe("shard names", () => {
  it("are lent to one run at a time, the last one given back first", () => {
    const [a, b] = [takeShardName("none"), takeShardName("none")];
    expect(a).not.toBe(b);
    giveShardName("none", a);
    giveShardName("none", b);
    expect([takeShardName("none"), takeShardName("none")]).toEqual([b, a]);
  });

  it("never cross residencies", () => {
    const name = takeShardName("eu");
    giveShardName("eu", name);
    expect(takeShardName("us")).not.toBe(name);
    expect(takeShardName("eu")).toBe(name);
  });

  it("are kept up to the bound and no further", () => {
    const names = Array.from({ length: MAX_FREE_NAMES + 1 }, (_, n) => `shard_${n}`);
    for (const name of names) giveShardName("fedramp", name);
    expect(takeShardName("fedramp")).toBe(`shard_${MAX_FREE_NAMES - 1}`);
  });
});
