import { describe, expect, it } from "vitest";

import { CallNumbers, numberedTools } from "../../../src/orchestration/journal/number-calls.ts";
import { OFFERED } from "../../support/chat-scene.ts";
import { toolBox } from "../../support/chat-tool-box.ts";
import { plannedCall } from "../../support/fake-lanes.ts";
import { testDigest } from "../../support/memory-journal.ts";

function numbers(run = "run_1"): CallNumbers {
  return new CallNumbers(run, testDigest);
}

const write = (id: string, args = {}) => plannedCall(id, { effect: "write", arguments: args });

describe("CallNumbers", () => {
  it("gives one call one key, whatever order its arguments are written in", async () => {
    const one = await numbers().keyOf(write("a", { x: 1, y: 2 }));
    expect(await numbers().keyOf(write("a", { y: 2, x: 1 }))).toBe(one);
  });

  it("gives other runs, tools, arguments and repetitions other keys", async () => {
    const here = numbers();
    const keys = [
      await here.keyOf(write("a", { x: 1 })),
      await here.keyOf(write("b", { x: 1 })),
      await here.keyOf(write("c", { x: 2 })),
      await here.keyOf({ ...write("d", { x: 1 }), tool: "other" }),
      await numbers("run_2").keyOf(write("a", { x: 1 })),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("keeps a call's number when it is asked again, also out of order", async () => {
    const planned = numbers();
    const [a, b] = [write("a"), write("b")];
    const keys = [await planned.keyOf(a), await planned.keyOf(b)];
    expect([await planned.keyOf(b), await planned.keyOf(a)]).toEqual(keys.toReversed());
  });

  it("takes identical calls of one turn for one, when they only read or compute", () => {
    for (const effect of ["read", "pure"] as const) {
      const here = numbers();
      const [a, b] = ["a", "b"].map((id) => here.identify(plannedCall(id, { effect })));
      expect(a).toBe(b);
      here.beginTurn();
      expect(here.identify(plannedCall("c", { effect }))).toMatchObject({ nth: 2 });
    }
  });

  it("takes a read that is made again on purpose for a call of its own", () => {
    const here = numbers();
    const first = here.identify(plannedCall("a"));
    const again = here.identify(plannedCall("a~2", { again: true }));
    expect(again.sameness).not.toBe(first.sameness);
    expect(here.identify(plannedCall("a~3", { again: true }))).not.toBe(again);
  });

  it("counts identical reads of one turn as one call, those of the next turn as another", () => {
    const here = numbers();
    const read = (id: string) => plannedCall(id);
    expect(here.identify(read("a"))).toMatchObject({ nth: 1, use: 1 });
    expect(here.identify(read("b"))).toMatchObject({ nth: 1, use: 1 });
    here.beginTurn();
    expect(here.identify(read("c"))).toMatchObject({ nth: 2, use: 2 });
    expect(here.identify(write("d"))).toMatchObject({ nth: 3, use: 3 });
  });

  it("counts a planned call, and one that is tentatively planned only once it is planned", () => {
    const here = numbers();
    const box = numberedTools(toolBox({ offered: OFFERED }), here);
    box.plan("early", "weather", '{"n":1}', true);
    const [tentative, planned] = [true, undefined].map((isTentative) => {
      box.plan("x", "weather", '{"n":2}', isTentative);
      return here.identify(plannedCall("probe", { tool: "weather", isTentative: true })).use;
    });
    expect([tentative, planned]).toEqual([1, 2]);
  });

  it("knows a call with references by what was planned, not by what was bound", async () => {
    const here = numbers();
    const planned = { ...write("b", { from: { $ref: "a#/x" } }), needs: ["a"] };
    const key = await here.keyOf(planned);
    expect(await here.keyOf({ ...planned, arguments: { from: 7 } })).toBe(key);
  });

  it("tells a call apart whose arguments were taken back and written anew", async () => {
    const here = numbers();
    const first = { ...write("a", { x: 1 }), isTentative: true as const };
    expect(await here.keyOf(first)).not.toBe(await here.keyOf(write("a", { x: 12 })));
  });

  it("gives a call that may not be meant the number it will have, and counts it only when it is", () => {
    const here = numbers();
    const read = plannedCall("r");
    const guess = here.identify({ ...read, id: "guess", isTentative: true });
    expect(guess).toMatchObject({ nth: 1, use: 1 });
    expect(here.identify(read)).toMatchObject({ nth: 1, use: 1 });
    expect(here.identify(write("w"))).toMatchObject({ use: 2 });
  });

  it("gives a read that may not be meant the number of an equal one of its turn", async () => {
    const here = numbers();
    const planned = here.identify(plannedCall("r"));
    const guess = plannedCall("guess", { isTentative: true });
    expect(here.identify(guess)).toBe(planned);
    expect(await here.keyOf(guess)).toBe(await here.keyOf(plannedCall("r")));
    here.beginTurn();
    expect(here.identify(guess)).toMatchObject({ nth: 2, use: 2 });
  });

  it("knows a call with references by what was planned, once its arguments are bound", () => {
    const here = numbers();
    const planned = write("w", { x: { $ref: "a#" } });
    const identity = here.identify({
      ...planned,
      references: [{ at: "/x", kind: "value", source: { label: "a", pointer: "" } }],
    });
    expect(here.identify({ ...planned, arguments: { x: 7 }, needs: ["a"] })).toBe(identity);
    expect(here.identify(write("v"))).toMatchObject({ use: 2 });
  });
});
