/** Our own gateway under test: a tenant whose provider is the golden upstream and whose tool is that of the ability checks. */

import { createTenantForTests } from "../../dev/provision.ts";
import { GATEWAY_TOOL } from "./ability-checks.ts";
import type { Target } from "./check.ts";
import { GOLDEN_KEY } from "./golden-upstream.ts";

/** How long a silent provider is waited for: the checks wait ten times as long. */
const GIVE_UP_MS = 1_000;

/** Makes a tenant for the suite. Throws when the gateway refuses a part of it. */
export async function provisionOwn(
  { baseUrl, operatorKey }: { readonly baseUrl: string; readonly operatorKey: string },
  { upstream, tools }: { readonly upstream: string; readonly tools: string },
): Promise<Target> {
  const { apiKey } = await createTenantForTests(baseUrl, operatorKey, {
    name: "conformance",
    modelBaseUrl: `${upstream}/v1`,
    modelApiKey: GOLDEN_KEY,
    // The checks come one after the other over one provider, each with a fault of its own: no check may learn from another.
    policy: { resilience: { breaker: { enabled: false } } },
    upstream: { timeouts: { first_byte_ms: GIVE_UP_MS, idle_ms: GIVE_UP_MS, total_ms: 8_000 } },
    tools: {
      [GATEWAY_TOOL]: {
        description: "Waits so many milliseconds",
        input: {
          type: "object",
          properties: {
            mark: { type: "string" },
            n: { type: "integer" },
            ms: { type: "integer", minimum: 0 },
          },
          required: ["mark", "n", "ms"],
          additionalProperties: false,
        },
        output: { type: "object", properties: { ms: { type: "integer" } }, required: ["ms"] },
        effect: "read",
        http: { method: "GET", url: `${tools}/sleep/{ms}`, query: { k: "{mark}", n: "{n}" } },
      },
    },
  });
  return {
    name: "Toolformer Edge",
    baseUrl,
    model: "golden-1",
    headers: () => bearer(apiKey),
    wrongKey: () => bearer(apiKey.slice(0, -1) + (apiKey.endsWith("0") ? "1" : "0")),
  };
}

function bearer(key: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${key}` };
}
