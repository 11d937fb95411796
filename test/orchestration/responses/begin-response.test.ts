import { describe, expect, it } from "vitest";

import type { ResponseItem, StoredResponse } from "../../../src/contract/response.ts";
import {
  beginResponse,
  MAX_REFERENCED_RESPONSES,
} from "../../../src/orchestration/responses/begin-response.ts";
import { responseSkeleton } from "../../../src/orchestration/responses/response-object.ts";

const suffixOf = (n: number) => String(n).padStart(22, "0");

/** A store in which every response said its own number, and which counts how many are read at once. */
function store() {
  let reading = 0;
  let most = 0;
  const load = async (id: string): Promise<StoredResponse> => {
    reading += 1;
    most = Math.max(most, reading);
    await Promise.resolve();
    reading -= 1;
    const content = [{ type: "output_text", text: `said ${Number(id.slice("resp_".length))}` }];
    const item = {
      id: `msg_${id.slice("resp_".length)}_0`,
      type: "message",
      role: "assistant",
      content,
    };
    const response = { ...responseSkeleton(id, { model: "m", input: "" }, 0), output: [item] };
    return { response, conversation: null };
  };
  return { load, most: () => most };
}

function begin(input: readonly ResponseItem[], load: (id: string) => Promise<StoredResponse>) {
  const nothing = () => Promise.reject(new Error("not asked for"));
  const tools = {
    offered: [],
    find: () => null,
    plan: () => ({ ok: false, error: { code: "unknown_tool", message: "" } }) as const,
    parse: () => ({ ok: true, value: {} }) as const,
  };
  const approvals = { hold: nothing, load: nothing, claim: nothing, settle: nothing };
  const responses = { load, save: nothing };
  return beginResponse({ model: "m", input: [...input] }, { tools, approvals, responses });
}

function references(count: number): ResponseItem[] {
  return Array.from({ length: count }, (_, n) => ({
    type: "item_reference",
    id: `msg_${suffixOf(n)}_0`,
  }));
}

describe("references to items of earlier responses", () => {
  it("are followed for as many responses as one input may refer to, few read at once", async () => {
    const { load, most } = store();
    const begun = await begin(references(MAX_REFERENCED_RESPONSES), load);
    const last = `said ${MAX_REFERENCED_RESPONSES - 1}`;
    expect(JSON.stringify(begun.ok && begun.value.messages)).toContain(last);
    expect(most()).toBeLessThanOrEqual(4);
  });

  it("are refused one past that, before anything is read, and one by one where there is nothing", async () => {
    const { load, most } = store();
    const begun = await begin(references(MAX_REFERENCED_RESPONSES + 1), load);
    expect(begun).toMatchObject({ error: { violations: [{ pointer: "/input" }] } });
    expect(most()).toBe(0);
    const other = { type: "item_reference", id: `msg_${suffixOf(1)}_7` };
    expect(await begin([...references(1), other], load)).toMatchObject({
      error: { violations: [{ pointer: "/input/1/id", message: "There is no such item." }] },
    });
  });
});
