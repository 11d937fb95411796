/** Approvals over HTTP: calls wait for somebody's word, run once, and only for whom and what was asked. */

import type OpenAI from "openai";
import { describe, expect, it } from "vitest";

import { textOf } from "../../dev/http/json.ts";
import {
  clientOf,
  ledgerEntries,
  newTenant,
  plain,
  scripted,
  servers,
  testTools,
  toolRequests,
  unique,
  type TestTenant,
} from "./scene.ts";

const MODEL = "scripted-1";
const call = (name: string, args: object = {}) => ({ name, arguments: args });
type Response = OpenAI.Responses.Response;

/** A tenant whose `record_note` asks for approval. */
async function askingTenant(): Promise<TestTenant> {
  const tenant = await newTenant();
  const { record_note: note } = testTools(tenant.mark);
  await tenant.call("PUT", "/v1/tools/record_note", { ...note, requires_approval: "always" });
  return tenant;
}

function create(tenant: { apiKey: string }, body: object): Promise<Response> {
  return clientOf(tenant).responses.create({ model: MODEL, ...body });
}

/** A conversation whose first turn notes every one of `notes` and looks up the weather. */
async function askFor(tenant: TestTenant, ...notes: readonly string[]): Promise<Response> {
  const script = scripted(
    {
      calls: [
        ...notes.map((entry) => call("record_note", { entry })),
        call("get_weather", { city: "Oslo" }),
      ],
    },
    { text: "All: {{results}}" },
  );
  return create(tenant, { input: [script] });
}

function requestsOf({ output }: Response): readonly string[] {
  return output.flatMap((item) => (item.type === "mcp_approval_request" ? [item.id] : []));
}

function answer(id: string | undefined, approve = true, reason?: string) {
  return {
    type: "mcp_approval_response",
    approval_request_id: id,
    approve,
    ...(reason !== undefined && { reason }),
  };
}

describe("a call that needs approval", () => {
  it("ends the response with a request, while the others are made at once", async () => {
    const tenant = await askingTenant();
    const note = unique("note");
    const response = await askFor(tenant, note);
    expect(response.status).toBe("completed");
    expect(response.output.map(({ type }) => type)).toEqual([
      "mcp_list_tools",
      "mcp_call",
      "mcp_approval_request",
    ]);
    expect(response.output[2]).toMatchObject({
      name: "record_note",
      arguments: JSON.stringify({ entry: note }),
      server_label: "gateway",
    });
    expect(await ledgerEntries(note)).toBe(0);
    expect((await toolRequests(tenant.mark)).started).toBe(1);
  });

  it("is made once after a yes, and what was made before is not made again", async () => {
    const tenant = await askingTenant();
    const note = unique("note");
    const first = await askFor(tenant, note);
    const [id] = requestsOf(first);
    const second = await create(tenant, { previous_response_id: first.id, input: [answer(id)] });
    expect(second.output.map(({ type }) => type)).toEqual([
      "mcp_list_tools",
      "mcp_call",
      "message",
    ]);
    expect(second.output[1]).toMatchObject({ status: "completed", approval_request_id: id });
    expect(second.output_text).toContain("temperature_c");
    expect(second.output_text).toContain(note);
    expect(await ledgerEntries(note)).toBe(1);
    expect((await toolRequests(tenant.mark)).started).toBe(2);
  });

  it("is not made after a no; the model reads why", async () => {
    const tenant = await askingTenant();
    const note = unique("note");
    const first = await askFor(tenant, note);
    const second = await create(tenant, {
      previous_response_id: first.id,
      input: [answer(requestsOf(first)[0], false, "not today")],
    });
    expect(second.output_text).toContain("not today");
    expect(second.output.map(({ type }) => type)).toEqual(["mcp_list_tools", "message"]);
    expect(await ledgerEntries(note)).toBe(0);
  });

  it("resolves independently of others, in any order, from any of the responses", async () => {
    const tenant = await askingTenant();
    const notes = [unique("a"), unique("b"), unique("c")];
    const first = await askFor(tenant, ...notes);
    const [a, b, c] = requestsOf(first);
    const second = await create(tenant, { previous_response_id: first.id, input: [answer(c)] });
    expect(requestsOf(second)).toEqual([a, b]);
    expect(await Promise.all(notes.map(ledgerEntries))).toEqual([0, 0, 1]);
    const third = await create(tenant, {
      previous_response_id: first.id,
      input: [answer(a, false)],
    });
    expect(requestsOf(third)).toEqual([b]);
    const last = await create(tenant, { previous_response_id: second.id, input: [answer(b)] });
    expect(requestsOf(last)).toEqual([]);
    expect(last.output_text).toContain("All: ");
    expect(await Promise.all(notes.map(ledgerEntries))).toEqual([0, 1, 1]);
    expect((await toolRequests(tenant.mark)).started).toBe(3);
  });

  it("is known by its id alone, without a previous response", async () => {
    const tenant = await askingTenant();
    const note = unique("note");
    const first = await askFor(tenant, note);
    const [id] = requestsOf(first);
    const second = await create(tenant, {
      input: [{ role: "user", content: "as before" }, ...first.output, answer(id)],
    });
    expect(second.output_text).toContain(note);
    expect(await ledgerEntries(note)).toBe(1);
  });

  it("waits together with the client's own calls", async () => {
    const tenant = await askingTenant();
    const note = unique("note");
    const tools = [{ type: "function", name: "mine", parameters: {}, strict: false }];
    const script = scripted(
      { calls: [call("mine"), call("record_note", { entry: note })] },
      { text: "All: {{results}}" },
    );
    const first = await create(tenant, { input: [script], tools });
    const own = first.output.find((item) => item.type === "function_call");
    const [id] = requestsOf(first);
    const half = create(tenant, { previous_response_id: first.id, input: [answer(id)], tools });
    await expect(half).rejects.toMatchObject({ status: 400 });
    const result = { type: "function_call_output", call_id: own?.call_id, output: "own result" };
    const input = [result, answer(id)];
    const second = await create(tenant, { previous_response_id: first.id, input, tools });
    expect(second.output_text).toContain("own result");
    expect(await ledgerEntries(note)).toBe(1);
  });

  it("may be asked for by the request, which cannot take a tool's own asking away", async () => {
    const tenant = await askingTenant();
    const entry = (require_approval: unknown) => ({
      type: "mcp",
      server_label: "gateway",
      require_approval,
    });
    const script = scripted({ calls: [call("wait", { ms: 1 })] }, { text: "{{results}}" });
    const asked = await create(tenant, { input: [script], tools: [entry("always")] });
    expect(requestsOf(asked)).toHaveLength(1);
    expect((await toolRequests(tenant.mark)).started).toBe(0);
    const done = await create(tenant, {
      previous_response_id: asked.id,
      input: [answer(requestsOf(asked)[0])],
      tools: [entry("always")],
    });
    expect(done.output.some(({ type }) => type === "mcp_call")).toBe(true);
    const note = unique("note");
    const noting = scripted({ calls: [call("record_note", { entry: note })] });
    const never = await create(tenant, { input: [noting], tools: [entry("never")] });
    expect(requestsOf(never)).toHaveLength(1);
    expect(await ledgerEntries(note)).toBe(0);
  });
});

describe("a tool the request asks about", () => {
  it("is not made unasked in a chain either", async () => {
    const tenant = await newTenant();
    await tenant.call("PUT", "/v1/tools/waiting", {
      description: "Waits in a chain",
      input: { type: "object", properties: {} },
      effect: "read",
      chain: {
        calls: [{ id: "one", tool: "wait", arguments: { ms: 1 } }],
        output: { $ref: "one#" },
      },
    });
    const script = scripted({ calls: [call("waiting")] }, { text: "{{results}}" });
    const require_approval = { always: { tool_names: ["wait"] } };
    const asked = { type: "mcp", server_label: "gateway", require_approval };
    await create(tenant, { input: [script], tools: [asked] });
    expect((await toolRequests(tenant.mark)).started).toBe(0);
    await create(tenant, { input: [script] });
    expect((await toolRequests(tenant.mark)).started).toBe(1);
  });
});

describe("an approval is refused", () => {
  const refused = (reason: string) => ({
    status: 409,
    code: "approval_refused",
    error: { message: expect.stringContaining(reason) as unknown },
  });

  it("when it is used again, also at the same time", async () => {
    const tenant = await askingTenant();
    const note = unique("note");
    const first = await askFor(tenant, note);
    const body = { previous_response_id: first.id, input: [answer(requestsOf(first)[0])] };
    const tries = await Promise.allSettled(Array.from({ length: 4 }, () => create(tenant, body)));
    expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await expect(create(tenant, body)).rejects.toMatchObject(refused("already used"));
    expect(await ledgerEntries(note)).toBe(1);
  });

  it("for another tenant and another key, which learn nothing", async () => {
    const [tenant, other] = [await askingTenant(), await askingTenant()];
    const note = unique("note");
    const first = await askFor(tenant, note);
    const input = [answer(requestsOf(first)[0])];
    await expect(create(other, { input })).rejects.toMatchObject(refused("unknown"));
    const made = await tenant.call("POST", "/v1/keys", { name: "second", scopes: ["run"] });
    const apiKey = textOf(plain(made), "key") ?? "";
    expect(apiKey).not.toBe("");
    await expect(create({ apiKey }, { input })).rejects.toMatchObject(refused("unknown"));
    const continued = create({ apiKey }, { previous_response_id: first.id, input });
    await expect(continued).rejects.toMatchObject(refused("unknown"));
    expect(await ledgerEntries(note)).toBe(0);
  });

  it("when the tool was changed or taken away since", async () => {
    const tenant = await askingTenant();
    const note = unique("note");
    const first = await askFor(tenant, note);
    const body = { previous_response_id: first.id, input: [answer(requestsOf(first)[0])] };
    const { record_note: tool } = testTools(tenant.mark);
    await tenant.call("PUT", "/v1/tools/record_note", {
      ...tool,
      description: "Records a note elsewhere",
      requires_approval: "always",
      http: { method: "POST", url: `${servers.tools}/echo`, body: "json" },
    });
    await expect
      .poll(() => create(tenant, body).then(String, (error: unknown) => plain(error)["code"]), {
        timeout: 40_000,
        interval: 1000,
      })
      .toBe("approval_refused");
    expect(await ledgerEntries(note)).toBe(0);
  }, 60_000);

  it("when the client was shown other arguments than were asked about", async () => {
    const tenant = await askingTenant();
    const note = unique("note");
    const first = await askFor(tenant, note);
    const [id] = requestsOf(first);
    const shown = first.output.map((item) =>
      item.type === "mcp_approval_request" ? { ...item, arguments: '{"entry":"other"}' } : item,
    );
    const forged = create(tenant, { input: [...shown, answer(id)] });
    await expect(forged).rejects.toMatchObject(refused("for another tool or arguments"));
    expect(await ledgerEntries(note)).toBe(0);
  });

  it("when it was never asked for", async () => {
    const tenant = await askingTenant();
    for (const id of ["mcpr_x", `mcpr_${"0".repeat(22)}_0`])
      await expect(create(tenant, { input: [answer(id)] })).rejects.toMatchObject(
        refused("unknown"),
      );
  });

  it("when messages would jump the queue before every request is answered", async () => {
    const tenant = await askingTenant();
    const first = await askFor(tenant, unique("a"), unique("b"));
    const word = answer(requestsOf(first)[0]);
    for (const input of ["Well?", [word, { role: "user", content: "Well?" }]])
      await expect(create(tenant, { previous_response_id: first.id, input })).rejects.toMatchObject(
        { status: 400 },
      );
    expect((await toolRequests(tenant.mark)).started).toBe(1);
  });
});
