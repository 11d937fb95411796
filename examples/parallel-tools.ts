/**
 * Tool calls without a model: a list of calls in, the results in the same order out, run in parallel within the limits of
 * the tenant. A call that fails does not fail the others.
 *
 *     node examples/parallel-tools.ts
 */

import { access } from "./access.ts";

const { baseUrl, apiKey } = await access();

const response = await fetch(`${baseUrl}/v1/runs`, {
  method: "POST",
  headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
  body: JSON.stringify({
    calls: [
      { id: "weather", tool: "weather", arguments: { city: "Paris" } },
      { id: "events", tool: "events", arguments: { city: "Paris", from: "2026-12-01" } },
      { id: "dinner", tool: "currency", arguments: { from: "EUR", to: "USD", amount: 62 } },
      { id: "unknown_money", tool: "currency", arguments: { from: "EUR", to: "XXX", amount: 1 } },
    ],
  }),
});
process.stdout.write(`${response.status}\n${JSON.stringify(await response.json(), null, 2)}\n`);
