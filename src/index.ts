export { KeyDirectory } from "../durable-objects/key-directory/key-directory.ts";
export { RunJournal } from "../durable-objects/run-journal/run-journal.ts";
export { TenantGate } from "../durable-objects/tenant-gate/tenant-gate.ts";
export { Tenant } from "../durable-objects/tenant/tenant.ts";
export { ToolShard } from "../durable-objects/tool-shard/tool-shard.ts";

export default {
  fetch: () => new Response("not built yet"),
} satisfies ExportedHandler<Env>;
