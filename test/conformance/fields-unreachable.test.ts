/** What a policy says of a gate that cannot be reached; test/node/field-inventory.test.ts keeps this list complete. */

import { afterAll, beforeAll, expect, it } from "vitest";

import { isObject, listOf, numberOf } from "../../dev/http/json.ts";
import { startGateway, type Gateway } from "../../dev/gateway.ts";
import { bootstrapOperator, createTenantForTests, type ReadyTenant } from "../../dev/provision.ts";

/** Asks the gateway's own gate, until it is told to be down: then it fails as the platform fails that is overloaded. */
const GATE_SWITCH = `
import { DurableObject } from "cloudflare:workers";
let isDown = false;
export class TenantGate extends DurableObject {}
for (const name of ["admit", "exchange", "release", "breakers", "look"]) {
  TenantGate.prototype[name] = function (...words) {
    if (isDown) throw Object.assign(new Error("down"), { overloaded: true });
    return this.env.GATE.getByName(this.ctx.id.name)[name](...words);
  };
}
export default {
  fetch() {
    isDown = true;
    return new Response("down");
  },
};`;

let gateway: Gateway;
let operatorKey: string;
beforeAll(async () => {
  gateway = await startGateway({
    extraWorkers: [
      {
        name: "gate-switch",
        script: GATE_SWITCH,
        ownObjects: { SWITCH: "TenantGate" },
        gatewayObjects: { GATE: "TenantGate" },
      },
    ],
    gateIn: "gate-switch",
  });
  operatorKey = await bootstrapOperator(gateway.baseUrl, gateway.secrets.BOOTSTRAP_SECRET);
});
afterAll(() => gateway.dispose());

const POLLING = { timeout: 15_000, interval: 20 };

const CLOCK = {
  description: "Time",
  input: { type: "object", properties: { time_zone: { type: "string" } } },
  builtin: "current_time",
};

function tenantWith(mode: string, ceiling: object = {}): Promise<ReadyTenant> {
  return createTenantForTests(gateway.baseUrl, operatorKey, {
    tools: { clock: { ...CLOCK, effect: "read" } },
    tenant: { limits: ceiling },
    policy: {
      limits: {
        requests: [{ limit: 60_000, window_s: 60, burst: 10_000 }],
        concurrent_runs: null,
        when_unreachable: mode,
      },
    },
  });
}

/** Statuses of so many runs at once. */
function runs(tenant: ReadyTenant, count: number): Promise<readonly number[]> {
  const body = JSON.stringify({ calls: [{ tool: "clock", arguments: {} }] });
  const headers = {
    authorization: `Bearer ${tenant.apiKey}`,
    "content-type": "application/json",
  };
  const one = async (): Promise<number> => {
    const answer = await fetch(`${gateway.baseUrl}/v1/runs`, { method: "POST", headers, body });
    await answer.text();
    return answer.status;
  };
  return Promise.all(Array.from({ length: count }, one));
}

/** True when tokens of some limit are lent to the gateway's instance. */
async function isLeased({ call }: ReadyTenant): Promise<boolean> {
  const limits = listOf(await call("GET", "/v1/limits"), "data").filter(isObject);
  return limits.some((limit) => (numberOf(limit, "leased") ?? 0) > 0);
}

it("policy/limits/when_unreachable: what passes without the gate: as much as before, what the operator does not limit, or what is held", async () => {
  const ceiling = { requests: [{ limit: 60_000, window_s: 60, burst: 10_000 }] };
  const [share, closed, open, capped] = await Promise.all([
    tenantWith("safe_share"),
    tenantWith("closed"),
    tenantWith("open"),
    tenantWith("open", ceiling),
  ]);
  const traffic = () => Promise.all([runs(share, 12), runs(closed, 12)]);
  await expect
    .poll(async () => {
      await traffic();
      return (await isLeased(share)) && (await isLeased(closed));
    }, POLLING)
    .toBe(true);
  await fetch(`http://127.0.0.1:${gateway.directPorts[1] ?? 0}/`);
  // What was lent is over after a moment.
  await expect.poll(async () => new Set((await traffic())[1]), POLLING).toEqual(new Set([503]));
  expect(await runs(share, 12)).toContain(200);
  expect(new Set(await runs(closed, 12))).toEqual(new Set([503]));
  expect(new Set(await runs(open, 12))).toEqual(new Set([200]));
  expect(new Set(await runs(capped, 12))).toEqual(new Set([503]));
});
