import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";

import { PolicyTable } from "../../durable-objects/tenant/policy-table.ts";
import { presetPolicy } from "../../src/contract/policy-preset.ts";

it("reads what an earlier release stored without a field as the profile's preset has it", async () => {
  const stub = env.TENANT.getByName("policy-table");
  await runInDurableObject(stub, (_object, { storage: { sql } }) => {
    const table = new PolicyTable(sql, "development");
    const preset = presetPolicy("robust", "de", "development");
    table.append({ ...preset, runs: { ...preset.runs, max_turns: 3 } }, "test", 0);
    sql.exec(
      "UPDATE policy_version SET policy = json_remove(policy, '$.runs.deadline_ms', '$.cache')",
    );
    expect(table.current()?.policy).toEqual({ ...preset, runs: { ...preset.runs, max_turns: 3 } });
  });
});
