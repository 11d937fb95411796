/**
 * A chain: a declared plan that is registered once and then offered, to models and to `POST /v1/runs`, as one tool. This
 * one has every construct and every failure policy. All it does is arithmetic, so its result can be worked out by hand:
 *
 *   prices        map        12 · 2, 20 · 2, 30 · 2 in parallel, two at a time                = 24, 40, 60
 *   total         reduce     0 + 24 + 40 + 60, one after the other                            = 124
 *   discount      when       only above 100: 124 / 4                                          = 31
 *   surcharge     when       only up to 100: not here                                         = null
 *   doubled       loop       1, 2, 4, 8 …, until at least 31                                  = 32
 *   broken_map    skip       "7", then nonsense that is left out, then "9"                    = 7, 9
 *   ignored       skip       nonsense: left out                                               = null
 *   lent          default    nonsense twice (it is tried again): this instead                 = 1000
 *   answer        sequence   124 - 31 + 32 + 1000, after everything it refers to              = 1125
 *
 * A step without a policy fails the chain; the last call shows that.
 *
 *     node examples/chain.ts
 */

import { access } from "./access.ts";

const { baseUrl, apiKey } = await access();

async function send(method: string, path: string, body: unknown): Promise<unknown> {
  const response = await fetch(baseUrl + path, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok)
    throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

const ref = ($ref: string) => ({ $ref });
const calculate = (expression: string) => ({ expression: { $tmpl: expression } });

const chain = {
  calls: [
    {
      id: "prices",
      tool: "calculate",
      map: { over: ref("input#/amounts"), max_parallel: 2, limit: 100 },
      arguments: calculate("${item#} * 2"),
    },
    {
      id: "total",
      reduce: { over: ref("prices#"), tool: "calculate", initial: { result: 0 } },
      arguments: calculate("${acc#/result} + ${item#/result}"),
    },
    {
      id: "discount",
      tool: "calculate",
      when: { left: ref("total#/result"), op: ">", right: 100 },
      arguments: calculate("${total#/result} / 4"),
    },
    {
      id: "surcharge",
      tool: "calculate",
      when: { left: ref("total#/result"), op: "<=", right: 100 },
      arguments: calculate("${total#/result} + 5"),
    },
    {
      id: "doubled",
      tool: "calculate",
      loop: {
        until: { left: ref("last#/result"), op: ">=", right: ref("discount#/result") },
        max: 8,
      },
      arguments: calculate("2 ^ ${index#}"),
    },
    {
      id: "broken_map",
      tool: "calculate",
      map: { over: ref("input#/texts") },
      arguments: calculate("${item#}"),
      on_failure: "skip",
    },
    { id: "ignored", tool: "calculate", arguments: calculate("1 +"), on_failure: "skip" },
    {
      id: "lent",
      tool: "calculate",
      arguments: calculate("1 / nothing"),
      retry: { max_attempts: 2 },
      timeout_ms: 500,
      on_failure: { default: { result: 1000 } },
    },
    {
      id: "answer",
      tool: "calculate",
      arguments: calculate(
        "${total#/result} - ${discount#/result} + ${doubled#/result} + ${lent#/result}",
      ),
      after: ["broken_map", "ignored"],
      on_failure: "fail",
    },
  ],
  output: ref("answer#"),
};

const definition = {
  description: "Works out a bill",
  input: {
    type: "object",
    properties: {
      amounts: { type: "array", items: { type: "number" } },
      texts: { type: "array", items: { type: "string" } },
    },
    required: ["amounts", "texts"],
  },
  output: { type: "object", properties: { result: { type: "number" } }, required: ["result"] },
  effect: "pure",
};

// The same steps twice: once for the last result, once for all of them together.
await send("PUT", "/v1/tools/bill", { ...definition, chain });
const steps = chain.calls.map(({ id }) => id);
for (const step of steps)
  await send("PUT", `/v1/tools/bill_${step}`, {
    ...definition,
    output: {},
    chain: { ...chain, output: ref(`${step}#`) },
  });
await send("PUT", "/v1/tools/bill_strict", {
  ...definition,
  chain: {
    calls: [{ id: "wrong", tool: "calculate", arguments: calculate("1 +") }],
    output: ref("wrong#"),
  },
});

const given = { amounts: [12, 20, 30], texts: ["7", "seven", "9"] };
const answer = await send("POST", "/v1/runs", {
  calls: ["bill", ...steps.map((step) => `bill_${step}`), "bill_strict"].map((tool) => ({
    id: tool,
    tool,
    arguments: given,
  })),
});
process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
